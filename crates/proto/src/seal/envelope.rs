//! Small values that travel through a browser: encrypted, bound to their purpose and to what the browser holds.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::identifier::VERSION;
use super::keyring::{HeldKey, Keyring, KeyringError, Unsealed};
use super::keys::aead_key;
use crate::time::Timestamp;

/// The longest envelope that is opened, in characters.
const LONGEST: usize = 64 * 1024;
/// Version and key number.
const HEAD: usize = 1 + 4;

impl Keyring {
    /// Encrypts `plaintext` for a round trip through a browser.
    ///
    /// `purpose` chooses the key; `binding` (a digest of a cookie, say) must be shown again to open it; `nonce` is 12 fresh
    /// random bytes. Version and key number stand in clear.
    pub fn seal_envelope(
        &self,
        purpose: &str,
        binding: &[u8],
        nonce: [u8; NONCE_LEN],
        plaintext: &[u8],
    ) -> Result<String, KeyringError> {
        let key = envelope_key(self.current(), purpose).ok_or(KeyringError::Crypto)?;
        let [a, b, c, d] = self.current().number.to_be_bytes();
        let head = [VERSION, a, b, c, d];
        let mut text = Zeroizing::new(plaintext.to_vec());
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad(head, purpose, binding), &mut text)
            .map_err(|_| KeyringError::Crypto)?;
        Ok(URL_SAFE_NO_PAD.encode([&head[..], &nonce, &text, tag.as_ref()].concat()))
    }

    /// Opens what [`Keyring::seal_envelope`] gave, for the same purpose and binding.
    pub fn open_envelope(
        &self,
        purpose: &str,
        binding: &[u8],
        envelope: &str,
        now: Timestamp,
    ) -> Result<Zeroizing<Vec<u8>>, Unsealed> {
        if envelope.len() > LONGEST {
            return Err(Unsealed::Foreign);
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(envelope).map_err(|_| Unsealed::Foreign)?;
        let (head, rest) = bytes.split_first_chunk_mut::<HEAD>().ok_or(Unsealed::Foreign)?;
        let [VERSION, a, b, c, d] = *head else { return Err(Unsealed::Foreign) };
        let (nonce, text) = rest.split_first_chunk_mut::<NONCE_LEN>().ok_or(Unsealed::Foreign)?;
        let key =
            envelope_key(self.opener(u32::from_be_bytes([a, b, c, d]), now)?, purpose).ok_or(Unsealed::Foreign)?;
        let plain = key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad(*head, purpose, binding), text);
        plain.map(|plain| Zeroizing::new(plain.to_vec())).map_err(|_| Unsealed::Foreign)
    }

    /// 32 bytes derived from the current key, for a secondary secret that may change when the key does.
    pub fn derive(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
        self.current().root.secondary("derive", label).ok_or(KeyringError::Crypto)
    }
}

fn envelope_key(key: &HeldKey, purpose: &str) -> Option<LessSafeKey> {
    aead_key(&AES_256_GCM_SIV, &*key.root.secondary("envelope", purpose)?)
}

fn aad(head: [u8; HEAD], purpose: &str, binding: &[u8]) -> Aad<Vec<u8>> {
    let length = (purpose.len() as u64).to_be_bytes();
    Aad::from([&head[..], &length, purpose.as_bytes(), binding].concat())
}
