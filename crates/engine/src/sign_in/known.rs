//! Browsers that somebody has signed in with before: strangers who guess at the account do not make those wait.
//!
//! The cookie is a random id and, for each account, a MAC of id and user name: it tells nobody who that was, and proves nothing but
//! that it was this browser.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::{Digest16, same};
use firman_proto::time::Timestamp;
use firman_store::record::Subject;

use super::password::Guesser;
use crate::Engine;
use crate::accounts::normalized;
use crate::authorize::{Browser, SessionCookie};
use crate::failure::Fault;
use crate::random;

/// So many accounts does one browser remember; the oldest goes first.
const MOST: usize = 8;

/// The cookie of a browser that somebody has just signed in with; `None` if it has it already.
pub fn known_to(engine: &Engine, browser: &Browser, username: &str) -> Result<Option<String>, Fault> {
    let name = normalized(username);
    let (id, mut marks) = match browser.device().and_then(read) {
        Some((id, marks)) => (id, marks),
        None => (random::bytes(&*engine.entropy)?, Vec::new()),
    };
    let own = mark(engine, &id, &name);
    if marks.contains(&own) {
        return Ok(None);
    }
    marks.truncate(MOST - 1);
    marks.insert(0, own);
    let parts: Vec<_> = std::iter::once(URL_SAFE_NO_PAD.encode(id)).chain(marks).collect();
    Ok(Some(parts.join(".")))
}

/// Whether the owner of a session signs in here by this user name. People of other identity providers are called what they like: their
/// browsers are not known for the account of somebody else.
pub async fn goes_by(engine: &Engine, cookie: &SessionCookie, username: &str, now: Timestamp) -> Result<bool, Fault> {
    let named = engine.accounts.find(username, now).await?;
    Ok(named.is_some_and(|named| named.subject == cookie.subject))
}

/// Whether a name is somebody's own: they sign in by it, or have no account here and are called so by the user system that they are of.
pub(crate) async fn is_own(engine: &Engine, subject: &Subject, username: &str, now: Timestamp) -> Result<bool, Fault> {
    match (engine.accounts.find(username, now).await?, engine.accounts.local()) {
        (Some(named), _) => Ok(named.subject == *subject),
        (None, Some(local)) => Ok(local.of(subject).await?.is_none()),
        (None, None) => Ok(true),
    }
}

impl Browser {
    /// Who guesses, if a guess at this user name comes from here.
    pub(crate) fn guesser(&self, engine: &Engine, username: &str) -> Guesser {
        let known = self.device().and_then(read).and_then(|(id, marks)| {
            let own = mark(engine, &id, &normalized(username));
            marks.iter().any(|mark| same(mark.as_bytes(), own.as_bytes())).then_some(Digest16(id))
        });
        Guesser { address: self.address(), known }
    }
}

fn read(cookie: &str) -> Option<([u8; 16], Vec<String>)> {
    let mut parts = cookie.split('.');
    let id = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
    Some((id, parts.take(MOST).map(str::to_owned).collect()))
}

fn mark(engine: &Engine, id: &[u8; 16], name: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &engine.keys.current().csrf);
    let mut mac = hmac::Context::with_key(&key);
    // No page begins so: this is no token of a form.
    mac.update(b"\x01known device");
    mac.update(id);
    mac.update(name.as_bytes());
    let mac = mac.sign();
    URL_SAFE_NO_PAD.encode(mac.as_ref().get(..16).unwrap_or_default())
}
