//! The keyring of a desktop, through its own program: `secret-tool` of libsecret, which speaks to whatever keyring there is.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// How long a person may take to unlock it. Where nobody can be asked, the program says so at once.
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 1024;

/// What keeps small secrets for whoever is signed in to this machine.
pub(super) struct Keyring {
    /// The program, and what always goes before its own words.
    pub(super) command: Vec<String>,
    pub(super) patience: Duration,
}

impl Default for Keyring {
    fn default() -> Self {
        Self { command: vec!["secret-tool".to_owned()], patience: PATIENCE }
    }
}

impl Keyring {
    /// Keeps a key under a name.
    pub(super) fn store(&self, name: &str, key: &[u8; 32]) -> Result<(), String> {
        let text = Zeroizing::new(STANDARD.encode(key));
        let label = "--label=Key of the tokens that firman keeps";
        self.run(&["store", label, "service", "firman", "key", name], &text).map(drop)
    }

    /// The key of this name; why there is none.
    pub(super) fn find(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, String> {
        let text = self.run(&["lookup", "service", "firman", "key", name], "")?;
        let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).unwrap_or_default();
        let key: Result<[u8; 32], _> = bytes.as_slice().try_into();
        key.map(Zeroizing::new).map_err(|_| "it has no such key".to_owned())
    }

    /// Forgets a key, as far as that works.
    pub(super) fn forget(&self, name: &str) {
        let _ = self.run(&["clear", "service", "firman", "key", name], "");
    }

    /// Runs the program to its end, which it is brought to after a while.
    fn run(&self, words: &[&str], input: &str) -> Result<Zeroizing<String>, String> {
        let (program, first) = self.command.split_first().ok_or("no program is named")?;
        let wrong = |why: &dyn std::fmt::Display| format!("{program}: {why}");
        let mut child = Command::new(program)
            .args(first)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| wrong(&error))?;
        // Who does not read it says why by its end.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        let (said, complaint) = (child.stdout.take(), child.stderr.take());
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut text, mut why) = (Zeroizing::new(String::new()), String::new());
            let _ = said.map(|said| said.take(LONGEST).read_to_string(&mut text));
            let _ = complaint.map(|complaint| complaint.take(LONGEST).read_to_string(&mut why));
            send.send((text, why)).ok()
        });
        let Ok((text, why)) = receive.recv_timeout(self.patience) else {
            end(child);
            return Err(wrong(&format!("it has not answered in {} s", self.patience.as_secs())));
        };
        let status = child.wait().map_err(|error| wrong(&error))?;
        let why = why.trim();
        if status.success() { Ok(text) } else { Err(wrong(&if why.is_empty() { "it has no such key" } else { why })) }
    }
}

fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}
