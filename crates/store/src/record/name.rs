use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::Timestamp;

/// A name that only one record may have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Name {
    /// What kind of name.
    pub namespace: Namespace,
    /// Its digest, by [`Name::digest`].
    pub digest: Digest16,
    /// Whose it is.
    pub id: RecordId,
    /// Until when; then another may take it over.
    pub expires_at: Timestamp,
}

impl Name {
    /// The key of a name at an issuer.
    pub fn digest(issuer: IssuerNumber, namespace: Namespace, name: &str) -> Digest16 {
        Digest16::of(&[&issuer.0.to_be_bytes(), &[namespace.number()], name.as_bytes()])
    }
}

/// A kind of unique name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Namespace {
    /// What a person types to sign in.
    Username,
    /// What a person types on the page for devices (RFC 8628 §6.1), in its canonical form; the id is the flow's.
    UserCode,
    /// A client, a subject and a scope that have one live grant at a time; the id is the grant's.
    LiveGrant,
    /// One of the few places of a person's requests that wait for an answer (OpenID Connect CIBA); the id is the flow's.
    Pending,
    /// An e-mail address that was proved to be an account's; the id is the account's.
    Email,
    /// A passkey (WebAuthn credential id); the id is the account's.
    Credential,
    /// A subject of an upstream identity provider; the id is the account's.
    Upstream,
    /// Tokens of another server that one program at a time renews; the id is that program's own, and its time is short, so that
    /// another takes over from one that has died.
    Renewal,
    /// What all nodes count together, such as mails to one account; its time is up when the count is empty, the id is new each time.
    Count,
}

impl Namespace {
    /// Every kind there is.
    pub const ALL: &'static [Self] = &[
        Self::Username,
        Self::UserCode,
        Self::LiveGrant,
        Self::Pending,
        Self::Email,
        Self::Credential,
        Self::Upstream,
        Self::Renewal,
        Self::Count,
    ];

    /// The number in the database; numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::Username => 1,
            Self::UserCode => 2,
            Self::LiveGrant => 3,
            Self::Pending => 4,
            Self::Email => 5,
            Self::Credential => 6,
            Self::Upstream => 7,
            Self::Renewal => 8,
            Self::Count => 9,
        }
    }
}
