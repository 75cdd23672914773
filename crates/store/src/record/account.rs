use std::fmt;

use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Factors, Rest, Subject, Upstreams};

/// A local user.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Account {
    /// Its id; in text form it is the subject.
    pub id: RecordId,
    /// The issuer.
    pub issuer: IssuerNumber,
    /// What the person types to sign in; unique by a [`super::Name`].
    pub username: String,
    /// A disabled account cannot sign in.
    pub enabled: bool,
    /// The argon2id password hash in PHC form; none if the account has no password.
    pub password: Option<String>,
    /// Standard claims (OpenID Connect Core §5.1).
    pub claims: Rest,
    /// What the person proves themselves with beside the password.
    #[cfg_attr(feature = "serde", serde(default))]
    pub factors: Factors,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// Who its owner is at identity providers.
    #[cfg_attr(feature = "serde", serde(default))]
    pub upstreams: Upstreams,
    /// Failed attempts to sign in; they are counted beside the edits.
    #[cfg_attr(feature = "serde", serde(default))]
    pub attempts: Attempts,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
    /// Members of a later version.
    pub rest: Rest,
}

/// Failed attempts to sign in to an account since the last that succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// How many.
    pub count: u32,
    /// Until when further ones are refused unseen.
    pub locked_until: Option<Timestamp>,
}

impl Attempts {
    /// Whether there were none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Account {
    /// The subject that stands for this account.
    pub fn subject(&self) -> Option<Subject> {
        self.upstreams.subject.clone().or_else(|| Subject::new(self.id.to_string()))
    }

    /// The id of the account that a subject stands for.
    pub fn id_of(subject: &Subject, issuer: IssuerNumber) -> RecordId {
        let of_its_own = || {
            let Digest16(bytes) = Digest16::of(&[&issuer.0.to_be_bytes(), b"account", subject.as_str().as_bytes()]);
            RecordId::from_bytes(bytes)
        };
        RecordId::parse(subject.as_str()).unwrap_or_else(of_its_own)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}, {:?})", self.id, self.username)
    }
}
