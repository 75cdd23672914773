//! Weakening a token, offline and without a key: the holder's half of a macaroon.

use super::caveat::Caveat;
use super::kind::{Access, ApiKey, Kind};
use super::macaroon::{self, MOST_CAVEAT_BYTES, MOST_CAVEATS, Macaroon};

/// Why a token cannot be weakened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWeakened {
    /// Neither an access token nor an API key of this server family.
    #[error("only access tokens ({at}…) and API keys ({ak}…) can be weakened", at = Access::PREFIX, ak = ApiKey::PREFIX)]
    OtherKind,
    /// Not a whole token.
    #[error("the token is damaged")]
    Damaged,
    /// The token is full.
    #[error("a token carries at most {MOST_CAVEATS} caveats and {MOST_CAVEAT_BYTES} bytes of them")]
    Full,
}

/// A token that permits what `token` permits and `caveat` allows.
pub fn attenuate(token: &str, caveat: &Caveat) -> Result<String, NotWeakened> {
    let with = |prefix: &'static str| token.strip_prefix(prefix).map(|text| (prefix, text));
    let (prefix, text) = with(Access::PREFIX).or_else(|| with(ApiKey::PREFIX)).ok_or(NotWeakened::OtherKind)?;
    let bytes = macaroon::decode(text).ok_or(NotWeakened::Damaged)?;
    let mut macaroon = Macaroon::parse(&bytes).ok_or(NotWeakened::Damaged)?;
    let text = caveat.to_string();
    macaroon.signature = macaroon::weaken(&macaroon.signature, text.as_bytes());
    macaroon.caveats.push(text.as_bytes());
    if macaroon.is_small() { Ok(macaroon.to_text(prefix)) } else { Err(NotWeakened::Full) }
}
