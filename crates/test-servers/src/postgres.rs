//! A throwaway PostgreSQL.

use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::place::{Place, engine};

/// How long a server may take to start, in steps of 50 ms.
const STEPS_TO_START: u32 = 1200;

/// What is unusual about a server.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// Lines of `postgresql.conf`: `name=value`.
    pub settings: Vec<String>,
    /// Lines of `pg_hba.conf` before the one that trusts everybody on loopback.
    pub access: Vec<String>,
}

/// A PostgreSQL server with a superuser `postgres` whom it trusts. Gone when this is dropped or the process ends.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    options: PostgresOptions,
    server: Mutex<Option<Child>>,
    place: Place,
    made: AtomicU32,
}

impl Postgres {
    /// The one that all tests of this process share, started by the first. `None` where there is no PostgreSQL.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        // Nothing here is lost by a loss of power that matters, and every case makes tables: this one does not sync.
        let quick = || PostgresOptions { settings: vec!["fsync=off".to_owned()], ..PostgresOptions::default() };
        SHARED.get_or_init(|| Self::start(quick())).as_ref()
    }

    /// A server of one's own. `None` where there is no PostgreSQL.
    pub fn start(options: PostgresOptions) -> Option<Self> {
        Self::start_prepared(options, |_| ())
    }

    /// The same, with something put into its folder before it starts; the data are in `data`.
    pub fn start_prepared(options: PostgresOptions, prepare: impl FnOnce(&Place)) -> Option<Self> {
        let programs = engine("FIRMAN_TEST_POSTGRES")?;
        let place = Place::new("postgres");
        let mut initdb = place.command(programs.join("initdb"));
        initdb.args(["--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]);
        place.run(initdb.arg("--no-sync"));
        let hba = place.folder().join("data/pg_hba.conf");
        let access = format!("{}\n{}", options.access.join("\n"), std::fs::read_to_string(&hba).unwrap());
        std::fs::write(&hba, access).unwrap();
        prepare(&place);
        let port = Place::free_port();
        let made = Self { programs, port, options, server: Mutex::new(None), place, made: AtomicU32::new(0) };
        made.run();
        Some(made)
    }

    /// A standby of this server, on a port of its own: it follows, and takes no writes until it is promoted.
    #[must_use]
    pub fn standby(&self) -> Self {
        let place = Place::new("postgres");
        let mut copy = place.command(self.programs.join("pg_basebackup"));
        copy.args([
            "--pgdata=data",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            "--dbname",
            &self.url(),
        ]);
        place.run(&mut copy);
        let (programs, options) = (self.programs.clone(), self.options.clone());
        let port = Place::free_port();
        let made = Self { programs, port, options, server: Mutex::new(None), place, made: AtomicU32::new(0) };
        made.run();
        made
    }

    /// Makes a standby a server of its own, and waits until it takes writes.
    pub fn promote(&self) {
        assert_eq!(self.sql("SELECT pg_promote(true, 60)"), "t");
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder it lives in.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The address of a new, empty schema: what is asked of it stays apart from what others do.
    pub fn fresh(&self) -> String {
        let schema = format!("case_{}_{}", std::process::id(), self.made.fetch_add(1, Ordering::Relaxed));
        self.sql(&format!("CREATE SCHEMA {schema}"));
        format!("{}?options=-csearch_path%3D{schema}", self.url())
    }

    /// The address of the database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs statements as the superuser; gives what `psql` prints, one line a row.
    pub fn sql(&self, text: &str) -> String {
        let mut psql = self.place.command(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--dbname", &self.url(), "--command", text]);
        self.place.run(&mut psql)
    }

    /// `kill -9`: nothing is finished, nothing is said.
    pub fn kill(&self) {
        let server = self.server.lock().unwrap().take();
        if let Some(mut server) = server {
            server.kill().ok();
            server.wait().ok();
            self.place.ended("postgres");
        }
    }

    /// Starts it, if it does not run, and waits until it answers.
    pub fn run(&self) {
        let mut running = self.server.lock().unwrap();
        if running.is_none() {
            let mut server = self.place.command(self.programs.join("postgres"));
            server.args(["-D", "data", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-k"]);
            server.arg(self.place.folder()).args(["-c", "max_connections=400", "-c", "shared_buffers=64MB"]);
            for setting in &self.options.settings {
                server.args(["-c", setting]);
            }
            *running = Some(self.place.start("postgres", &mut server));
        }
        for _ in 0..STEPS_TO_START {
            let mut ready = self.place.command(self.programs.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ready.status().unwrap().success() {
                return;
            }
            if let Some(status) = running.as_mut().and_then(|server| server.try_wait().ok().flatten()) {
                // What is left of a killed server may still hold its memory; it goes away by itself.
                let log = self.place.log("postgres");
                assert!(log.contains("pre-existing shared memory"), "PostgreSQL ended with {status}: {log}");
                drop(running.take());
                drop(running);
                std::thread::sleep(Duration::from_millis(100));
                return self.run();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not start: {}", self.place.log("postgres"));
    }
}
