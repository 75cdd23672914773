//! Passkeys (Web Authentication, Level 3): what a page asks of the authenticators of a browser, and what one answers.
//!
//! Nothing is kept between question and answer: the challenge travels sealed in the form, bound to the browser, and is answered once.
//! Checks of the answer itself are the library's; here stands what it has to be compared with.

mod add;
mod show;

pub use add::Added;
pub(crate) use add::{acceptable, add, begin};
pub use show::question;
pub(crate) use show::{Owner, check};

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{Name, Namespace, Once, OnceNamespace};
use serde::{Deserialize, Serialize};
use webauthn_rp::bin::Decode as _;
use webauthn_rp::request::register::UserHandle16;
use webauthn_rp::request::{AsciiDomain, RpId};

use crate::authorize::Browser;
use crate::failure::Fault;
use crate::{Engine, envelope};

/// How long somebody may take to answer.
const PATIENCE: Lifetime = Lifetime::from_seconds(900);
/// The same, as browsers are told, in milliseconds.
const TIMEOUT: std::num::NonZeroU32 = std::num::NonZeroU32::new(900_000).unwrap();

/// What a page asks: the hidden field that goes back with the answer, and what its script gives to the browser.
pub struct Question {
    /// Sealed for this browser.
    pub sealed: String,
    /// JSON (Web Authentication §5.1.8, §5.1.9).
    pub options: String,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question(..)")
    }
}

/// Who we are to authenticators: the host of the issuer. `None` where that is an address: passkeys belong to names
/// (Web Authentication §5.1.2).
fn relying_party(engine: &Engine) -> Option<RpId> {
    let (_, host) = engine.issuer.origin().split_once("://")?;
    if host.starts_with('[') {
        return None;
    }
    let host = host.split(':').next().unwrap_or_default();
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let domain = (!is_address).then(|| AsciiDomain::try_from(host.to_owned()).ok()).flatten();
    domain.map(RpId::Domain)
}

impl Engine {
    /// Whether there are passkeys: the issuer has a name, and accounts are our own.
    pub fn has_passkeys(&self) -> bool {
        self.accounts.local().is_some() && relying_party(self).is_some()
    }
}

/// How authenticators know an account: by its id, which says nothing about anybody (Web Authentication §14.6.1).
fn handle_of(account: RecordId) -> Option<UserHandle16> {
    UserHandle16::decode(*account.as_bytes()).ok()
}

/// The name of a credential id: only one account has it.
pub(crate) fn name_of(engine: &Engine, credential: &str) -> Digest16 {
    Name::digest(engine.number, Namespace::Credential, credential)
}

/// A question on its way to the browser and back.
#[derive(Serialize, Deserialize)]
struct Asked {
    /// Whose authenticator is asked, where that is known.
    account: Option<RecordId>,
    /// What the library wants to see again: the challenge, and what was asked for.
    state: String,
    at: Timestamp,
}

impl Asked {
    fn new(account: Option<RecordId>, state: &[u8], now: Timestamp) -> Self {
        Self { account, state: URL_SAFE_NO_PAD.encode(state), at: now }
    }

    fn seal(&self, engine: &Engine, browser: &Browser, purpose: &str) -> Result<String, Fault> {
        envelope::seal(engine, (purpose, &browser.binding()), self)
    }

    /// `None` if it is of another browser, or too old.
    async fn open(
        engine: &Engine,
        browser: &Browser,
        (purpose, sealed): (&str, &str),
        now: Timestamp,
    ) -> Result<Option<Self>, Fault> {
        let asked: Option<Self> = envelope::open(engine, (purpose, &browser.binding()), sealed, now).await?;
        Ok(asked.filter(|asked| now < asked.at.plus(PATIENCE)))
    }

    fn state(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.state).unwrap_or_default()
    }

    /// Web Authentication §13.4.3: a challenge is answered once.
    fn answered(&self, engine: &Engine) -> Change {
        Change::InsertOnce(Once {
            namespace: OnceNamespace::PasskeyChallenge,
            digest: Once::digest(engine.number, b"passkey", &self.state),
            expires_at: self.at.plus(PATIENCE),
        })
    }
}

fn broken(error: &dyn fmt::Display) -> Fault {
    Fault::lasting("ask for a passkey", error.to_string())
}
