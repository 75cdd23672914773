//! Where a throwaway server lives, and how it is made sure that it does not outlive the tests.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Kills every server whose number is in a `.pid` file of the folder and removes the folder, once the pipe is closed.
const WATCHDOG: &str = r#"cat >/dev/null
for file in "$1"/*.pid; do [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null; done
for try in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && break; sleep 0.2; done"#;

/// The value of a `FIRMAN_TEST_…` variable; without it a loud skip, or with `CI=true` a failure.
pub fn engine(variable: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if found.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{variable} must be set in CI");
        let skipped = format!("SKIPPED: set {variable} (tests/tools.sh does) to run this test\n");
        std::io::stderr().write_all(skipped.as_bytes()).ok();
    }
    found
}

/// A temporary folder and the processes that belong to it. When this is dropped, or the process that holds it ends in any
/// way, the processes are killed and the folder is removed.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
    /// The user to whom the folder belongs, if it is not ours.
    user: Option<&'static str>,
    watchdog: Child,
}

impl Place {
    /// A new folder. Servers refuse to run as root: then it belongs to `user`, and [`Place::run`] becomes that user.
    pub fn new(user: &'static str) -> Self {
        let folder = tempfile::Builder::new().prefix("firman-server-").tempdir().unwrap().keep();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let root = output(Command::new("id").arg("-u")) == "0";
        let user = root.then_some(user);
        if let Some(user) = user {
            output(Command::new("chown").arg(format!("{user}:")).arg(&folder));
        }
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCHDOG, "watchdog"]).arg(&folder).stdin(Stdio::piped());
        // In a group of its own: an interrupt from the keyboard ends the tests and not the one who cleans up.
        watchdog.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let watchdog = watchdog.spawn().unwrap();
        Self { folder, user, watchdog }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command that runs as the owner of the folder, in it.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = match self.user {
            None => Command::new(program.as_ref()),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]).arg(program.as_ref());
                command
            }
        };
        command.current_dir(&self.folder).stdin(Stdio::null()).process_group(0);
        command
    }

    /// Runs a command of [`Place::command`] to its end, which must be a good one.
    pub fn run(&self, command: &mut Command) -> String {
        output(command)
    }

    /// Starts a server with a command of [`Place::command`]; what it says goes to `<name>.log`. Killed with the folder.
    pub fn start(&self, name: &str, command: &mut Command) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join(format!("{name}.log")));
        let log = log.unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        std::fs::write(self.folder.join(format!("{name}.pid")), child.id().to_string()).unwrap();
        child
    }

    /// To be called when a server was ended: its number may soon be another's.
    pub fn ended(&self, name: &str) {
        std::fs::remove_file(self.folder.join(format!("{name}.pid"))).ok();
    }

    /// What a server has said so far.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default()
    }

    /// A port of the loopback address that was free a moment ago.
    pub fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        self.watchdog.wait().ok();
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// How many rounds a race takes: so many, or ten times as many where `FIRMAN_TEST_MATRIX` is set (`tests/matrix`).
pub fn rounds(short: usize) -> usize {
    if matrix() { 10 * short } else { short }
}

/// Whether everything is asked for that takes long.
pub fn matrix() -> bool {
    std::env::var_os("FIRMAN_TEST_MATRIX").is_some()
}
