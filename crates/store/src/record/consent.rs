use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;

use super::{Rest, Subject};

/// What somebody allowed a client once and for all.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Consent {
    /// The issuer.
    pub issuer: IssuerNumber,
    /// Who.
    pub subject: Subject,
    /// Whom.
    pub client: RecordId,
    /// What.
    pub scope: Scope,
    /// When it was last said.
    pub updated_at: Timestamp,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
    /// Members of a later version.
    pub rest: Rest,
}

/// The key of a consent: the subject comes first, so that a person's consents lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConsentKey {
    /// [`Subject::key`].
    pub subject: Digest16,
    /// The client.
    pub client: RecordId,
}

impl Consent {
    /// Its key.
    pub fn key(&self) -> ConsentKey {
        ConsentKey { subject: self.subject.key(self.issuer), client: self.client }
    }
}
