//! The two ways a request fails: refused, or broken.

use std::borrow::Cow;

use firman_proto::error::Denied;
use firman_store::StoreError;

/// A request that got no answer it wanted.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The client or the person is told why.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Nobody is told more than that something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Something of the world or of ours broke. Never rendered; the log gets it, the client an incident number.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct Fault {
    /// What was attempted.
    pub what: &'static str,
    /// What went wrong.
    pub cause: Cow<'static, str>,
    /// Whether the same request may succeed later.
    pub temporary: bool,
}

impl Fault {
    /// Something that will not mend itself.
    pub fn lasting(what: &'static str, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { what, cause: cause.into(), temporary: false }
    }

    /// Something worth trying again.
    pub fn temporary(what: &'static str, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { what, cause: cause.into(), temporary: true }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self { what: error.what, cause: error.cause.into(), temporary: error.temporary }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}
