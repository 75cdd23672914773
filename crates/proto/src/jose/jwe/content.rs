use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{cipher, hmac};
use zeroize::Zeroizing;

use super::super::Refused;
use crate::digest::same;

/// How content is encrypted (RFC 7518 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentEncryption {
    /// RFC 7518 §5.2.3.
    A128CbcHs256,
    /// RFC 7518 §5.2.5.
    A256CbcHs512,
    /// RFC 7518 §5.3.
    A128Gcm,
    /// RFC 7518 §5.3.
    A256Gcm,
}

/// Encrypted content and what authenticates it.
pub(super) struct SealedContent {
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// What differs between the two kinds.
enum Kind {
    Gcm(&'static Algorithm),
    /// The cipher, the hash, and the length of the tag.
    Cbc(&'static cipher::Algorithm, hmac::Algorithm, usize),
}

impl ContentEncryption {
    /// Each of them.
    pub const ALL: &'static [Self] = &[Self::A128CbcHs256, Self::A256CbcHs512, Self::A128Gcm, Self::A256Gcm];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// Reads the name on the wire; case matters (RFC 7516 §4.1.2).
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|enc| enc.as_str() == text)
    }

    /// How many bytes its key has.
    pub(super) const fn key_length(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A128CbcHs256 | Self::A256Gcm => 32,
            Self::A256CbcHs512 => 64,
        }
    }

    pub(super) const fn iv_length(self) -> usize {
        match self {
            Self::A128Gcm | Self::A256Gcm => NONCE_LEN,
            Self::A128CbcHs256 | Self::A256CbcHs512 => 16,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::A128Gcm => Kind::Gcm(&AES_128_GCM),
            Self::A256Gcm => Kind::Gcm(&AES_256_GCM),
            Self::A128CbcHs256 => Kind::Cbc(&AES_128, hmac::HMAC_SHA256, 16),
            Self::A256CbcHs512 => Kind::Cbc(&AES_256, hmac::HMAC_SHA512, 32),
        }
    }

    /// Encrypts with the first bytes of `iv`, as many as are needed.
    pub(super) fn seal(self, key: &[u8], iv: &[u8; 16], aad: &[u8], content: &[u8]) -> Result<SealedContent, Refused> {
        let mut ciphertext = content.to_vec();
        match self.kind() {
            Kind::Gcm(algorithm) => {
                let nonce = iv.first_chunk::<NONCE_LEN>().ok_or(Refused::Encryption)?;
                let nonce = Nonce::assume_unique_for_key(*nonce);
                let tag = gcm(algorithm, key)?.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut ciphertext);
                let tag = tag.map_err(|_| Refused::Encryption)?.as_ref().to_vec();
                Ok(SealedContent { ciphertext, tag })
            }
            Kind::Cbc(cipher, hash, length) => {
                let (mac_key, key) = halves(key)?;
                let key = UnboundCipherKey::new(cipher, key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7);
                let context = EncryptionContext::Iv128(FixedLength::from(iv));
                let sealed = key.and_then(|key| key.less_safe_encrypt(&mut ciphertext, context));
                sealed.map_err(|_| Refused::Encryption)?;
                let tag = tag(hash, mac_key, aad, iv, &ciphertext).get(..length).map(<[u8]>::to_vec);
                Ok(SealedContent { ciphertext, tag: tag.ok_or(Refused::Encryption)? })
            }
        }
    }

    pub(super) fn open(
        self,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        ciphertext: &[u8],
        presented: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let mut content = Zeroizing::new(ciphertext.to_vec());
        let length = match self.kind() {
            Kind::Gcm(algorithm) => {
                let nonce = Nonce::try_assume_unique_for_key(iv).map_err(|_| Refused::Decryption)?;
                // RFC 7518 §5.3: the tag has 128 bits and no fewer.
                if presented.len() != algorithm.tag_len() {
                    return Err(Refused::Decryption);
                }
                content.extend_from_slice(presented);
                let opened = gcm(algorithm, key)?.open_in_place(nonce, Aad::from(aad), &mut content);
                opened.map_err(|_| Refused::Decryption)?.len()
            }
            Kind::Cbc(cipher, hash, length) => {
                let (mac_key, key) = halves(key)?;
                let iv: &[u8; 16] = iv.try_into().map_err(|_| Refused::Decryption)?;
                let expected = tag(hash, mac_key, aad, iv, ciphertext);
                // RFC 7518 §5.2.2.2: before anything is decrypted, so that padding tells nothing.
                if !expected.get(..length).is_some_and(|expected| same(expected, presented)) {
                    return Err(Refused::Decryption);
                }
                let key = UnboundCipherKey::new(cipher, key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7);
                let context = DecryptionContext::Iv128(FixedLength::from(iv));
                let opened = key.and_then(|key| key.decrypt(&mut content, context).map(|opened| opened.len()));
                opened.map_err(|_| Refused::Decryption)?
            }
        };
        content.truncate(length);
        Ok(content)
    }
}

fn gcm(algorithm: &'static Algorithm, key: &[u8]) -> Result<LessSafeKey, Refused> {
    UnboundKey::new(algorithm, key).map(LessSafeKey::new).map_err(|_| Refused::Decryption)
}

/// RFC 7518 §5.2.2.1: the first half authenticates, the second encrypts.
fn halves(key: &[u8]) -> Result<(&[u8], &[u8]), Refused> {
    key.split_at_checked(key.len() / 2).ok_or(Refused::Decryption)
}

/// RFC 7518 §5.2.2.1: over the associated data, the vector, the ciphertext, and how many bits the associated data has.
fn tag(hash: hmac::Algorithm, key: &[u8], aad: &[u8], iv: &[u8; 16], ciphertext: &[u8]) -> Vec<u8> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hash, key));
    for part in [aad, iv, ciphertext, &(aad.len() as u64 * 8).to_be_bytes()] {
        mac.update(part);
    }
    mac.sign().as_ref().to_vec()
}
