use firman_proto::client::ClientMetadata;
use firman_proto::digest::{Digest16, same, sha256};
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::seal::Salt;
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ExchangePolicy, RefreshPolicy, Rest, ReuseReaction, TokenFormat, WiderScope};

/// A client: its registered metadata, how it proves itself, and where it differs from the server's policy.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Client {
    /// Never used again, even after the client is deleted. The client's standing grant has the same id.
    pub id: RecordId,
    /// The issuer it is registered with.
    pub issuer: IssuerNumber,
    /// What the client calls itself on the wire: at most 1024 bytes, possibly a URL.
    pub client_id: String,
    /// A disabled client can do nothing, and nothing issued to it is good.
    pub enabled: bool,
    /// Who may edit it.
    pub owner: Option<String>,
    /// Digests of its secrets; more than one while one replaces another.
    pub secrets: Vec<ClientSecret>,
    /// RFC 7591 metadata.
    pub metadata: ClientMetadata,
    /// Where it came from.
    pub origin: Origin,
    /// Overrides of the server's policy.
    pub policy: ClientPolicy,
    /// If it registered itself (RFC 7591).
    #[cfg_attr(feature = "serde", serde(default))]
    pub registration: Option<Registration>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub updated_at: Timestamp,
    /// Counts edits; guards against overwriting another's.
    pub revision: u64,
}

impl Client {
    /// The longest `client_id`, in bytes.
    pub const LONGEST_ID: usize = 1024;

    /// The unique key of a client id at an issuer.
    pub fn key(issuer: IssuerNumber, client_id: &str) -> Digest16 {
        Digest16::of(&[&issuer.0.to_be_bytes(), b"client", client_id.as_bytes()])
    }

    /// Whether a presented secret is one of this client's at `now`. Looks at every digest, whichever matches.
    pub fn has_secret(&self, presented: &str, now: Timestamp) -> bool {
        matches_any(&self.secrets, presented, now)
    }
}

/// Whether a presented secret is one of these at `now`. Looks at every digest, whichever matches.
pub(super) fn matches_any(secrets: &[ClientSecret], presented: &str, now: Timestamp) -> bool {
    let digest = sha256(presented.as_bytes());
    secrets.iter().fold(false, |found, secret| {
        let alive = secret.expires_at.is_none_or(|end| now < end);
        found | (same(&secret.digest, &digest) & alive)
    })
}

/// The SHA-256 of a secret of 256 random bits. Such a secret cannot be guessed, so it needs no slow hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    /// SHA-256 of the secret's text.
    pub digest: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if it was replaced.
    pub expires_at: Option<Timestamp>,
    /// The secret itself, sealed under the master key, base64url: only for clients that prove it by HMAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
}

/// How a client that registered itself comes back (RFC 7592), and whether it stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The salt of its registration access token: a new one kills the token.
    pub salt: Salt,
    /// Whether anybody was ever seen to use it.
    pub used: bool,
}

/// Where a client came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// By an operator or by RFC 7591.
    #[default]
    Registered,
    /// By a file.
    Configured,
    /// By a client-id metadata document.
    MetadataDocument,
}

/// Where a client differs from the server's policy; `None` is the server's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientPolicy {
    /// Refuse its authorization requests without PKCE. Always so for public clients.
    pub require_pkce: Option<bool>,
    /// Take the `plain` challenge method from it.
    pub allow_plain_pkce: bool,
    /// A first-party client: people are not asked for consent.
    pub skip_consent: bool,
    /// An operator has made sure who it is: people are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub verified: bool,
    /// May ask about tokens of every client (a resource server), not just about its own.
    pub introspect_any: bool,
    /// Its assertions may also be for our endpoints, and not for the issuer alone.
    pub endpoint_audience: bool,
    /// Lifetime of its access tokens, in seconds.
    pub access_token_seconds: Option<i64>,
    /// Lifetime of its grants with a refresh token, in seconds.
    pub refresh_token_seconds: Option<i64>,
    /// What becomes of its refresh tokens when they are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<RefreshPolicy>,
    /// What is revoked when one of its old refresh tokens is presented again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_refresh_reuse: Option<ReuseReaction>,
    /// For how long it may repeat a refresh, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_window_seconds: Option<i64>,
    /// What it gets when it refreshes for more than was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wider_scope: Option<WiderScope>,
    /// How long its grants with a refresh token may lie idle, in seconds; 0: as long as they live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_idle_seconds: Option<i64>,
    /// Whether a person's new grant of the same scope takes the place of the one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_grant: Option<bool>,
    /// Whether that gives the access token again that is still good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reuse_access_token: Option<bool>,
    /// Whose tokens it may exchange, and how (RFC 8693).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangePolicy>,
    /// How its access tokens look, where the resource they are for does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_format: Option<TokenFormat>,
    /// The resources that it may have tokens for; `None` is all there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<String>>,
    /// Members of a later version.
    #[serde(flatten)]
    pub rest: Rest,
}
