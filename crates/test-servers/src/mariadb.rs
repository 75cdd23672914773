//! A throwaway MariaDB.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::place::{Place, engine};

/// How long a server may take to start, in steps of 50 ms.
const STEPS_TO_START: u32 = 1200;

/// The user that servers run as if we are root.
pub(crate) const USER: &str = "mysql";

/// A MariaDB server with a user `root` whom it trusts. Gone when this is dropped or the process ends.
#[derive(Debug)]
pub struct Mariadb {
    node: Node,
    place: Place,
    made: AtomicU32,
}

impl Mariadb {
    /// The one that all tests of this process share, started by the first. `None` where there is no MariaDB.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Mariadb>> = OnceLock::new();
        // Nothing here is lost by a loss of power that matters, and every case makes tables: this one does not sync.
        SHARED.get_or_init(|| Self::start(&QUICK)).as_ref()
    }

    /// A server of one's own, with these lines in its configuration. `None` where there is no MariaDB.
    pub fn start(settings: &[&str]) -> Option<Self> {
        let program = engine("FIRMAN_TEST_MARIADB")?;
        let place = Place::new(USER);
        let node = Node::new(program, &place, "mariadb", settings);
        node.make_data(&place);
        node.run(&place, &[]);
        Some(Self { node, place, made: AtomicU32::new(0) })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.node.port
    }

    /// The folder it lives in.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The address of a new, empty database.
    pub fn fresh(&self) -> String {
        let name = fresh_name(&self.made);
        self.sql(&format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.node.port)
    }

    /// Runs statements as the superuser; gives what the client prints, one line a row.
    pub fn sql(&self, text: &str) -> String {
        self.node.sql(&self.place, text)
    }

    /// The same, where it may fail.
    pub fn try_sql(&self, text: &str) -> Option<String> {
        self.node.try_sql(&self.place, text)
    }

    /// `kill -9`: nothing is finished, nothing is said.
    pub fn kill(&self) {
        self.node.kill(&self.place);
    }

    /// Starts it, if it does not run, and waits until it answers.
    pub fn run(&self) {
        self.node.run(&self.place, &[]);
    }
}

/// Settings for tests that need no durability.
pub(crate) const QUICK: [&str; 2] = ["innodb_flush_log_at_trx_commit=0", "sync_frm=0"];

/// A name for a database that no other test has.
pub(crate) fn fresh_name(made: &AtomicU32) -> String {
    format!("case_{}_{}", std::process::id(), made.fetch_add(1, Ordering::Relaxed))
}

/// One server process.
#[derive(Debug)]
pub(crate) struct Node {
    program: PathBuf,
    pub(crate) name: String,
    pub(crate) port: u16,
    server: Mutex<Option<Child>>,
}

impl Node {
    /// A server that was not started yet.
    pub(crate) fn new(program: PathBuf, place: &Place, name: &str, settings: &[&str]) -> Self {
        let port = Place::free_port();
        let folder = place.folder();
        let path = |end: &str| folder.join(format!("{name}.{end}")).display().to_string();
        let lines = [
            format!("[mysqld]\ndatadir={}\nsocket={}\npid-file={}", path("data"), path("sock"), path("number")),
            format!("bind-address=127.0.0.1\nport={port}\nmax_connections=400\nskip-name-resolve"),
            "default-storage-engine=InnoDB\ninnodb_buffer_pool_size=64M\ninnodb_log_file_size=48M".to_owned(),
            "performance_schema=OFF".to_owned(),
        ];
        let text = format!("{}\n{}\n", lines.join("\n"), settings.join("\n"));
        std::fs::write(folder.join(format!("{name}.cnf")), text).unwrap();
        place.run(place.command("mkdir").arg(path("data")));
        Self { program, name: name.to_owned(), port, server: Mutex::new(None) }
    }

    /// Makes its system tables.
    pub(crate) fn make_data(&self, place: &Place) {
        let data = place.folder().join(format!("{}.data", self.name));
        let mut install = place.command("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        place.run(install.arg(format!("--datadir={}", data.display())));
    }

    /// Starts it, if it does not run, and waits until it answers.
    pub(crate) fn run(&self, place: &Place, arguments: &[&str]) {
        let mut running = self.server.lock().unwrap();
        let defaults = format!("--defaults-file={}", self.file(place, "cnf").display());
        for _ in 0..STEPS_TO_START {
            let server = running.get_or_insert_with(|| {
                let mut server = place.command(&self.program);
                place.start(&self.name, server.arg(&defaults).args(arguments))
            });
            if let Some(status) = server.try_wait().unwrap() {
                panic!("{} ended with {status}: {}", self.name, place.log(&self.name));
            }
            if self.try_sql(place, "SELECT 1").is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{} does not start: {}", self.name, place.log(&self.name));
    }

    /// `kill -9`.
    pub(crate) fn kill(&self, place: &Place) {
        let server = self.server.lock().unwrap().take();
        if let Some(mut server) = server {
            server.kill().ok();
            server.wait().ok();
            place.ended(&self.name);
        }
    }

    /// Runs statements as the superuser.
    pub(crate) fn sql(&self, place: &Place, text: &str) -> String {
        place.run(&mut self.client(place, text))
    }

    /// The same, where it may fail.
    pub(crate) fn try_sql(&self, place: &Place, text: &str) -> Option<String> {
        let output = self.client(place, text).output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn client(&self, place: &Place, text: &str) -> std::process::Command {
        let mut client = place.command("mariadb");
        client.args(["--no-defaults", "--user=root", "--protocol=tcp", "--host=127.0.0.1", "--connect-timeout=5"]);
        client.args(["--batch", "--skip-column-names", &format!("--port={}", self.port), &format!("--execute={text}")]);
        client
    }

    fn file(&self, place: &Place, end: &str) -> PathBuf {
        Path::new(place.folder()).join(format!("{}.{end}", self.name))
    }
}
