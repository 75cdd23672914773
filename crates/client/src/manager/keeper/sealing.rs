//! How what is kept is made unreadable: AES-256-GCM under a key that is kept elsewhere.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use firman_proto::digest::Digest16;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::world::Entropy;

/// Seals what is kept, and names it in a way that tells nothing of it.
pub struct SealingKey {
    seal: LessSafeKey,
    name: hmac::Key,
}

impl SealingKey {
    /// From 32 random bytes.
    ///
    /// # Errors
    ///
    /// The library does not take them.
    pub fn from_bytes(bytes: &Zeroizing<[u8; 32]>) -> Result<Self, Error> {
        let wrong = |_| Error::Local("the sealing key is not taken".to_owned());
        let extracted = Salt::new(HKDF_SHA256, b"firman held tokens").extract(&**bytes);
        let derive = |label: &'static [u8]| {
            let mut out = Zeroizing::new([0; 32]);
            extracted.expand(&[label], &AES_256_GCM).and_then(|okm| okm.fill(&mut *out)).map(|()| out)
        };
        let seal = UnboundKey::new(&AES_256_GCM, &*derive(b"seal").map_err(wrong)?).map_err(wrong)?;
        let name = hmac::Key::new(hmac::HMAC_SHA256, &*derive(b"name").map_err(wrong)?);
        Ok(Self { seal: LessSafeKey::new(seal), name })
    }

    /// Seals for one place; opens nowhere else.
    pub(crate) fn seal(&self, place: &[u8], plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut text = Zeroizing::new(plain.to_vec());
        let tag = self
            .seal
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut text)
            .map_err(|_| Error::Local("it cannot be sealed".to_owned()))?;
        Ok([&nonce[..], &text, tag.as_ref()].concat())
    }

    /// Opens what was sealed for this place; `None` if it was not, or is damaged.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.split_first_chunk()?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.seal.open_in_place(nonce, Aad::from(place), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }

    /// The name under which a token is found by who has it.
    pub(crate) fn name(&self, kind: u8, token: &str) -> Digest16 {
        let mut context = hmac::Context::with_key(&self.name);
        context.update(&[kind]);
        context.update(token.as_bytes());
        Digest16(context.sign().as_ref().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::System;

    #[test]
    fn what_is_sealed_opens_in_its_place_under_its_key_unharmed() {
        let key = |byte| SealingKey::from_bytes(&Zeroizing::new([byte; 32])).unwrap();
        let sealed = key(1).seal(b"here", b"hush", &System).unwrap();
        assert_eq!(key(1).open(b"here", &sealed).unwrap().as_slice(), b"hush");
        assert!(key(1).open(b"there", &sealed).is_none() && key(2).open(b"here", &sealed).is_none());
        for place in 0..sealed.len() {
            let mut harmed = sealed.clone();
            harmed[place] ^= 1;
            assert!(key(1).open(b"here", &harmed).is_none());
        }
        assert!(key(1).open(b"here", b"").is_none() && key(1).open(b"here", &sealed[..20]).is_none());
        assert!(key(1).name(1, "t") != key(1).name(2, "t") && key(1).name(1, "t") != key(2).name(1, "t"));
    }
}
