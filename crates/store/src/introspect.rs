//! What a resource server asks of a server in its own process.

use async_trait::async_trait;
use firman_proto::introspection::Introspection;
use firman_proto::time::Timestamp;

/// Tells a resource server what a token is (RFC 7662), without a network between. The engine does; a guard asks.
///
/// The asker is taken at its word: it is code of the same program. It promises to check what is in
/// [`firman_proto::introspection::ActiveToken::caveats`] itself.
#[async_trait]
pub trait Introspect: Send + Sync + 'static {
    /// What the token is to this resource; not active where it is for another.
    ///
    /// # Errors
    ///
    /// The resource is not there, or it cannot be known what the token is.
    async fn introspect(&self, resource: &str, token: &str, now: Timestamp) -> Result<Introspection, IntrospectError>;
}

/// Why nothing can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectError {
    /// Nobody has registered the resource, or it is disabled.
    #[error("there is no resource {0}; register it, or enable it")]
    NoResource(String),
    /// The store, or what else it needs, does not answer.
    #[error("it cannot be known what the token is: {0}")]
    Unknown(String),
}
