//! One live grant for each client, person and scope, where that is set: the place that it has.

use firman_proto::digest::Digest16;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, EventKind, Grant, GrantKind, Name, Namespace, RevokeReason, Subject};
use firman_store::{Change, Standing};

use super::make::Allowed;
use crate::Engine;
use crate::failure::{Failure, Fault};

/// The place of a grant, and who has it.
pub(super) struct Place {
    digest: Digest16,
    /// Whose name it is.
    name: Option<Name>,
    held: Option<Standing<Grant>>,
}

/// The place of what was allowed; none where there may be many.
pub(super) async fn place(engine: &Engine, client: &Client, allowed: &Allowed) -> Result<Option<Place>, Failure> {
    // What another token or an assertion was presented for is no standing permission: it ends soon, and there may be many.
    let passing = matches!(allowed.kind, GrantKind::TokenExchange | GrantKind::JwtBearer);
    // RFC 9396 §12: neither is what was allowed in detail: a payment that was allowed is not another.
    let passing = passing || allowed.terms.authorization_details.is_some();
    let Some(subject) = allowed.subject.as_ref().filter(|_| !passing && engine.policy.one_grant_of(client)) else {
        return Ok(None);
    };
    of(engine, client, subject, (&allowed.scope, &allowed.terms.resource)).await.map(Some)
}

/// The place of a client, a person, a scope and the resources it is for.
pub(super) async fn of(
    engine: &Engine,
    client: &Client,
    subject: &Subject,
    (scope, resources): (&Scope, &[String]),
) -> Result<Place, Failure> {
    // No subject, scope or resource has a line break in it.
    let mut text = format!("{}\n{subject}\n{scope}", client.id);
    for resource in resources {
        text.push('\n');
        text.push_str(resource);
    }
    let digest = Name::digest(engine.number, Namespace::LiveGrant, &text);
    let name = engine.store.name(Namespace::LiveGrant, digest).await?;
    let held = match &name {
        Some(name) => engine.store.grant(name.id, None).await?,
        None => None,
    };
    Ok(Place { digest, name, held })
}

impl Place {
    /// The grant that has it, if it is live.
    pub(super) fn live(&self, now: Timestamp) -> Option<&Grant> {
        self.held.as_ref().filter(|held| held.is_live(now)).map(|held| &held.record)
    }

    /// The grant that has it, live or not.
    pub(super) fn into_held(self) -> Option<Grant> {
        self.held.map(|held| held.record)
    }

    /// The changes by which another grant gets it; the last of them decides.
    pub(super) fn taken_by(&self, engine: &Engine, grant: &Grant, now: Timestamp) -> Result<Vec<Change>, Fault> {
        let (namespace, digest) = (Namespace::LiveGrant, self.digest);
        let mut changes = Vec::new();
        if let Some(name) = &self.name {
            changes.push(Change::ReleaseName { namespace, digest, id: name.id });
        }
        if let Some(held) = self.live(now) {
            let mut event = engine.event(EventKind::GrantRevoked, held.id, now)?;
            event.client = Some(held.client);
            event.details.insert("reason".to_owned(), "replaced".into());
            let reason = RevokeReason::Replaced;
            changes.extend([Change::RevokeGrant { id: held.id, reason, now }, Change::Append(Box::new(event))]);
        }
        let expires_at = grant.terms.ends_at.unwrap_or(grant.expires_at);
        changes.push(Change::TakeName { name: Name { namespace, digest, id: grant.id, expires_at }, now });
        Ok(changes)
    }
}
