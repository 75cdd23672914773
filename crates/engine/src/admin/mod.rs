//! What an operator does, from the command line or an admin API.

pub mod account_edits;
pub mod account_factors;
pub mod accounts;
pub mod apply;
pub mod apply_resources;
pub mod clients;
pub mod console;
pub mod events;
pub mod grants;
pub(crate) mod metadata;
pub mod operators;
pub(crate) mod policy;
pub mod resources;
pub mod sessions;
pub mod tokens;

use firman_proto::error::{Denied, invalid_request};
use firman_store::StoreError;

use crate::failure::{Failure, Fault};

/// Why an operator's command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What was named is not there.
    #[error("{0}")]
    NotFound(&'static str),
    /// It cannot be done, and the text says why.
    #[error("{}", .0.text)]
    Refused(#[from] Denied),
    /// Somebody else edited it since it was read.
    #[error("{0} was edited at the same time; look at it again")]
    Edited(&'static str),
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound(text) => Self::Denied(invalid_request(text)),
            AdminError::Refused(denied) => Self::Denied(denied),
            AdminError::Edited(what) => {
                Self::Fault(Fault::temporary("edit a record", format!("{what} was edited meanwhile")))
            }
            AdminError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Failure> for AdminError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Denied(denied) => Self::Refused(denied),
            Failure::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}
