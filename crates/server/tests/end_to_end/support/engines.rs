//! Programs that only some tests need. `./test` installs them and names them in the environment.

use std::env;
use std::ffi::OsString;
use std::io::Write as _;

/// The program a variable names. Without it the test is skipped aloud, or fails where nobody would hear (`CI=true`).
pub(crate) fn engine(variable: &str) -> Option<OsString> {
    let program = env::var_os(variable).filter(|value| !value.is_empty());
    if program.is_none() {
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "{variable} is not set: run ./test");
        // Not eprintln!, which a passing test swallows.
        let _ = writeln!(std::io::stderr(), "SKIPPED: a test that needs {variable}; ./test installs it and sets it");
    }
    program
}
