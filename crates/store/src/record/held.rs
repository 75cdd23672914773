use std::fmt;

use firman_proto::digest::Digest16;
use firman_proto::time::Timestamp;

use super::Rest;

/// A token of another server, kept by who has to present it again.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeldToken {
    /// What it is found by when it is presented: made by its holder of the kind and the token, in a way that tells nothing of the token.
    pub key: Digest16,
    /// What it is for.
    pub kind: HeldKind,
    /// The server it is from.
    pub issuer: String,
    /// Whom it is about; none where the client has it for itself.
    pub subject: Option<String>,
    /// The client it was issued to, as that server knows it.
    pub client_id: String,
    /// How it is presented (`token_type` of RFC 6749 §5.1).
    pub token_type: Option<String>,
    /// The token, sealed by its holder.
    pub sealed: Vec<u8>,
    /// It leaves some time after that; [`Timestamp::NEVER`] where nobody has said.
    pub expires_at: Timestamp,
    /// When something new was learnt of it.
    pub updated_at: Timestamp,
    /// What its server says of it (RFC 7662 §2.2).
    pub metadata: Rest,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
    /// Members of a later version.
    pub rest: Rest,
}

impl HeldToken {
    /// Whose it is.
    pub fn holder(&self) -> Digest16 {
        self.subject.as_deref().map_or(Holder::Client(&self.client_id), Holder::Subject).key(&self.issuer)
    }
}

/// Without the token, and without what is known of its person.
impl fmt::Debug for HeldToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldToken({:?} of {} for {}, revision {})", self.kind, self.issuer, self.client_id, self.revision)
    }
}

/// Whose tokens of a server are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder<'a> {
    /// Those about a person.
    Subject(&'a str),
    /// Those that a client has for itself (RFC 6749 §4.4), by the id that the server knows it by.
    Client(&'a str),
}

impl Holder<'_> {
    /// What they are found by.
    pub fn key(self, issuer: &str) -> Digest16 {
        let (kind, name): (&[u8], _) = match self {
            Self::Subject(subject) => (b"subject", subject),
            Self::Client(client_id) => (b"client", client_id),
        };
        Digest16::of(&[b"held", kind, issuer.as_bytes(), name.as_bytes()])
    }
}

/// What a token that is kept is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HeldKind {
    /// It opens resources.
    Access,
    /// It gets other tokens (RFC 6749 §6).
    Refresh,
}

impl HeldKind {
    /// Every kind there is.
    pub const ALL: &'static [Self] = &[Self::Access, Self::Refresh];

    /// The number in the database; numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::Access => 1,
            Self::Refresh => 2,
        }
    }

    /// Reads the number in the database.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number() == number)
    }
}

/// What another server has said of a person, each with its own time.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeldClaims {
    /// The server.
    pub issuer: String,
    /// The person, as that server knows them.
    pub subject: String,
    /// The latest ID token, sealed by its holder.
    pub id_token: Option<Vec<u8>>,
    /// When it came.
    pub id_token_at: Option<Timestamp>,
    /// The claims of userinfo.
    pub claims: Option<Rest>,
    /// When they came.
    pub claims_at: Option<Timestamp>,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
    /// Members of a later version.
    pub rest: Rest,
}

impl HeldClaims {
    /// What they are found by.
    pub fn key(&self) -> Digest16 {
        Holder::Subject(&self.subject).key(&self.issuer)
    }
}

/// Without what is said.
impl fmt::Debug for HeldClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldClaims(of {}, revision {})", self.issuer, self.revision)
    }
}
