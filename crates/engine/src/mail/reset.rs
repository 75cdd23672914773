//! A password that was forgotten.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use firman_proto::digest::{Digest16, same};
use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{Account, EpochKey, Event};
use serde::{Deserialize, Serialize};

use super::link::{self, Dated, Looked};
use super::{About, Mail, PACE, Written, count_of, held_by, noted, of, send};
use crate::Engine;
use crate::accounts::{Edited, edit, normalized};
use crate::attempts::{Pace, places};
use crate::counts;
use crate::failure::{Failure, Fault};
use crate::sessions;
use crate::sign_in;

const PURPOSE: &str = "new password";

/// How long the link is good.
const LIFE: Lifetime = Lifetime::from_seconds(1800);

/// What came of a link and a new password.
#[derive(Debug)]
pub enum Reset {
    /// It is theirs now, and they are signed out everywhere. They go on with what they had begun, if that is known.
    Done(Option<Begun>),
    /// The new one is not good enough; the text says why.
    Refused(Denied),
    /// The link is too old, was used, or is none of ours.
    Expired,
}

/// What came of asking for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is on its way, if there is whom to send it to.
    Sent,
    /// Too many asked; another may then.
    Wait(Lifetime),
}

/// A link that an operator hands on.
pub struct Made {
    /// Where it leads.
    pub link: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// The link proves who has it.
impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Made(.., {:?})", self.expires_at)
    }
}

/// The request for which somebody was signing in: a link does not bring it, but tells it from others where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun(Digest16);

impl Begun {
    /// Of a sealed request.
    pub fn of(request: &str) -> Self {
        Self(Digest16::of(&[b"begun", request.as_bytes()]))
    }
}

/// A name for it, which tells nothing.
impl fmt::Display for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[derive(Serialize, Deserialize)]
struct Forgotten {
    account: RecordId,
    /// The password there was, as a digest of its hash: with another, the link is good no more.
    password: Digest16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<Begun>,
}

/// Sends a link for a new password to the proved address of whoever has this user name or address; to nobody, if nobody has. The answer
/// does not wait for that.
pub fn forgot(
    engine: &Arc<Engine>,
    from: Option<IpAddr>,
    (typed, begun): (&str, Option<Begun>),
    written: Written,
    now: Timestamp,
) -> Result<Asked, Failure> {
    let place = places(engine, from);
    let typed_name = (Digest16::of(&[b"forgot", normalized(typed).as_bytes()]), PACE);
    if let Err(wait) = engine.attempts.begin([&*place, &[typed_name]].concat(), now) {
        return Ok(Asked::Wait(wait));
    }
    // Here, where it is known who asks.
    let event = noted(engine, RecordId::from_bytes([0; 16]), "password", now)?;
    let (engine, typed) = (Arc::clone(engine), typed.to_owned());
    tokio::spawn(async move {
        if let Err(fault) = write(&engine, (&typed, begun), (place, written), event, now).await {
            tracing::warn!(%fault, "a link for a new password was not sent");
        }
    });
    Ok(Asked::Sent)
}

async fn write(
    engine: &Engine,
    (typed, begun): (&str, Option<Begun>),
    (mut counts, written): (Vec<(Digest16, Pace)>, Written),
    event: Event,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(local) = engine.accounts.local() else { return Ok(()) };
    let account = match local.named(typed, now).await? {
        Some(account) => Some(account),
        None => held_by(engine, typed, now).await?,
    };
    // Whoever signs in otherwise has nothing to forget: a link would be a way in that was not there.
    let account = account.filter(|account| account.enabled && account.password.is_some());
    let Some(account) = account else { return Ok(()) };
    let Some(to) = of(&account) else { return Ok(()) };
    // Nobody is told: that would tell whether there is an account.
    counts.push(count_of(account.id));
    if counts::among_all(engine, &counts, now).await?.is_err() {
        return Ok(());
    }
    let mail = Mail {
        to: to.to_owned(),
        about: About::Reset,
        username: account.username.clone(),
        link: sealed_link(engine, (&account, begun), written.page, now)?,
        language: written.language.to_owned(),
    };
    let event = Event { about: account.id, subject: Some(account.id.to_string()), ..event };
    engine.commit(vec![send(engine, &mail, LIFE, now)?, Change::Append(Box::new(event))]).await?;
    Ok(())
}

