//! What commands print, and with which code they end.

use std::io::Write;
use std::process::ExitCode;

use firman_engine::Fault;
use firman_engine::admin::AdminError;
use serde::Serialize;
use serde_json::json;

use crate::config::ConfigError;
use crate::start::StartError;

/// Prints for people or for scripts.
#[derive(Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) json: bool,
}

impl Printer {
    /// The outcome of a command: a value for scripts, lines for people.
    pub(crate) fn done(self, value: &impl Serialize, lines: impl FnOnce() -> String) -> Result<(), Failed> {
        if self.json {
            let text = serde_json::to_string(value).map_err(|error| Failed::broke(error.to_string()))?;
            print(&mut std::io::stdout(), &text);
        } else {
            print(&mut std::io::stdout(), lines().trim_end());
        }
        Ok(())
    }

    /// A line for people while a command runs: beside what a script reads.
    #[allow(clippy::unused_self, reason = "printing is this type's business")]
    pub(crate) fn note(self, line: &str) {
        print(&mut std::io::stderr(), line);
    }

    /// Says why a command failed, and gives its exit code.
    pub(crate) fn failed(self, failed: &Failed) -> ExitCode {
        if self.json {
            print(&mut std::io::stderr(), &json!({"error": failed.text, "code": failed.code}).to_string());
        } else {
            print(&mut std::io::stderr(), &format!("firman: {}", failed.text));
        }
        ExitCode::from(failed.code)
    }
}

/// Whoever read may have gone (`firman client list | head`): that is no reason to fail.
fn print(to: &mut impl Write, text: &str) {
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

/// Why a command failed, and its exit code.
#[derive(Debug)]
pub(crate) struct Failed {
    text: String,
    code: u8,
}

impl Failed {
    pub(crate) fn broke(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1 }
    }

    pub(crate) fn settings(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 3 }
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 4 }
    }

    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 5 }
    }

    pub(crate) fn unreachable(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 6 }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        if fault.temporary { Self::unreachable(fault.to_string()) } else { Self::broke(fault.to_string()) }
    }
}

impl From<AdminError> for Failed {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound(text) => Self::not_found(text),
            AdminError::Refused(denied) => Self::refused(denied.text),
            AdminError::Edited(_) => Self::unreachable(error.to_string()),
            AdminError::Fault(fault) => fault.into(),
        }
    }
}

impl From<ConfigError> for Failed {
    fn from(error: ConfigError) -> Self {
        Self::settings(error.to_string())
    }
}

impl From<StartError> for Failed {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Settings(error) => error.into(),
            StartError::Database(error) => Self::unreachable(error.to_string()),
            StartError::Fault(fault) => fault.into(),
        }
    }
}

/// Columns of text, as wide as their widest entry.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|name| name.len())).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut head.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}
