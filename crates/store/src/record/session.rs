use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::seal::{self, Salt};
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Epochs, Rest, Subject, UpstreamSignIn};

/// A browser that somebody signed in with.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Session {
    /// The key's first part is the day this id was made.
    pub id: RecordId,
    /// The issuer.
    pub issuer: IssuerNumber,
    /// Who signed in.
    pub subject: Subject,
    /// What the cookie is proved against; renewed with every sign-in.
    #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
    pub salt: Salt,
    /// When the person last proved who they are.
    pub auth_time: Timestamp,
    /// When it was last used, to within a minute.
    pub last_seen: Timestamp,
    /// The absolute end.
    pub expires_at: Timestamp,
    /// Since when it is ended.
    pub ended_at: Option<Timestamp>,
    /// The epochs at sign-in; a later one of the subject or of everything ends it.
    pub epochs: Epochs,
    /// How the person signed in.
    pub details: SessionDetails,
}

/// What is known of a sign-in beyond what is asked for in a query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionDetails {
    /// A name to greet the person with.
    #[serde(default)]
    pub username: String,
    /// OpenID Connect Core §2 `acr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// RFC 8176 `amr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// At which identity provider, if not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamSignIn>,
    /// Members of a later version.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Session {
    /// Whether the session by itself is good at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

impl seal::Anchor<seal::Session> for Session {
    fn record(&self) -> RecordId {
        self.id
    }

    fn salt_for(&self, _serial: u64) -> Option<&Salt> {
        Some(&self.salt)
    }

    fn admits(&self, now: Timestamp) -> bool {
        self.is_live(now)
    }
}
