//! What PostgreSQL's errors mean.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::remote::WireError;

/// What an error means for the transaction it ended.
pub(super) fn wire_error(error: &Error) -> WireError {
    let cause = text(error);
    let Some(code) = error.code() else {
        // A certificate that is not the right one does not become so by waiting.
        return if cause.contains("certificate") { WireError::Denied(cause) } else { WireError::Lost(cause) };
    };
    // A row that somebody else inserted after the guard looked: looked at again, it is there.
    if [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED, &SqlState::UNIQUE_VIOLATION]
        .contains(&code)
    {
        return WireError::Again(cause);
    }
    // 08: connection exception. 57P: the server is shutting down, has crashed, is starting, or somebody ended the session.
    if code.code().starts_with("08") || code.code().starts_with("57P") {
        return WireError::Lost(cause);
    }
    // 53: out of disk, memory or connections. 55P03, 57014: waited too long. 25006, 25P02, 25P03: see `spoils`.
    if is_about_names(error) {
        return WireError::Names(cause);
    }
    // 28: who we are. 3D: no such database. 42501: no right.
    if ["28", "3D", "42501"].iter().any(|class| code.code().starts_with(class)) {
        return WireError::Denied(cause);
    }
    let temporary = ["25", "53", "55P03", "57014", "58"].iter().any(|class| code.code().starts_with(class));
    WireError::Refused { cause, temporary }
}

/// Whether the connection is of no more use although it stands: the server it leads to has become a standby, or was one.
pub(super) fn spoils(error: &Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// The name of a table, column or index that is not there, or is there already.
fn is_about_names(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        [&SqlState::UNDEFINED_TABLE, &SqlState::UNDEFINED_COLUMN, &SqlState::INVALID_SCHEMA_NAME].contains(&code)
    })
}

/// What the server or the system says, without the details, which hold values.
pub(super) fn text(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} ({})", said.message(), said.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}
