//! A new password.

use std::fmt;

use firman_proto::error::{Denied, invalid_request};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{Account, EpochKey, Name, Namespace};

use super::Fresh;
use crate::Engine;
use crate::accounts::{Edited, acceptable, digest_of, edit, look_of};
use crate::admin::accounts;
use crate::authorize::{self, Browser, SessionCookie};
use crate::failure::{Failure, Fault};
use crate::ports::{ProvedThere, User};
use crate::sessions;
use crate::sign_in::password::{self, Checked};

/// What came of it.
pub enum Changed {
    /// It is theirs now, and they are signed out everywhere but here.
    Done(SessionCookie),
    /// The password there was is wrong.
    Wrong,
    /// The new one is not good enough; the text says why.
    Refused(Denied),
    /// Too many were wrong; another may be tried then.
    Wait(Lifetime),
}

impl fmt::Debug for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "Done(..)",
            Self::Wrong => "Wrong",
            Self::Refused(_) => "Refused(..)",
            Self::Wait(_) => "Wait(..)",
        })
    }
}

/// Gives the account another password. Whoever has one shows it first. All other sessions end, and so does what applications were
/// allowed: whoever knew the old password is out.
pub async fn change_password(
    engine: &Engine,
    browser: &Browser,
    fresh: &Fresh,
    (current, new): (&str, &str),
    now: Timestamp,
) -> Result<Changed, Failure> {
    let (account, session) = (fresh.owner().account(), fresh.owner().session());
    let local = engine.accounts.local().ok_or_else(|| invalid_request("this account is kept elsewhere"))?;
    if account.password.is_some() {
        let guesser = browser.guesser(engine, &account.username);
        match password::check(engine, &guesser, &account.username, current, now).await? {
            Checked::Right(user) if user.subject == session.subject => {}
            Checked::Right(_) | Checked::Wrong => return Ok(Changed::Wrong),
            Checked::Wait(time) => return Ok(Changed::Wait(time)),
        }
    }
    let checked = engine.policy.passwords.check(&account.username, new);
    let named = match account.password {
        Some(_) => Ok(Vec::new()),
        None => names(engine, account, now).await?,
    };
    let named = match checked.and(named) {
        Ok(named) => named,
        Err(denied) => return Ok(Changed::Refused(denied)),
    };
    let hash = local.passwords().hash(new.to_owned()).await?;
    let epoch = EpochKey::subject(engine.number, &session.subject);
    let letters = sessions::everywhere(engine, session.subject.key(engine.number), now).await?;
    edit(engine, account.id, now, |account| {
        account.password = Some(hash.clone());
        Ok(Edited {
            changes: named.iter().cloned().chain([Change::AdvanceEpoch(epoch)]).chain(letters.clone()).collect(),
            what: "password",
        })
    })
    .await?;
    // Here they stay signed in, as they were: under the new epochs, with a new cookie.
    let details = &session.details;
    let user = User {
        subject: session.subject.clone(),
        username: details.username.clone(),
        amr: details.amr.clone(),
        epochs: None,
        upstream: details.upstream.clone().map(|at| ProvedThere { at, auth_time: now }),
    };
    let session = authorize::begin_session(engine, &user, None, now).await?;
    Ok(Changed::Done(authorize::cookie_of(engine, &session, now)?))
}

/// The names that an account takes with its first password. Who comes from another identity provider is called what they like until then:
/// what is somebody else's here, or looks like it (UTS 39 §4), is nothing to sign in by.
async fn names(engine: &Engine, account: &Account, now: Timestamp) -> Result<Result<Vec<Change>, Denied>, Fault> {
    let (number, id, username) = (engine.number, account.id, &account.username);
    let holder = engine.store.account_by_name(Namespace::Username, digest_of(number, username), now).await?;
    if holder.as_ref().is_some_and(|holder| holder.id == id) {
        return Ok(Ok(Vec::new()));
    }
    let looks_like = accounts::looks_like(engine, username).await?.is_some_and(|other| other != id);
    if holder.is_some() || looks_like || acceptable(username).is_err() {
        let text = "username: what you are called cannot be used to sign in here; ask whoever runs this server for another user name";
        return Ok(Err(invalid_request(text)));
    }
    let name = |digest| Name { namespace: Namespace::Username, digest, id, expires_at: Timestamp::NEVER };
    let take = |digest| Change::TakeName { name: name(digest), now };
    Ok(Ok([digest_of(number, username), look_of(number, username)].map(take).to_vec()))
}
