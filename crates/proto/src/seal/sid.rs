//! Session ids as clients see them (`sid`): each client another one, the same for as long as the session lives.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::keyring::KeyringError;
use super::keys::aead_key;
use super::master::MasterKey;
use crate::digest::Digest16;
use crate::id::RecordId;

/// Makes and reads them. The key comes of the master key, and stays when other keys rotate.
pub struct SidKey(LessSafeKey);

impl SidKey {
    /// The key of a deployment.
    pub fn derive(master: &MasterKey) -> Result<Self, KeyringError> {
        let key: Zeroizing<[u8; 32]> = master.derive("sid")?;
        aead_key(&AES_256_GCM_SIV, &key).map(Self).ok_or(KeyringError::Crypto)
    }

    /// How this client knows a session. Two clients cannot tell from theirs that it is the same one: where their subjects are
    /// pairwise (OpenID Connect Core §8.1) a session that is not would give them away.
    pub fn seal(&self, session: RecordId, client: RecordId) -> Result<String, KeyringError> {
        let mut text = *session.as_bytes();
        // The cipher is made for nonces that come again, and the same session is to be the same text.
        let tag = self.0.seal_in_place_separate_tag(nonce(client)?, Aad::from(*client.as_bytes()), &mut text);
        Ok(URL_SAFE_NO_PAD.encode([&text[..], tag.map_err(|_| KeyringError::Crypto)?.as_ref()].concat()))
    }

    /// The session that this client knows so.
    pub fn open(&self, sid: &str, client: RecordId) -> Option<RecordId> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sid).ok()?;
        let plain = self.0.open_in_place(nonce(client).ok()?, Aad::from(*client.as_bytes()), &mut bytes);
        RecordId::from_slice(plain.ok()?)
    }
}

fn nonce(client: RecordId) -> Result<Nonce, KeyringError> {
    let Digest16(digest) = Digest16::of(&[b"sid", client.as_bytes()]);
    digest.first_chunk().map(|bytes| Nonce::assume_unique_for_key(*bytes)).ok_or(KeyringError::Crypto)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SidKey {
        SidKey::derive(&MasterKey::from_bytes(&Zeroizing::new([byte; 32])).unwrap()).unwrap()
    }

    fn id(byte: u8) -> RecordId {
        RecordId::from_bytes([byte; 16])
    }

    // OpenID Connect Core §8.1.
    #[test]
    fn each_client_knows_a_session_by_another_name() {
        let sid = key(1).seal(id(1), id(2)).unwrap();
        assert_eq!(key(1).seal(id(1), id(2)).unwrap(), sid, "the same for as long as it lives");
        assert_eq!(key(1).open(&sid, id(2)), Some(id(1)));
        assert_ne!(key(1).seal(id(1), id(3)).unwrap(), sid);
        assert_ne!(key(1).seal(id(3), id(2)).unwrap(), sid);
        assert_eq!(key(1).open(&sid, id(3)), None);
        assert_eq!(key(2).open(&sid, id(2)), None);
        for text in ["", "x", "AAAA", &id(1).to_string(), &format!("{sid}A")] {
            assert_eq!(key(1).open(text, id(2)), None, "{text}");
        }
    }
}
