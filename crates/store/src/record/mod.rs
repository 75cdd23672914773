//! The records: what the store keeps. `docs/decisions/records.md` has their keys, guards, indexes and purge rules.

mod account;
mod client;
mod consent;
mod delivery;
mod epoch;
mod event;
mod exchange;
mod factors;
mod flow;
mod grant;
mod held;
mod key;
mod name;
mod once;
mod refresh_policy;
mod resource;
mod revoked;
mod session;
mod upstream;

pub use account::{Account, Attempts};
pub use client::{Client, ClientPolicy, ClientSecret, Origin, Registration};
pub use consent::{Consent, ConsentKey};
pub use delivery::{Delivery, DeliveryKind, DeliveryState};
pub use epoch::{EpochKey, Epochs};
pub use event::{Event, EventKind};
pub use exchange::ExchangePolicy;
pub use factors::{Factors, Passkey, Totp};
pub use flow::{Approval, Flow, FlowFailure, FlowRequest, FlowState, PolledRequest};
pub use grant::{AuthContext, FirstAccess, Grant, GrantKind, LastAccess, Refresh, RefreshStep, RevokeReason, Terms};
pub use held::{HeldClaims, HeldKind, HeldToken, Holder};
pub use key::{Deployment, KeyState, Schedule, SealKey, SigningKey};
pub use name::{Name, Namespace};
pub use once::{Once, OnceNamespace};
pub use refresh_policy::{RefreshPolicy, ReuseReaction, WiderScope};
pub use resource::{Resource, TokenFormat};
pub use revoked::{RevokedToken, TokenTrace};
pub use session::{Session, SessionDetails};
pub use upstream::{UpstreamLink, UpstreamSignIn, Upstreams};

use std::fmt;

use firman_proto::digest::Digest16;
use firman_proto::id::IssuerNumber;
use serde::{Deserialize, Serialize};

/// JSON members that a later version wrote: kept as they are when the record is rewritten.
pub type Rest = serde_json::Map<String, serde_json::Value>;

/// Whoever allowed something: an opaque text of at most 255 bytes (OpenID Connect Core §2 `sub`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(String);

impl Subject {
    /// A subject; `None` if the text is empty, too long, or not printable ASCII.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let legal = (1..=255).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b));
        legal.then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key by which what this subject allowed is found.
    pub fn key(&self, issuer: IssuerNumber) -> Digest16 {
        Digest16::of(&[&issuer.0.to_be_bytes(), b"subject", self.0.as_bytes()])
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
