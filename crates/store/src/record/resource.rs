use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::resource::canonical;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;

use super::client::matches_any;
use super::{ClientSecret, Rest};

/// A resource server: what it is called, what may be asked for there, and how its access tokens look.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Resource {
    /// Never used again.
    pub id: RecordId,
    /// The issuer it is registered with.
    pub issuer: IssuerNumber,
    /// Its resource indicator (RFC 8707 §2): an absolute URI, the audience of its tokens. It is not edited.
    pub identifier: String,
    /// A disabled one is no target, and may ask nothing.
    pub enabled: bool,
    /// A name for people.
    pub name: String,
    /// Digests of the secrets with which it asks about tokens; more than one while one replaces another.
    pub secrets: Vec<ClientSecret>,
    /// What may be asked for there.
    pub scope: Scope,
    /// How its access tokens look; `None` is the server's way.
    pub token_format: Option<TokenFormat>,
    /// Lifetime of its access tokens, in seconds; `None` is the client's or the server's.
    pub access_token_seconds: Option<i64>,
    /// Names of the caveats that it checks itself, so that introspection may leave them to it.
    pub enforces: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
    /// Members of a later version.
    pub rest: Rest,
}

impl Resource {
    /// The unique key of a resource indicator at an issuer, the same for all names of one resource.
    pub fn key(issuer: IssuerNumber, identifier: &str) -> Digest16 {
        Digest16::of(&[&issuer.0.to_be_bytes(), b"resource", canonical(identifier).as_bytes()])
    }

    /// Whether a presented secret is one of its own at `now`. Looks at every digest, whichever matches.
    pub fn has_secret(&self, presented: &str, now: Timestamp) -> bool {
        matches_any(&self.secrets, presented, now)
    }
}

/// How an access token looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFormat {
    /// A sealed reference.
    Opaque,
    /// A signed JWT (RFC 9068).
    Jwt,
}

impl TokenFormat {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Opaque, Self::Jwt];

    /// As it is written in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Jwt => "jwt",
        }
    }

    /// The number in the database; numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::Opaque => 1,
            Self::Jwt => 2,
        }
    }

    /// Reads the number in the database.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Opaque),
            2 => Some(Self::Jwt),
            _ => None,
        }
    }
}
