use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Rest, Subject};

/// Somebody of an identity provider who is the owner of an account here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpstreamLink {
    /// What the provider is called here.
    pub provider: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// Their subject there.
    pub subject: String,
    /// Since when.
    pub since: Timestamp,
    /// When the provider last said so.
    pub checked_at: Timestamp,
    /// When it was asked last, if it gave no answer then, or has not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// Since when it says that it knows them no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<Timestamp>,
    /// What it said of them then, by our names.
    #[serde(default, skip_serializing_if = "Rest::is_empty")]
    pub claims: Rest,
    /// The provider's refresh token, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Members of a later version.
    #[serde(flatten)]
    pub rest: Rest,
}

/// Who somebody is at identity providers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Upstreams {
    /// The subject that stands for their account, where that is not its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// At each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<UpstreamLink>,
    /// Members of a later version.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Upstreams {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.subject.is_none() && self.links.is_empty() && self.rest.is_empty()
    }
}

/// At which identity provider somebody has signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamSignIn {
    /// What the provider is called here.
    pub provider: String,
    /// Their subject there.
    pub subject: String,
    /// The session there (`sid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The ID token of this sign-in, sealed, where signing out here signs out there, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}
