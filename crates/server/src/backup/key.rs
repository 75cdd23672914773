//! What opens a backup: a passphrase or a key, and the key of one file that comes of it.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use firman_engine::Fault;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{BackupError, crypto};

/// What argon2id costs whoever guesses: 64 MiB and three passes for each guess.
const COST: Cost = Cost { memory_kib: 65_536, passes: 3, lanes: 1 };
/// What a file may ask of whoever reads it.
const HIGHEST: Cost = Cost { memory_kib: 1_048_576, passes: 16, lanes: 8 };

/// What a person keeps to open backups with.
pub enum Secret {
    /// Something to remember.
    Passphrase(Zeroizing<String>),
    /// 32 random bytes.
    Key(Zeroizing<[u8; 32]>),
}

/// How the key of a file is made, as its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Lock {
    /// From a passphrase.
    Argon2id(Cost),
    /// From a key.
    Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Secret {
    pub(super) fn lock(&self) -> Lock {
        match self {
            Self::Passphrase(_) => Lock::Argon2id(COST),
            Self::Key(_) => Lock::Key,
        }
    }

    /// The key of one file, which no other file has: its salt is random.
    pub(super) fn key_of(&self, lock: Lock, salt: &[u8; 32]) -> Result<LessSafeKey, BackupError> {
        let material = match (self, lock) {
            (Self::Passphrase(passphrase), Lock::Argon2id(cost)) => stretched(passphrase, cost, salt)?,
            (Self::Key(key), Lock::Key) => key.clone(),
            (_, Lock::Argon2id(_)) => return Err(BackupError::OtherSecret("a passphrase: give --passphrase-stdin")),
            (_, Lock::Key) => return Err(BackupError::OtherSecret("a key file: give --key-file")),
        };
        let mut key = Zeroizing::new([0; 32]);
        let extracted = Salt::new(HKDF_SHA256, salt).extract(&*material);
        extracted.expand(&[b"firman backup v1"], Bytes32).and_then(|okm| okm.fill(&mut *key)).map_err(|_| crypto())?;
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| crypto())?))
    }
}

fn stretched(passphrase: &str, cost: Cost, salt: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, BackupError> {
    if cost.memory_kib > HIGHEST.memory_kib || cost.passes > HIGHEST.passes || cost.lanes > HIGHEST.lanes {
        return Err(BackupError::Damaged("its head asks for more memory or time than any backup needs"));
    }
    let failed = |error: argon2::Error| Fault::lasting("derive a key", error.to_string());
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(failed)?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *out)
        .map_err(failed)?;
    Ok(out)
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}
