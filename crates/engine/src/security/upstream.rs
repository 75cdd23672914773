//! Where else the owner of an account signs in.

use firman_proto::error::{Denied, invalid_request};
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{Account, Namespace, UpstreamLink};

use super::Fresh;
use crate::Engine;
use crate::accounts::{Edited, edit};
use crate::failure::Failure;
use crate::upstream;

/// Lets an account be nobody's of a provider any more: of this issuer. The last way to sign in stays, and so does the provider whose
/// subject stands for the account here.
pub async fn unlink(engine: &Engine, fresh: &Fresh, issuer: &str, now: Timestamp) -> Result<(), Failure> {
    edit(engine, fresh.owner().account().id, now, |account| {
        let gone = || invalid_request("this sign-in is no longer there");
        let place = account.upstreams.links.iter().position(|link| link.issuer == issuer).ok_or_else(gone)?;
        let link = account.upstreams.links.remove(place);
        if !may_be_unlinked(account, &link) {
            return Err(invalid_request("this account is kept there; it has no other owner").into());
        }
        must_have_a_way(engine, account)?;
        let digest = upstream::link_name(engine, &link.issuer, &link.subject);
        let freed = Change::ReleaseName { namespace: Namespace::Upstream, digest, id: account.id };
        Ok(Edited { changes: vec![freed], what: "upstream_unlinked" })
    })
    .await?;
    Ok(())
}

/// Whether a link may be taken away: not where its subject there is the one that stands for the account here.
pub fn may_be_unlinked(account: &Account, link: &UpstreamLink) -> bool {
    let own = format!("{}:{}", link.provider, link.subject);
    account.upstreams.subject.as_ref().is_none_or(|subject| subject.as_str() != own)
}

/// Refuses to leave an account to which nobody could sign in any more.
pub(super) fn must_have_a_way(engine: &Engine, account: &Account) -> Result<(), Denied> {
    let policy = &engine.policy.upstream;
    let local = policy.local && (account.password.is_some() || !account.factors.passkeys.is_empty());
    let is_open = |link: &UpstreamLink| policy.providers.iter().any(|provider| provider.issuer == link.issuer);
    if local || account.upstreams.links.iter().any(is_open) {
        return Ok(());
    }
    Err(invalid_request("this is the last way to sign in; set a password first"))
}
