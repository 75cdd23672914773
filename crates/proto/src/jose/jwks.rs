use serde_json::{Map, Value};

use super::jwe::{EncryptionKey, KeyManagement};
use super::jwk::PRIVATE;
use super::{Header, PublicKey, Refused, object};

/// The public keys somebody signs with (RFC 7517 §5).
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    keys: Vec<PublicKey>,
    encryption: Vec<EncryptionKey>,
}

impl Jwks {
    /// The largest set that is read, in bytes.
    pub const LONGEST: usize = 64 * 1024;
    /// The most keys of a set.
    const MOST: usize = 64;

    /// Reads a document.
    pub fn parse(document: &[u8]) -> Result<Self, Refused> {
        if document.len() > Self::LONGEST {
            return Err(Refused::TooLong);
        }
        Self::from_object(&object(document)?)
    }

    /// Reads a set that stands inside another document.
    ///
    /// Keys that are not for verifying, or of kinds and curves not known here, are passed over (RFC 7517 §5). A set with a
    /// private or secret key is refused as a whole: whoever published it has lost that key. So is one in which two keys of one
    /// kind have one name.
    pub fn from_object(set: &Map<String, Value>) -> Result<Self, Refused> {
        let Some(Value::Array(members)) = set.get("keys") else { return Err(Refused::Key("no keys")) };
        if members.len() > Self::MOST {
            return Err(Refused::TooLong);
        }
        let mut keys: Vec<PublicKey> = Vec::new();
        let mut encryption = Vec::new();
        for member in members {
            let Value::Object(jwk) = member else { return Err(Refused::Key("a key is no object")) };
            if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
                return Err(Refused::Key("a key of the set is private or secret"));
            }
            encryption.extend(EncryptionKey::from_jwk(jwk).ok());
            let Ok(key) = PublicKey::from_jwk(jwk) else { continue };
            // RFC 7517 §4.5: one name for two keys only where their kinds differ.
            if key.kid().is_some() && keys.iter().any(|other| other.kid() == key.kid() && other.kty() == key.kty()) {
                return Err(Refused::Key("two keys of the set have one kid"));
            }
            keys.push(key);
        }
        Ok(Self { keys, encryption })
    }

    /// The keys that may be used.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The same without the keys of such names.
    #[must_use]
    pub fn without(&self, named: impl Fn(&str) -> bool) -> Self {
        let keys = self.keys.iter().filter(|key| !key.kid().is_some_and(&named)).cloned().collect();
        Self { keys, encryption: self.encryption.clone() }
    }

    /// The key to encrypt with for whom the set belongs to: one that says it is for that before one that says nothing.
    pub fn encryption_key(&self, alg: KeyManagement) -> Result<&EncryptionKey, Refused> {
        let suitable = || self.encryption.iter().filter(|key| key.suits(alg));
        let declared = suitable().find(|key| key.is_declared());
        declared.or_else(|| suitable().next()).ok_or(Refused::UnknownKey)
    }

    /// The key a header asks for, if it suits the header's algorithm.
    pub fn choose(&self, header: &Header) -> Result<&PublicKey, Refused> {
        let suits = |key: &&PublicKey| key.suits(header.alg);
        if let Some(kid) = &header.kid {
            let named = self.keys.iter().find(|key| key.kid() == Some(kid) && key.suits(header.alg));
            return named.ok_or(Refused::UnknownKey);
        }
        // OpenID Connect Core §10.1: without a kid there must be nothing to choose.
        let mut suitable = self.keys.iter().filter(suits);
        match (suitable.next(), suitable.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refused::AmbiguousKey),
            (None, _) => Err(Refused::UnknownKey),
        }
    }
}
