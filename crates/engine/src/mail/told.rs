//! People are told when their password or their address is changed, whoever changed it: at the address that was proved to be theirs before.

use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::Account;
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
    let changed = [
        (before.password != after.password, About::PasswordChanged),
        (of(after).map(name) != Some(name(to)), About::AddressChanged),
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

/// What they have said they read (OpenID Connect Core §5.1 `locale`), or else what whoever is here reads.
fn language_of(account: &Account) -> String {
    let said = account.claims.get("locale").and_then(Value::as_str).map(|locale| locale.replace('_', "-"));
    said.or_else(|| acting::language().map(str::to_owned)).unwrap_or_default()
}
