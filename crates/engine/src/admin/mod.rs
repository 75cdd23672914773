//! What an operator does, from the command line or an admin API.

pub mod accounts;
pub mod clients;
pub mod grants;
pub mod tokens;

use firman_proto::error::Denied;
use firman_store::StoreError;

use crate::failure::Fault;

/// Why an operator's command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What was named is not there.
    #[error("{0}")]
    NotFound(&'static str),
    /// It cannot be done, and the text says why.
    #[error("{}", .0.text)]
    Refused(#[from] Denied),
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}
