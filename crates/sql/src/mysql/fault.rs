//! What an error of the server means for the transaction, and what may be said of it.

use mysql_async::{Error, ServerError};

use crate::remote::WireError;

/// Where in a transaction an error was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Before anything could have been committed.
    Before,
    /// In a statement that commits by itself.
    Alone,
    /// In COMMIT.
    InCommit,
}

/// What an error means, and whether the connection, or its node, is of no more use.
pub(super) fn meaning(error: &Error, when: When) -> (WireError, bool) {
    let error = match error {
        Error::Server(error) => error,
        // A certificate that is not the right one does not become so by waiting.
        Error::Io(_) if error.to_string().contains("certificate") => {
            return (WireError::Denied(error.to_string()), true);
        }
        _ => return (WireError::Lost(error.to_string()), true),
    };
    let cause = text(error);
    match (error.code, when) {
        // A node outside the primary component refuses before it does anything.
        (UNPREPARED, When::Before | When::Alone) => (WireError::Again(cause), true),
        (DEADLOCK, _)
        | (MARK_GONE, When::Before)
        | (LOCK_WAIT | DUPLICATE | DUPLICATE_NAMED | CHANGED | STALE, When::Before | When::Alone) => {
            (WireError::Again(cause), false)
        }
        (code, _) if BROKEN.contains(&code) => (WireError::Lost(cause), true),
        (_, When::InCommit) => (WireError::Lost(cause), true),
        (code, _) if DENIED.contains(&code) => (WireError::Denied(cause), false),
        (code, _) if NAMES.contains(&code) => (WireError::Names(cause), false),
        (code, _) => (WireError::Refused { cause, temporary: TEMPORARY.contains(&code) }, READ_ONLY.contains(&code)),
    }
}

/// Galera: certification failed, or another transaction had the better right. InnoDB: a circle of waits.
const DEADLOCK: u16 = 1213;
/// The mark of a transaction is not there: it was rolled back, and another has begun.
const MARK_GONE: u16 = 1305;
/// Waited too long for a row, or, in Galera, for what others have committed.
const LOCK_WAIT: u16 = 1205;
/// Somebody inserted the same row at the same time.
const DUPLICATE: u16 = 1062;
const DUPLICATE_NAMED: u16 = 1586;
/// The row has changed since it was read.
const CHANGED: u16 = 1020;
/// A prepared statement is older than its table, which others change or push out of the server's cache as often as it is made anew.
const STALE: u16 = 1615;
/// The node is not part of the cluster.
const UNPREPARED: u16 = 1047;

/// Shutdown, killed, interrupted, network, failed in COMMIT: what was done is not known.
const BROKEN: [u16; 10] = [1053, 1105, 1158, 1159, 1160, 1161, 1180, 1181, 1317, 1927];

/// The server is read-only: another one may not be.
const READ_ONLY: [u16; 2] = [1290, 1836];

/// User, password, database, a right.
const DENIED: [u16; 7] = [1044, 1045, 1049, 1142, 1143, 1227, 1698];

/// No such column, no such table.
const NAMES: [u16; 2] = [1054, 1146];

/// Out of memory, of room, of connections, of time; read-only for now.
const TEMPORARY: [u16; 13] = [1021, 1037, 1038, 1040, 1041, 1114, 1203, 1226, 1290, 1836, 1969, 3024, 3168];

/// Errors whose text names tables, columns and users, and no values.
const SAYABLE: [u16; 18] =
    [1021, 1040, 1044, 1045, 1047, 1049, 1054, 1114, 1142, 1143, 1146, 1205, 1213, 1226, 1227, 1290, 1698, 1969];

fn text(error: &ServerError) -> String {
    match error.code {
        code if SAYABLE.contains(&code) => format!("error {code}: {}", error.message),
        // Others quote the statement or a value.
        code => format!("error {code} ({})", error.state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16) -> Error {
        let (message, state) = ("Duplicate entry 'hush' for key".to_owned(), "HY000".to_owned());
        Error::Server(ServerError { code, message, state })
    }

    #[test]
    fn what_was_surely_rolled_back_is_replayed() {
        for code in [1213, 1205, 1062, 1047, 1615] {
            for when in [When::Before, When::Alone] {
                assert!(matches!(meaning(&server(code), when).0, WireError::Again(_)), "{code} {when:?}");
            }
        }
        assert!(matches!(meaning(&server(1213), When::InCommit).0, WireError::Again(_)));
    }

    #[test]
    fn what_may_have_been_committed_is_in_doubt() {
        for code in [1047, 1205, 1180, 1317, 1114, 9999] {
            assert!(matches!(meaning(&server(code), When::InCommit), (WireError::Lost(_), true)), "{code}");
        }
        for code in [1180, 1317, 1927] {
            assert!(matches!(meaning(&server(code), When::Alone), (WireError::Lost(_), true)), "{code}");
        }
    }

    #[test]
    fn a_node_that_cannot_serve_is_left() {
        assert!(meaning(&server(1047), When::Before).1);
        assert!(meaning(&server(1290), When::Alone).1);
        assert!(!meaning(&server(1213), When::Before).1);
    }

    #[test]
    fn no_value_is_shown() {
        assert_eq!(meaning(&server(1062), When::Before).0.to_string(), "error 1062 (HY000)");
    }
}
