use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::super::Refused;
use super::super::compact::decode;
use super::ContentEncryption;

/// How the content encryption key gets to whom something is for (RFC 7518 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyManagement {
    /// RFC 7518 §4.3, with the parameters that were the default.
    RsaOaep,
    /// RFC 7518 §4.3, with SHA-256.
    RsaOaep256,
    /// RFC 7518 §4.6: what is agreed on is the key.
    EcdhEs,
    /// RFC 7518 §4.6: what is agreed on wraps the key.
    EcdhEsA128Kw,
    /// RFC 7518 §4.6: what is agreed on wraps the key.
    EcdhEsA256Kw,
}

/// What somebody needs, beside their key, to get at the content.
pub(super) struct Recipient {
    /// The content encryption key.
    pub(super) cek: Zeroizing<Vec<u8>>,
    pub(super) encrypted_key: Vec<u8>,
    /// Header parameters of the algorithm.
    pub(super) members: Map<String, Value>,
}

impl KeyManagement {
    /// Each of them.
    pub const ALL: &'static [Self] =
        &[Self::EcdhEs, Self::EcdhEsA128Kw, Self::EcdhEsA256Kw, Self::RsaOaep256, Self::RsaOaep];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }

    /// Reads the name on the wire; case matters (RFC 7516 §4.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|alg| alg.as_str() == text)
    }

    /// The parameters of an RSA algorithm.
    pub(super) const fn oaep(self) -> Option<&'static OaepAlgorithm> {
        match self {
            Self::RsaOaep => Some(&OAEP_SHA1_MGF1SHA1),
            Self::RsaOaep256 => Some(&OAEP_SHA256_MGF1SHA256),
            Self::EcdhEs | Self::EcdhEsA128Kw | Self::EcdhEsA256Kw => None,
        }
    }

    /// What comes of a secret that was agreed on (RFC 7518 §4.6.2): the content encryption key, or what wraps it.
    pub(super) fn derive(
        self,
        enc: ContentEncryption,
        secret: &[u8],
        header: &Map<String, Value>,
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let (name, length) = match self {
            Self::EcdhEs => (enc.as_str(), enc.key_length()),
            Self::EcdhEsA128Kw => (self.as_str(), 16),
            Self::EcdhEsA256Kw => (self.as_str(), 32),
            Self::RsaOaep | Self::RsaOaep256 => return Err(Refused::Algorithm),
        };
        // RFC 7518 §4.6.1.2, §4.6.1.3: who they say they are, if they do.
        let party = |name| match header.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => decode(text),
            Some(_) => Err(Refused::Header("an apu or apv that is no text")),
        };
        let mut info = Vec::new();
        for part in [name.as_bytes(), &party("apu")?, &party("apv")?] {
            info.extend(u32::try_from(part.len()).map_err(|_| Refused::TooLong)?.to_be_bytes());
            info.extend(part);
        }
        info.extend(u32::try_from(length * 8).map_err(|_| Refused::TooLong)?.to_be_bytes());
        let mut key = Zeroizing::new(vec![0; length]);
        let sha256 = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(Refused::Algorithm)?;
        sskdf_digest(sha256, secret, &info, &mut key).map_err(|_| Refused::Decryption)?;
        Ok(key)
    }

    /// Wraps a content encryption key with what was derived (RFC 3394); nothing, where that is the key.
    pub(super) fn wrap(self, kek: &[u8], cek: &[u8]) -> Result<Vec<u8>, Refused> {
        let Some(kek) = self.kek(kek)? else { return Ok(Vec::new()) };
        let mut wrapped = vec![0; cek.len() + 8];
        kek.wrap(cek, &mut wrapped).map_err(|_| Refused::Encryption)?;
        Ok(wrapped)
    }

    /// The content encryption key again.
    pub(super) fn unwrap(self, kek: Zeroizing<Vec<u8>>, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let Some(wrapping) = self.kek(&kek)? else {
            // RFC 7518 §4.6: where the key itself was agreed on, there is nothing beside it.
            return if wrapped.is_empty() { Ok(kek) } else { Err(Refused::Decryption) };
        };
        let mut cek = Zeroizing::new(vec![0; wrapped.len()]);
        let length = wrapping.unwrap(wrapped, &mut cek).map_err(|_| Refused::Decryption)?.len();
        cek.truncate(length);
        Ok(cek)
    }

    fn kek(self, key: &[u8]) -> Result<Option<AesKek>, Refused> {
        let cipher = match self {
            Self::EcdhEsA128Kw => &AES_128,
            Self::EcdhEsA256Kw => &AES_256,
            Self::EcdhEs | Self::RsaOaep | Self::RsaOaep256 => return Ok(None),
        };
        AesKek::new(cipher, key).map(Some).map_err(|_| Refused::Decryption)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    // RFC 7518 §4.6.1.2, §4.6.1.3, §4.6.2.
    #[test]
    fn a_key_is_derived_as_in_the_example_of_the_rfc() {
        // RFC 7518 Appendix C.
        let secret = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218, 128,
            106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let Value::Object(header) = json!({"apu": "QWxpY2U", "apv": "Qm9i"}) else { panic!() };
        let key = KeyManagement::EcdhEs.derive(ContentEncryption::A128Gcm, &secret, &header).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(&*key), "VqqN6vgjbSBcIijNcacQGg");
        let Value::Object(header) = json!({"apu": 1}) else { panic!() };
        assert!(KeyManagement::EcdhEs.derive(ContentEncryption::A128Gcm, &secret, &header).is_err());
    }
}
