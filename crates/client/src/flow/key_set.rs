//! The keys that a server has published.

use std::ops::Deref;

use firman_proto::jose::{Jwks, Refused};
use serde::{Deserialize, Serialize};

/// A JWK set (RFC 7517 §5) with the text it was read from, so that it can be kept between two runs of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeySet {
    keys: Jwks,
    text: String,
}

impl TryFrom<String> for KeySet {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        Jwks::parse(text.as_bytes()).map(|keys| Self { keys, text })
    }
}

impl From<KeySet> for String {
    fn from(set: KeySet) -> Self {
        set.text
    }
}

impl Deref for KeySet {
    type Target = Jwks;

    fn deref(&self) -> &Jwks {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::party::tests::key;
    use super::*;

    // RFC 7517 §5.
    #[test]
    fn a_set_that_was_kept_is_read_as_strictly_as_one_that_comes() {
        let key = key();
        let set = KeySet::try_from(json!({"keys": [key.jwk()]}).to_string()).unwrap();
        let kept = serde_json::to_string(&set).unwrap();
        let again: KeySet = serde_json::from_str(&kept).unwrap();
        assert_eq!(again.keys().first().unwrap().kid(), Some(key.jwk().kid.as_str()));
        let secret = json!({"keys": [{"kty": "oct", "k": "x"}]}).to_string();
        assert!(serde_json::from_value::<KeySet>(secret.into()).is_err());
    }
}
