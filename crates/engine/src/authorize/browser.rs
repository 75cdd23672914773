//! The browser: what binds pages to it, and who is signed in with it.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::{same, sha256};
use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::seal::{self, Presented, Reference, Sealed};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Session, Subject};
use firman_store::{Change, SignedIn};

use super::session_state;
use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::random;

/// How exactly `last_seen` is kept: a write a minute, not a write a request.
const SEEN_PRECISION: Lifetime = Lifetime::from_seconds(60);

/// A browser as it shows itself: a random value in a cookie, and perhaps a session.
pub struct Browser {
    id: String,
    session: Option<String>,
    device: Option<String>,
    address: Option<IpAddr>,
}

/// A new session for a browser's cookie.
pub struct SessionCookie {
    /// The sealed session.
    pub value: Sealed<seal::Session>,
    /// How long the browser should keep it.
    pub lifetime: Lifetime,
    /// What scripts may know of it, where clients look at that (OpenID Connect Session Management).
    pub state: Option<String>,
    /// Whose it is.
    pub(crate) subject: Subject,
}

impl Browser {
    /// The browser of two cookies. A malformed id is as good as none.
    pub fn new(id: Option<&str>, session: Option<&str>) -> Option<Self> {
        let id = id.filter(|id| URL_SAFE_NO_PAD.decode(id).is_ok_and(|bytes| bytes.len() == 32))?;
        Some(Self { id: id.to_owned(), session: session.map(str::to_owned), device: None, address: None })
    }

    /// A browser that was not here before: its id goes into a cookie.
    pub fn first_seen(engine: &Engine) -> Result<Self, Fault> {
        let id = URL_SAFE_NO_PAD.encode(random::bytes::<32>(&*engine.entropy)?);
        Ok(Self { id, session: None, device: None, address: None })
    }

    /// The same, with the cookie by which it is known to have signed in before.
    #[must_use]
    pub fn on_device(self, cookie: Option<&str>) -> Self {
        Self { device: cookie.map(str::to_owned), ..self }
    }

    /// The same, where it is.
    #[must_use]
    pub fn at(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// The same, with the session that it has just got.
    #[must_use]
    pub fn with_session(self, cookie: &SessionCookie) -> Self {
        Self { session: Some(cookie.value.reveal().to_owned()), ..self }
    }

    pub(crate) fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    pub(super) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The value of the cookie that tells this browser from others.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is sealed for this browser does not open in another.
    pub(crate) fn binding(&self) -> [u8; 32] {
        sha256(self.id.as_bytes())
    }

    /// What a form for `page` carries, so that no other site can post it (RFC 9700 §4.7).
    pub fn csrf(&self, engine: &Engine, page: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &engine.keys.current().csrf);
        let mut mac = hmac::Context::with_key(&key);
        mac.update(page.as_bytes());
        mac.update(&[0]);
        mac.update(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.sign())
    }

    /// Refuses a form that this browser did not get from us.
    pub fn must_have_sent(&self, engine: &Engine, page: &str, csrf: Option<&str>) -> Result<(), Denied> {
        let right = csrf.is_some_and(|csrf| same(csrf.as_bytes(), self.csrf(engine, page).as_bytes()));
        right.then_some(()).ok_or_else(|| {
            invalid_request("csrf: this form did not come from our page; go back to the application and start again")
        })
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Browser(..)")
    }
}

/// Who is signed in with this browser, with the consent for a client; `None` if nobody is.
pub(crate) async fn signed_in(
    engine: &Engine,
    browser: &Browser,
    client: Option<RecordId>,
    now: Timestamp,
) -> Result<Option<SignedIn>, Failure> {
    let Some(cookie) = &browser.session else { return Ok(None) };
    let Ok(opened) = engine.keys.open::<seal::Session>(&*engine.store, cookie, now).await? else { return Ok(None) };
    let Some(signed_in) = engine.store.session(opened.record(), client).await? else { return Ok(None) };
    let authorized = opened.authorize(&signed_in.session, &Presented::at(now)).is_ok();
    Ok((authorized && signed_in.is_live(now, engine.policy.session_idle)).then_some(signed_in))
}

/// The change that notes that a session is in use, if it is time for one.
pub(crate) fn touch(session: &Session, now: Timestamp) -> Option<Change> {
    (now.since(session.last_seen) >= SEEN_PRECISION).then_some(Change::TouchSession { id: session.id, now })
}

/// Seals a session for its browser's cookie.
pub(crate) fn cookie(engine: &Engine, session: &Session, now: Timestamp) -> Result<SessionCookie, Fault> {
    let reference = Reference {
        record: session.id,
        serial: random::serial(&*engine.entropy)?,
        issued_at: now,
        expires_at: Some(session.expires_at),
        salt: &session.salt,
    };
    let value = engine.keys.current().keyring.seal::<seal::Session>(&reference);
    let state = engine.policy.session_management.then(|| session_state::state_of(engine, session.id)).transpose()?;
    Ok(SessionCookie { value, lifetime: session.expires_at.since(now), state, subject: session.subject.clone() })
}
