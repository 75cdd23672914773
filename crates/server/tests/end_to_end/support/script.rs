//! A script of `tests/browser`, run to its end.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a script with these arguments and this text to read; gives what it printed. It must succeed.
pub(crate) fn run(node: impl AsRef<OsStr>, name: &str, arguments: &[&str], text: &str) -> String {
    let mut script = Command::new(node)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser").join(name))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    script.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = script.wait_with_output().unwrap();
    let steps = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{steps}\n{}", String::from_utf8_lossy(&output.stderr));
    steps
}
