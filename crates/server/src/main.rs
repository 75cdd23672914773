//! The `firman` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    firman::cli::main()
}
