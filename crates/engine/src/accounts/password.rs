//! Passwords of people: argon2id, on a bounded pool, because each hash takes 19 MiB and many milliseconds.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::failure::Fault;
use crate::ports::Entropy;
use crate::random;

/// Hashes and verifies passwords, so many at a time and no more.
pub struct Passwords {
    workers: Semaphore,
    entropy: Arc<dyn Entropy>,
    params: Params,
}

/// What a hash costs whoever computes it (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST, lanes: Params::DEFAULT_P_COST }
    }
}

/// What was found out about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It is the one that was hashed.
    pub right: bool,
    /// Its hash was made at another cost than today's.
    pub outdated: bool,
}

impl Passwords {
    /// A pool of so many workers, at the library's cost.
    pub fn new(workers: usize, entropy: Arc<dyn Entropy>) -> Self {
        Self { workers: Semaphore::new(workers.max(1)), entropy, params: Params::default() }
    }

    /// The same, at another cost; `None` if it is none that Argon2 knows.
    #[must_use]
    pub fn at(self, cost: HashCost) -> Option<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).ok()?;
        Some(Self { params, ..self })
    }

    /// Where randomness comes from.
    pub(super) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// The argon2id hash of a password, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String, Fault> {
        let salt = random::bytes::<16>(&*self.entropy)?;
        let (password, hasher) = (Zeroizing::new(password), self.hasher());
        self.run(move || {
            let hash = hasher.hash_password_with_salt(spelled(&password).as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
        })
        .await?
        .map_err(|error| Fault::lasting("hash a password", error.to_string()))
    }

    /// Whether a password has this hash. Without a hash it takes as long, and is wrong.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<Verdict, Fault> {
        let password = Zeroizing::new(password.to_owned());
        let hash = hash.map(str::to_owned);
        let (hasher, params) = (self.hasher(), self.params.clone());
        self.run(move || {
            let spelled = spelled(&password);
            if let Some(hash) = hash.as_deref().and_then(|hash| PasswordHash::new(hash).ok()) {
                let has = |text: &str| hasher.verify_password(text.as_bytes(), &hash).is_ok();
                // As it was typed, too: hashes from before spellings were made one.
                let right = has(&spelled) || (*spelled != **password && has(&password));
                return Verdict { right, outdated: !is_of(&hash, &params) };
            }
            // The work of a real comparison, for somebody who is not there.
            let mut out = Zeroizing::new([0; 32]);
            let _ = hasher.hash_password_into(spelled.as_bytes(), &[0; 16], &mut *out);
            if *spelled != **password {
                let _ = hasher.hash_password_into(password.as_bytes(), &[0; 16], &mut *out);
            }
            Verdict { right: false, outdated: false }
        })
        .await
    }

    fn hasher(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let gone = |_| Fault::temporary("hash a password", "the server is shutting down");
        let _turn = self.workers.acquire().await.map_err(gone)?;
        tokio::task::spawn_blocking(work).await.map_err(|error| Fault::lasting("hash a password", error.to_string()))
    }
}

/// RFC 8265 §4.2: one spelling of what can be typed in several ways; what the profile refuses stays as it was typed.
fn spelled(password: &str) -> Zeroizing<String> {
    Zeroizing::new(OpaqueString::enforce(password).map_or_else(|_| password.to_owned(), std::borrow::Cow::into_owned))
}

/// Whether a hash was made at this cost.
fn is_of(hash: &PasswordHash, params: &Params) -> bool {
    Params::try_from(hash).is_ok_and(|of| {
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        cost(&of) == cost(params)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8265 §4.2.
    #[test]
    fn a_password_is_one_however_its_letters_were_composed() {
        assert_eq!(*spelled("u\u{308}ber\u{a0}all"), *spelled("\u{fc}ber all"));
        assert_ne!(*spelled("Case"), *spelled("case"));
        assert_eq!(*spelled("tab\there"), "tab\there", "as it was typed");
    }
}
