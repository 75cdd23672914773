//! Passwords of people: argon2id, on a bounded pool, because each hash takes 19 MiB and many milliseconds.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::failure::Fault;
use crate::ports::Entropy;
use crate::random;

/// Hashes and verifies passwords, so many at a time and no more.
pub struct Passwords {
    workers: Semaphore,
    entropy: Arc<dyn Entropy>,
}

impl Passwords {
    /// A pool of so many workers.
    pub fn new(workers: usize, entropy: Arc<dyn Entropy>) -> Self {
        Self { workers: Semaphore::new(workers.max(1)), entropy }
    }

    /// The argon2id hash of a password, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String, Fault> {
        let salt = random::bytes::<16>(&*self.entropy)?;
        let password = Zeroizing::new(password);
        self.run(move || {
            Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string())
        })
        .await?
        .map_err(|error| Fault::lasting("hash a password", error.to_string()))
    }

    /// Whether a password has this hash. Without a hash it takes as long, and is wrong.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Fault> {
        let password = Zeroizing::new(password.to_owned());
        let hash = hash.map(str::to_owned);
        self.run(move || {
            if let Some(hash) = &hash {
                return PasswordHash::new(hash)
                    .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            }
            // The work of a real comparison, for somebody who is not there.
            let mut out = Zeroizing::new([0; 32]);
            let _ = Argon2::default().hash_password_into(password.as_bytes(), &[0; 16], &mut *out);
            false
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let gone = |_| Fault::temporary("hash a password", "the server is shutting down");
        let _turn = self.workers.acquire().await.map_err(gone)?;
        tokio::task::spawn_blocking(work).await.map_err(|error| Fault::lasting("hash a password", error.to_string()))
    }
}
