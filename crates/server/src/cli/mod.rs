//! The command line. A command reads the settings, opens the store beside a running server, does one thing, and says so to a
//! person or, with `--json`, to a script.

mod admin;
mod apply;
mod audit;
mod backup;
#[cfg(target_os = "linux")]
mod bench;
mod client;
mod client_key;
mod config;
mod doctor;
mod export;
mod grant;
mod guard;
mod held;
mod key;
mod login;
mod logout;
mod migrate;
mod move_to;
mod output;
mod purge;
mod resource;
mod restore;
mod serve;
mod settings;
mod token;
mod upstream;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use firman_engine::acting::{Actor, acting};

use crate::start::Running;

pub(crate) use output::table;
use output::{Failed, Printer};

const AFTER_HELP: &str = "\
Try it:
  firman serve --demo                   a server with a demo client and account, on loopback
  firman login --dir firman-demo        sign in there, from this terminal through your browser
  firman client list --dir firman-demo

Settings come from firman.toml (--config), then from FIRMAN__SECTION__KEY in the environment; `firman config` shows them.

Exit codes:
  0  done
  1  something broke; the message says what
  2  the command line is wrong
  3  the settings are wrong or incomplete
  4  what was named is not there
  5  refused, and the message says why
  6  the store or the server cannot be reached now; try again";

/// An OAuth 2.0 and OpenID Connect authorization server: one binary, sealed references instead of stored tokens.
#[derive(Parser)]
#[command(name = "firman", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args, Clone)]
pub(crate) struct Common {
    /// The settings file; without it firman.toml here, if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "FIRMAN_CONFIG")]
    config: Option<PathBuf>,
    /// A folder made by `serve --demo`: its settings, master key and database.
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "config")]
    dir: Option<PathBuf>,
    /// Print JSON for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Create, list, show and delete clients, and give them new secrets.
    #[command(subcommand)]
    Client(client::Client),
    /// Register, list, show, edit and remove resources: the servers that access tokens are for.
    #[command(subcommand)]
    Resource(resource::Resource),
    /// Create and list accounts, and set their passwords.
    #[command(subcommand)]
    User(user::User),
    /// Say who may use the admin API and its console.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// List, rotate and revoke keys.
    #[command(subcommand)]
    Key(key::Key),
    Token(Box<token::Token>),
    /// Read the audit trail, or export it as JSON lines.
    #[command(subcommand, after_help = audit::AFTER_HELP)]
    Audit(audit::Audit),
    /// List the identity providers whose people may sign in here, and check that they can.
    #[command(subcommand, after_help = upstream::AFTER_HELP)]
    Upstream(upstream::Upstream),
    /// List and revoke grants.
    #[command(subcommand)]
    Grant(grant::Grant),
    Purge(purge::Purge),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Move(move_to::Move),
    /// Show what the schema of the database lacks, print the SQL, or bring it up to date.
    #[command(subcommand, after_help = migrate::AFTER_HELP)]
    Migrate(migrate::Migrate),
    Login(login::Login),
    Guard(guard::Guard),
    Logout(logout::Logout),
    /// Examine a running server from outside, as its clients see it, and say what would cure what is wrong.
    Doctor(doctor::Doctor),
    /// Show the settings in force, with what each means and where it comes from.
    Config(config::Config),
    #[cfg(target_os = "linux")]
    Bench(bench::Bench),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    BenchCeiling(bench::BenchCeiling),
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    BenchGuarded(bench::BenchGuarded),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer { json: cli.common.json };
    match run(&cli.common, cli.command, printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => printer.failed(&failed),
    }
}

fn run(common: &Common, command: Command, printer: Printer) -> Result<(), Failed> {
    match command {
        Command::Login(login) => runtime()?.block_on(login.run(common, printer)),
        Command::Logout(logout) => runtime()?.block_on(logout.run(common, printer)),
        Command::Token(token) if token.is_of_a_client() => runtime()?.block_on(token.run_as_client(common, printer)),
        Command::Doctor(doctor) => doctor.run(common, printer),
        Command::Config(config) => config.run(common, printer),
        Command::Admin(admin::Admin::Openapi) => admin::openapi(printer),
        #[cfg(target_os = "linux")]
        Command::Bench(bench) => bench.run(printer),
        #[cfg(target_os = "linux")]
        Command::BenchCeiling(_) => runtime()?.block_on(bench::BenchCeiling::run()),
        #[cfg(target_os = "linux")]
        Command::BenchGuarded(_) => runtime()?.block_on(bench::BenchGuarded::run()),
        Command::Backup(backup) => runtime()?.block_on(backup.run(common, printer)),
        Command::Restore(restore) => runtime()?.block_on(restore.run(common, printer)),
        Command::Move(to) => runtime()?.block_on(to.run(common, printer)),
        Command::Migrate(migrate) => runtime()?.block_on(migrate.run(common, printer)),
        Command::Guard(guard) => runtime()?.block_on(guard.run(printer)),
        Command::Serve(serve) => runtime()?.block_on(serve.run(common, printer)),
        other => runtime()?.block_on(with_store(common, other, printer)),
    }
}

async fn with_store(common: &Common, command: Command, printer: Printer) -> Result<(), Failed> {
    let settings = common.settings(&[])?;
    let running = crate::start::start(&settings).await?;
    let outcome = Box::pin(acting(Actor::CommandLine, with_running(command, &settings, &running, printer))).await;
    running.database.close().await;
    outcome
}

async fn with_running(
    command: Command,
    settings: &crate::config::Settings,
    running: &Running,
    printer: Printer,
) -> Result<(), Failed> {
    match command {
        Command::Admin(admin) => admin.run(running, printer).await,
        Command::Client(client) => client.run(running, printer).await,
        Command::Resource(resource) => resource.run(running, printer).await,
        Command::User(user) => user.run(running, printer).await,
        Command::Key(key) => key.run(running, printer).await,
        Command::Token(token) => token.run(running, printer).await,
        Command::Audit(audit) => audit.run(running, printer).await,
        Command::Grant(grant) => grant.run(running, printer).await,
        Command::Upstream(upstream) => upstream.run(running, printer).await,
        Command::Purge(purge) => purge.run(running, &settings.retention, printer).await,
        // These were run without a store of their own.
        _ => Ok(()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failed::broke(format!("cannot start: {error}")))
}
