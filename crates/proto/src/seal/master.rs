//! The master key, which is never in the database: it wraps the keys that are.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use zeroize::Zeroizing;

use super::keyring::KeyringError;
use super::keys::{aead_key, expand};
use crate::id::{IssuerNumber, RecordId};

/// The layout of what is wrapped; part of its associated data.
const VERSION: u8 = 1;

/// The key that wraps seal keys, signing keys and whatever else must be stored and read again.
///
/// ```compile_fail,E0277
/// let master = firman_proto::seal::MasterKey::from_bytes(&zeroize::Zeroizing::new([0; 32])).unwrap();
/// println!("{master:?}"); // key material is not printed
/// ```
pub struct MasterKey {
    extracted: Prk,
    wrap: LessSafeKey,
}

/// The place a wrapped key belongs to: it unwraps nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The issuer.
    pub issuer: IssuerNumber,
    /// The record that holds it.
    pub record: RecordId,
    /// Its number among the keys, or whatever tells it from others in the same record.
    pub number: u32,
}

/// The bytes do not unwrap: another master key, another place, or damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored key material does not unwrap: another master key, another place, or damage")]
pub struct NotUnwrapped;

impl MasterKey {
    /// From 32 random bytes, which the caller wipes.
    pub fn from_bytes(bytes: &Zeroizing<[u8; 32]>) -> Result<Self, KeyringError> {
        let extracted = Salt::new(HKDF_SHA256, b"firman master").extract(&**bytes);
        let wrap = expand(&extracted, &[b"wrap"]).ok_or(KeyringError::Crypto)?;
        let wrap = aead_key(&AES_256_GCM, &wrap).ok_or(KeyringError::Crypto)?;
        Ok(Self { extracted, wrap })
    }

    /// Encrypts key material for its place; `nonce` is 12 fresh random bytes, and stands before what is returned.
    pub fn wrap_key(&self, place: &Place, nonce: [u8; NONCE_LEN], material: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let mut text = Zeroizing::new(material.to_vec());
        let tag = self
            .wrap
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), place.aad(), &mut text)
            .map_err(|_| KeyringError::Crypto)?;
        Ok([&nonce[..], &text, tag.as_ref()].concat())
    }

    /// Decrypts what [`MasterKey::wrap_key`] gave for the same place.
    pub fn unwrap_key(&self, place: &Place, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotUnwrapped> {
        let (nonce, text) = wrapped.split_first_chunk().ok_or(NotUnwrapped)?;
        let mut text = Zeroizing::new(text.to_vec());
        let plain = self.wrap.open_in_place(Nonce::assume_unique_for_key(*nonce), place.aad(), &mut text);
        let length = plain.map_err(|_| NotUnwrapped)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// 32 bytes derived for a secondary secret (a CSRF key) that is the same on every node and stays when seal keys rotate.
    pub fn derive(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
        expand(&self.extracted, &[b"derive", label.as_bytes()]).ok_or(KeyringError::Crypto)
    }
}

impl Place {
    fn aad(&self) -> Aad<[u8; 25]> {
        let mut out = [VERSION; 25];
        let (issuer, number) = (self.issuer.0.to_be_bytes(), self.number.to_be_bytes());
        for (to, from) in out.iter_mut().skip(1).zip(issuer.iter().chain(self.record.as_bytes()).chain(&number)) {
            *to = *from;
        }
        Aad::from(out)
    }
}
