//! What handlers get of a request that was let through.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use firman_proto::scope::Scope;
use http::StatusCode;
use http::request::Parts;

use super::facts::Facts;

/// That a request was let through, and what its token says. Made by the guard alone; an extractor below its layer.
#[derive(Clone, Debug)]
pub struct Access(Arc<Facts>);

impl Access {
    pub(super) fn new(facts: Arc<Facts>) -> Self {
        Self(facts)
    }

    /// Whose token it is: the person, or the client where there is none.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The client it was issued to.
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// What it allows.
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// All that it says.
    pub fn facts(&self) -> &Facts {
        &self.0
    }
}

/// Fails with 500 where no layer of a guard is around the handler: nothing is ever let through by mistake.
impl<S: Sync> FromRequestParts<S> for Access {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let missing = (StatusCode::INTERNAL_SERVER_ERROR, "this route is not guarded");
        parts.extensions.get::<Self>().cloned().ok_or(missing)
    }
}
