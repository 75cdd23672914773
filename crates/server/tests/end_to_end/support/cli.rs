//! The command line, as a script uses it: `--json`, exit codes, nothing interactive.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::server::{Folder, database_of, settings_of};

const ENDS_WITHIN: Duration = Duration::from_mins(1);

/// `firman` on the files of one server, running or not.
pub(crate) struct Cli(PathBuf);

pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Cli {
    pub(crate) fn on(folder: &Folder) -> Self {
        Self(folder.data())
    }

    /// Runs a command that succeeds, and reads what it prints.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let outcome = self.run(words, "");
        assert_eq!(outcome.code, Some(0), "firman {words:?}: {} {}", outcome.stdout, outcome.stderr);
        serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("firman {words:?}: {error}: {}", outcome.stdout))
    }

    pub(crate) fn run(&self, words: &[&str], input: &str) -> Outcome {
        let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
        words.extend(["--json".into(), "--dir".into(), self.0.clone().into()]);
        let mut firman = Command::new(env!("CARGO_BIN_EXE_firman"));
        run(firman.envs(database_of(&self.0)).envs(settings_of(&self.0)), &words, input)
    }
}

/// Runs a command to its end, which must come soon: no command waits for a person here.
pub(crate) fn firman(words: &[OsString], input: &str) -> Outcome {
    run(&mut Command::new(env!("CARGO_BIN_EXE_firman")), words, input)
}

fn run(firman: &mut Command, words: &[OsString], input: &str) -> Outcome {
    let mut child =
        firman.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    // A command that wants no input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(child.wait_with_output()));
    let Ok(output) = receive.recv_timeout(ENDS_WITHIN) else {
        kill_process(pid, Signal::KILL).unwrap();
        panic!("firman {words:?} does not end");
    };
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
