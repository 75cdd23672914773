use std::fmt;

use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attempts, Rest};

/// What a person proves themselves with beside a password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// The authenticator app, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<Totp>,
    /// Digests of the recovery codes that are left; each is used once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery_codes: Vec<String>,
    /// The passkeys, in the order in which they were added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passkeys: Vec<Passkey>,
    /// Wrong codes at the second step since the last right one, from browsers that are not known.
    #[serde(default, skip_serializing_if = "Attempts::is_none")]
    pub misses: Attempts,
    /// Members of a later version.
    #[serde(flatten)]
    pub rest: Rest,
}

/// An authenticator app (RFC 6238).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Totp {
    /// The shared secret, wrapped under the master key for its account, in base64url.
    pub wrapped: String,
    /// The time step of the last code that was taken: that code and earlier ones are taken no more (RFC 6238 §5.2).
    pub last_step: u64,
    /// Since when.
    pub added_at: Timestamp,
}

/// A passkey (Web Authentication): the public half of a key pair, and what is known of its holder.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Passkey {
    /// The credential id, in base64url.
    pub id: String,
    /// The public key, as the library of Web Authentication writes it, in base64url.
    pub key: String,
    /// How often it has signed, as it says itself; 0: it does not count.
    #[serde(default)]
    pub counter: u32,
    /// Whether it may be on several devices, because its maker copies it.
    #[serde(default)]
    pub backup_eligible: bool,
    /// How it is reached, as the browser said when it was added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<String>,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

impl Factors {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for Totp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Totp(last step {})", self.last_step)
    }
}

impl fmt::Debug for Passkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passkey({:?})", self.name)
    }
}
