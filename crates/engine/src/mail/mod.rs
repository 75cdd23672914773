//! E-mail to people: addresses that are proved, and passwords that were forgotten.
//!
//! A link carries a seal and no more: nothing is kept of it but that it was used. What is sent goes through the outbox, and is written off
//! the path of the answer where somebody asks who is not signed in, so that nobody learns by text or time whether there is an account.

mod address;
mod link;
mod reset;
mod told;
mod verify;

pub use address::of;
pub use link::Looked;
pub use reset::{Asked, Begun, Made, Reset, forgot, may_reset, reset, reset_link};
pub use verify::{Verified, ask_to_verify, confirm, whose};

pub(crate) use address::{acceptable, held_by, names};
pub(crate) use told::told;

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{DeliveryKind, Event, EventKind};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Engine;
use crate::attempts::Pace;
use crate::failure::Fault;
use crate::outbox::Outgoing;

/// So many mails at once go to one account, to one address, and for one user name that was typed; the latter on each node.
pub(crate) const PACE: Pace = Pace { burst: 3, every: Lifetime::from_seconds(600) };

/// A mail that is to be sent, as it lies sealed in the outbox.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// What it is about.
    pub about: About,
    /// The user name of the account; empty where there is none yet.
    pub username: String,
    /// Where its link leads, or the code that it brings.
    pub link: String,
    /// The language of whoever asked for it, or gets it (BCP 47); empty where that is not known.
    pub language: String,
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Whether the address is theirs.
    Verify,
    /// A new password instead of one that was forgotten.
    Reset,
    /// The code with which whoever makes an account shows that the address is theirs.
    SignUp,
    /// Somebody wanted to make an account with an address that has one.
    HasAccount,
    /// The account has another password.
    PasswordChanged,
    /// This is the proved address of the account no more.
    AddressChanged,
    /// The account has an authenticator app.
    AppAdded,
    /// It has none any more.
    AppRemoved,
    /// It has other recovery codes.
    RecoveryCodesMade,
    /// It has another passkey.
    PasskeyAdded,
    /// It has one less.
    PasskeyRemoved,
    /// Its owner also signs in at another identity provider.
    UpstreamLinked,
    /// They do so no more.
    UpstreamUnlinked,
}

/// How a mail is written.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// The page its link leads to, below the issuer.
    pub page: &'static str,
    /// Its language (BCP 47).
    pub language: &'static str,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mail({:?})", self.about)
    }
}

/// Puts a mail into the outbox; it is worth sending as long as what it brings is good.
pub(crate) fn send(engine: &Engine, mail: &Mail, life: Lifetime, now: Timestamp) -> Result<Change, Fault> {
    let body = serde_json::to_vec(mail).map_err(|error| broken(&error))?;
    let outgoing = Outgoing {
        kind: DeliveryKind::Email,
        client: None,
        // Who gets it is nobody's business; where the host is that does not answer, is.
        to: mail.to.rsplit('@').next().unwrap_or_default().to_owned(),
        body: Zeroizing::new(body),
        life: Some(life),
    };
    engine.send_later(outgoing, now)
}

/// What the audit trail says of a link that was made for an account: for what.
fn noted(engine: &Engine, account: RecordId, what: &str, now: Timestamp) -> Result<Event, Fault> {
    let mut event = Event { subject: Some(account.to_string()), ..engine.event(EventKind::LinkMade, account, now)? };
    event.details.insert("what".to_owned(), what.into());
    Ok(event)
}

/// The count of mails to an account.
fn count_of(account: RecordId) -> (Digest16, Pace) {
    (Digest16::of(&[b"mail", account.as_bytes()]), PACE)
}

fn broken(error: &dyn std::fmt::Display) -> Fault {
    Fault::lasting("write a mail", error.to_string())
}