/// A link for an operator to hand on, by whatever way they know the person by.
pub async fn reset_link(engine: &Engine, account: &Account, page: &str, now: Timestamp) -> Result<Made, Failure> {
    if !account.enabled {
        return Err(invalid_request("the account is disabled").into());
    }
    if !engine.policy.pages || engine.accounts.local().is_none() {
        return Err(invalid_request("this server has no page for a new password").into());
    }
    let link = sealed_link(engine, (account, None), page, now)?;
    engine.commit(vec![Change::Append(Box::new(noted(engine, account.id, "password", now)?))]).await?;
    Ok(Made { link, expires_at: now.plus(LIFE) })
}

fn sealed_link(
    engine: &Engine,
    (account, begun): (&Account, Option<Begun>),
    page: &str,
    now: Timestamp,
) -> Result<String, Fault> {
    let says = Forgotten { account: account.id, password: digest_of(account), begun };
    Ok(link::address(engine, page, &link::seal(engine, PURPOSE, &says, now)?))
}

/// The user name of a link, to be shown to whoever opened it.
pub async fn may_reset(
    engine: &Engine,
    from: Option<IpAddr>,
    token: &str,
    now: Timestamp,
) -> Result<Looked<String>, Failure> {
    let username = async { Ok(forgotten(engine, token, now).await?.map(|(_, account)| account.username)) };
    link::look(engine, from, username, now).await
}

/// Gives the account of a link another password. All sessions end, and so does what applications were allowed; what else proves its
/// person stays.
pub async fn reset(engine: &Engine, token: &str, new: &str, now: Timestamp) -> Result<Reset, Failure> {
    let Some((link, account)) = forgotten(engine, token, now).await? else { return Ok(Reset::Expired) };
    let (Some(local), Some(subject)) = (engine.accounts.local(), account.subject()) else { return Ok(Reset::Expired) };
    if let Err(denied) = engine.policy.passwords.check(&account.username, new) {
        return Ok(Reset::Refused(denied));
    }
    let hash = local.passwords().hash(new.to_owned()).await?;
    let letters = sessions::everywhere(engine, subject.key(engine.number), now).await?;
    let (before, epoch) = (digest_of(&account), EpochKey::subject(engine.number, &subject));
    let changed = edit(engine, account.id, now, |account| {
        if !account.enabled || !same(&digest_of(account).0, &before.0) {
            return Err(invalid_request("this link was used already").into());
        }
        account.password = Some(hash.clone());
        account.updated_at = now;
        let ends = [link.used(engine, token, LIFE), Change::AdvanceEpoch(epoch)];
        Ok(Edited { changes: ends.into_iter().chain(letters.clone()).collect(), what: "password_by_link" })
    });
    match changed.await {
        Ok(account) => {
            // Who forgot it was wrong a few times before.
            sign_in::forget_failures(engine, &account)?;
            Ok(Reset::Done(link.says.begun))
        }
        Err(Failure::Denied(_)) => Ok(Reset::Expired),
        Err(fault) => Err(fault),
    }
}

async fn forgotten(
    engine: &Engine,
    token: &str,
    now: Timestamp,
) -> Result<Option<(Dated<Forgotten>, Account)>, Failure> {
    let link: Option<Dated<Forgotten>> = link::open(engine, PURPOSE, LIFE, token, now).await?;
    let Some(link) = link else { return Ok(None) };
    let account = engine.store.account(link.says.account).await?;
    let account = account.filter(|account| account.enabled && account.issuer == engine.number);
    let account = account.filter(|account| same(&digest_of(account).0, &link.says.password.0));
    Ok(account.map(|account| (link, account)))
}

fn digest_of(account: &Account) -> Digest16 {
    Digest16::of(&[b"password", account.password.as_deref().unwrap_or_default().as_bytes()])
}
