//! Runs a command beside a throwaway database server and ends with its exit code: `with postgres COMMAND…`, `with mariadb
//! COMMAND…`. The command finds the URL of an empty database in `FIRMAN_BENCH_URL`. The server syncs what it acknowledges and
//! has memory enough for a benchmark; it is gone when this ends, however it ends.
#![allow(clippy::print_stderr, clippy::disallowed_methods, reason = "a tool for people")]

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use firman_test_servers::{Mariadb, Postgres, PostgresOptions};

const POSTGRES: [&str; 4] =
    ["shared_buffers=4GB", "max_wal_size=8GB", "checkpoint_timeout=15min", "wal_compression=lz4"];
const MARIADB: [&str; 4] =
    ["innodb_buffer_pool_size=4G", "innodb_log_file_size=2G", "innodb_flush_log_at_trx_commit=1", "skip-log-bin"];

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let (engine, command): (OsString, Vec<OsString>) = (words.next().unwrap_or_default(), words.collect());
    match engine.to_str() {
        Some("postgres") => {
            let settings = POSTGRES.map(str::to_owned).to_vec();
            let server = Postgres::start(PostgresOptions { settings, ..PostgresOptions::default() });
            server.map_or(ExitCode::FAILURE, |server| run(&command, &server.url()))
        }
        Some("mariadb") => {
            let server = Mariadb::start(&MARIADB);
            server.map_or(ExitCode::FAILURE, |server| run(&command, &server.fresh()))
        }
        _ => {
            eprintln!("with postgres COMMAND…, or with mariadb COMMAND…");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &[OsString], url: &str) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
    match Command::new(program).args(arguments).env("FIRMAN_BENCH_URL", url).status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("{}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
