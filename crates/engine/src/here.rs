//! What a guard in the same process asks.

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::introspection::{Introspection, PresentedToken};
use firman_proto::seal::CaveatKind;
use firman_proto::time::Timestamp;
use firman_store::record::Resource;
use firman_store::{Introspect, IntrospectError};

use crate::Engine;
use crate::asker::Asker;
use crate::introspect;

/// RFC 7662 without a network: told as over it to a resource server that checks every contextual caveat itself.
#[async_trait]
impl Introspect for Engine {
    async fn introspect(&self, resource: &str, token: &str, now: Timestamp) -> Result<Introspection, IntrospectError> {
        let unknown = |cause: String| IntrospectError::Unknown(cause);
        let found = self.store.resource(Resource::key(self.number, resource)).await;
        let found = found.map_err(|error| unknown(error.to_string()))?.filter(|found| found.enabled);
        let found = found.ok_or_else(|| IntrospectError::NoResource(resource.to_owned()))?;
        let enforces = [CaveatKind::Path, CaveatKind::Method].map(|kind| kind.name().to_owned());
        let asker = Asker::Resource(Arc::new(Resource { enforces: enforces.to_vec(), ..(*found).clone() }));
        let presented = PresentedToken { token: token.to_owned() };
        introspect::introspect(self, &asker, &presented, now).await.map_err(|failure| unknown(failure.to_string()))
    }
}
