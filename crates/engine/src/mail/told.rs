//! People are told when their address is changed, or how they sign in, whoever changed it: at the address that was proved to be theirs
//! before.

use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{Account, Passkey, UpstreamLink};
use serde_json::Value;

use super::address::name_of;
use super::{About, Mail, of, send};
use crate::Engine;
use crate::acting;
use crate::failure::Fault;
use crate::security;

/// How long it is worth telling.
const LIFE: Lifetime = Lifetime::from_seconds(7 * 86_400);

/// The mails that follow from an edit of an account; they belong in its commit.
pub(crate) fn told(engine: &Engine, before: &Account, after: &Account, now: Timestamp) -> Result<Vec<Change>, Fault> {
    let Some(to) = of(before).filter(|_| engine.policy.mail) else { return Ok(Vec::new()) };
    let name = |address| name_of(engine.number, address);
    let (app_before, app_after) = (&before.factors.totp, &after.factors.totp);
    let (codes, new_codes) = (&before.factors.recovery_codes, &after.factors.recovery_codes);
    let (passkeys, new_passkeys) = (&before.factors.passkeys, &after.factors.passkeys);
    let (links, new_links) = (&before.upstreams.links, &after.upstreams.links);
    let is_passkey = |one: &Passkey, other: &Passkey| one.id == other.id;
    let is_link =
        |one: &UpstreamLink, other: &UpstreamLink| (&one.issuer, &one.subject) == (&other.issuer, &other.subject);
    let changed = [
        (before.password != after.password, About::PasswordChanged),
        (of(after).map(name) != Some(name(to)), About::AddressChanged),
        (app_before.is_none() && app_after.is_some(), About::AppAdded),
        (app_before.is_some() && app_after.is_none(), About::AppRemoved),
        // They come and go with the app; one that is used leaves.
        (app_before.is_some() && has_more(codes, new_codes, String::eq), About::RecoveryCodesMade),
        (has_more(passkeys, new_passkeys, is_passkey), About::PasskeyAdded),
        (has_more(new_passkeys, passkeys, is_passkey), About::PasskeyRemoved),
        (has_more(links, new_links, is_link), About::UpstreamLinked),
        (has_more(new_links, links, is_link), About::UpstreamUnlinked),
    ];
    let mail = |about| Mail {
        to: to.to_owned(),
        about,
        username: before.username.clone(),
        link: engine.issuer.endpoint(security::PATH),
        language: language_of(before),
    };
    changed.into_iter().filter(|(is, _)| *is).map(|(_, about)| send(engine, &mail(about), LIFE, now)).collect()
}

/// Whether there is one that was not there before.
fn has_more<T>(before: &[T], after: &[T], is_same: impl Fn(&T, &T) -> bool) -> bool {
    after.iter().any(|one| !before.iter().any(|other| is_same(one, other)))
}

/// What they have said they read (OpenID Connect Core §5.1 `locale`), or else what whoever is here reads.
fn language_of(account: &Account) -> String {
    let said = account.claims.get("locale").and_then(Value::as_str).map(|locale| locale.replace('_', "-"));
    said.or_else(|| acting::language().map(str::to_owned)).unwrap_or_default()
}
