//! Encrypted objects (RFC 7516) in their compact form, for keys of whom they are for.
//!
//! Nothing is compressed (RFC 8725 §3.6), no password and no shared secret encrypts, and RSA with PKCS #1 v1.5 is not spoken in either
//! direction. What cannot be decrypted is refused with one reason, whatever was wrong.

mod content;
mod keys;
mod management;

pub use content::ContentEncryption;
pub use keys::{DecryptionKey, EncryptionKey};
pub use management::KeyManagement;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::compact::decode;
use super::{Refused, object};
use management::Recipient;

/// Header parameters that would change how the rest is read, or choose a key. None is ever trusted or needed here.
const NEVER: [&str; 8] = ["zip", "crit", "jku", "jwk", "x5u", "x5c", "b64", "p2s"];

/// Longer than any `kid`, `typ` or `cty` that means something.
const LONGEST_TEXT: usize = 512;

/// Random bytes for one object: its content encryption key and its initialization vector. Used once.
pub struct Fresh(Zeroizing<[u8; Self::LENGTH]>);

impl Fresh {
    /// How many bytes.
    pub const LENGTH: usize = 80;

    /// From as many unpredictable bytes.
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn parts(&self) -> (&[u8; 64], &[u8; 16]) {
        let (key, iv) = self.0.split_first_chunk::<64>().unwrap_or((&[0; 64], &[]));
        (key, iv.first_chunk().unwrap_or(&[0; 16]))
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh")
    }
}

/// How something is encrypted for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// How the content encryption key gets there.
    pub alg: KeyManagement,
    /// How the content is encrypted.
    pub enc: ContentEncryption,
}

impl Encryption {
    /// RFC 7516 §5.1: encrypts for the owner of a key. `cty` says what is inside: `JWT` for what is signed (RFC 7519 §5.2).
    pub fn encrypt(
        self,
        key: &EncryptionKey,
        cty: Option<&str>,
        content: &[u8],
        fresh: &Fresh,
    ) -> Result<String, Refused> {
        let (random, iv) = fresh.parts();
        let Recipient { cek, encrypted_key, members } = key.address(self.alg, self.enc, random)?;
        let mut header = Map::from_iter([
            ("alg".to_owned(), self.alg.as_str().into()),
            ("enc".to_owned(), self.enc.as_str().into()),
        ]);
        header.extend(key.kid().map(|kid| ("kid".to_owned(), kid.into())));
        header.extend(cty.map(|cty| ("cty".to_owned(), cty.into())));
        header.extend(members);
        let header = URL_SAFE_NO_PAD.encode(Value::Object(header).to_string());
        // RFC 7516 §5.1 (14): the encoded header is authenticated with the content.
        let sealed = self.enc.seal(&cek, iv, header.as_bytes(), content)?;
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let iv = iv.get(..self.enc.iv_length()).unwrap_or_default();
        Ok(format!("{header}.{}.{}.{}.{}", text(&encrypted_key), text(iv), text(&sealed.ciphertext), text(&sealed.tag)))
    }
}

/// An encrypted object that was read and not decrypted.
#[derive(Debug)]
pub struct Jwe<'t> {
    encryption: Encryption,
    members: Map<String, Value>,
    kid: Option<String>,
    cty: Option<String>,
    header: &'t str,
    encrypted_key: Vec<u8>,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl<'t> Jwe<'t> {
    /// Whether a text has the five parts of one (RFC 7516 §9).
    pub fn is_one(text: &str) -> bool {
        text.bytes().filter(|byte| *byte == b'.').count() == 4
    }

    /// Reads one of at most `longest` bytes (RFC 7516 §5.2).
    pub fn parse(text: &'t str, longest: usize) -> Result<Self, Refused> {
        // Before anything is decoded or allocated.
        if text.len() > longest {
            return Err(Refused::TooLong);
        }
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(Refused::NotJwe);
        let (header, encrypted_key, iv, ciphertext, tag) = (part()?, part()?, part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(Refused::NotJwe);
        }
        let members = object(&decode(header)?)?;
        if let Some(name) = NEVER.iter().find(|name| members.contains_key(**name)) {
            return Err(Refused::Header(name));
        }
        let text = |name: &'static str, malformed| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= LONGEST_TEXT => Ok(Some(text.clone())),
            Some(_) => Err(malformed),
        };
        // RFC 7516 §4.1.1, §4.1.2: both are required, and compared with case.
        let (alg, enc) = (text("alg", Refused::Algorithm)?, text("enc", Refused::Algorithm)?);
        let alg = alg.as_deref().and_then(KeyManagement::parse).ok_or(Refused::Algorithm)?;
        let enc = enc.as_deref().and_then(ContentEncryption::parse).ok_or(Refused::Algorithm)?;
        Ok(Self {
            encryption: Encryption { alg, enc },
            kid: text("kid", Refused::Header("a kid that is no text"))?,
            cty: text("cty", Refused::Header("a cty that is no text"))?,
            members,
            header,
            encrypted_key: decode(encrypted_key)?,
            iv: decode(iv)?,
            ciphertext: decode(ciphertext)?,
            tag: decode(tag)?,
        })
    }

    /// How it says it was encrypted.
    pub fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// Which of the recipient's keys it says.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it says is inside. RFC 7516 §4.1.12: case does not matter where it is a media type.
    pub fn is_nested(&self) -> bool {
        self.cty.as_deref().is_some_and(|cty| cty.eq_ignore_ascii_case("JWT"))
    }

    /// RFC 7516 §5.2: what is inside. RFC 7516 §11.5: one reason, whatever is wrong.
    pub fn decrypt(&self, key: &DecryptionKey) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let Encryption { alg, enc } = self.encryption;
        let cek = key.recover(alg, enc, &self.members, &self.encrypted_key).map_err(|_| Refused::Decryption)?;
        enc.open(&cek, &self.iv, self.header.as_bytes(), &self.ciphertext, &self.tag).map_err(|_| Refused::Decryption)
    }
}
