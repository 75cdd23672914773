//! What the engine needs of the world beside the store: time, randomness, and who the user is.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use firman_proto::time::Timestamp;
use firman_store::Clock;
use firman_store::record::{Epochs, Rest, Subject, UpstreamSignIn};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::accounts::LocalAccounts;
use crate::failure::Fault;

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Where randomness comes from.
pub trait Entropy: Send + Sync + 'static {
    /// Fills with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault>;
}

/// The randomness of the machine, drawn a page at a time: the generator costs as much for 8 bytes as for a page. What was
/// handed out is wiped here.
pub struct SystemEntropy {
    source: SystemRandom,
    page: Mutex<Page>,
}

const PAGE: usize = 512;

struct Page {
    bytes: Zeroizing<[u8; PAGE]>,
    /// How many bytes, from the start, were not handed out yet.
    left: usize,
}

impl Default for SystemEntropy {
    #[allow(clippy::disallowed_methods, reason = "the one place that draws randomness")]
    fn default() -> Self {
        Self { source: SystemRandom::new(), page: Mutex::new(Page { bytes: Zeroizing::new([0; PAGE]), left: 0 }) }
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        let draw = |into: &mut [u8]| {
            let none = |_| Fault::temporary("draw randomness", "the system gave none");
            self.source.fill(into).map_err(none)
        };
        if bytes.len() > PAGE {
            return draw(bytes);
        }
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if page.left < bytes.len() {
            page.left = 0;
            draw(&mut *page.bytes)?;
            page.left = PAGE;
        }
        let rest = page.left - bytes.len();
        for (to, from) in bytes.iter_mut().zip(page.bytes.iter_mut().skip(rest)) {
            *to = std::mem::take(from);
        }
        page.left = rest;
        Ok(())
    }
}

impl fmt::Debug for SystemEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemEntropy")
    }
}

/// Who the user is. Local accounts by default; an embedder may bring its own.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Who these credentials belong to; `None` if they are wrong, whatever is wrong with them.
    ///
    /// Takes as long for a name that does not exist as for one that does.
    async fn authenticate(&self, username: &str, password: &str, now: Timestamp) -> Result<Option<User>, Fault>;

    /// Whoever signs in with this name; `None` if nobody does, or nobody who may. It proves nothing: what is known is that
    /// somebody else has proved it.
    async fn find(&self, _username: &str, _now: Timestamp) -> Result<Option<User>, Fault> {
        Ok(None)
    }

    /// The standard claims of a subject (OpenID Connect Core §5.1); `None` if the subject is gone or disabled.
    async fn claims(&self, subject: &Subject) -> Result<Option<Rest>, Fault>;

    /// The accounts themselves, where they are in our own store: only those have passwords to change, passkeys and second steps.
    fn local(&self) -> Option<&LocalAccounts> {
        None
    }
}

/// Somebody who has just proved who they are.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Stands for this person for ever.
    pub subject: Subject,
    /// A name to greet them with.
    pub username: String,
    /// How they proved it (RFC 8176).
    pub amr: Vec<String>,
    /// The epochs from before the proof was looked at, so that a sign-out meanwhile ends this sign-in too; `None` where
    /// the port does not know them: then those of the moment after.
    pub epochs: Option<Epochs>,
    /// At which identity provider they proved it, and when, if not here and now.
    pub upstream: Option<ProvedThere>,
}

/// A proof that somebody gave to another identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvedThere {
    /// To which.
    pub at: UpstreamSignIn,
    /// When: not later than now.
    pub auth_time: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_random_byte_is_handed_out_twice_and_none_is_kept() {
        let entropy = SystemEntropy::default();
        let mut drawn: Vec<[u8; 24]> = (0..1000).map(|_| [0; 24]).collect();
        for bytes in &mut drawn {
            entropy.fill(bytes).unwrap();
        }
        let page = entropy.page.lock().unwrap();
        assert!(page.bytes.iter().skip(page.left).all(|byte| *byte == 0));
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 1000);
    }
}
