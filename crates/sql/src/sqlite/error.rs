//! What SQLite's errors mean.

use firman_store::StoreError;
use rusqlite::{Error, ErrorCode};

/// A fault of the world.
pub(super) fn fault(what: &'static str, error: &Error) -> StoreError {
    StoreError { what, cause: error.to_string(), temporary: is_temporary(error) }
}

/// The store was closed.
pub(super) fn closed(what: &'static str) -> StoreError {
    StoreError { what, cause: "the store is closed".to_owned(), temporary: false }
}

/// Whether the same attempt may succeed later: when room was made, a lock was let go, a disk came back.
fn is_temporary(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OperationInterrupted
        )
    )
}

/// Whether an error of COMMIT leaves no doubt that the transaction is gone, even if the power fails now.
///
/// A commit is in the log once its last frame is written whole. Too little room is met while frames are written, a lock
/// before that. An error of the disk may come after the last frame was written, when it is synced: then this process takes
/// the commit back, but a crash before the frame is overwritten would find it there.
pub(super) fn is_surely_undone(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ReadOnly)
    )
}
