//! What the engine needs of the world beside the store: time, randomness, and who the user is.

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use firman_proto::time::Timestamp;
use firman_store::Clock;
use firman_store::record::{Epochs, Rest, Subject};

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

/// The randomness of the machine.
#[derive(Debug)]
pub struct SystemEntropy(SystemRandom);

impl Default for SystemEntropy {
    #[allow(clippy::disallowed_methods, reason = "the one place that draws randomness")]
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        use aws_lc_rs::rand::SecureRandom as _;
        self.0.fill(bytes).map_err(|_| Fault::temporary("draw randomness", "the system gave none"))
    }
}

/// Who the user is. Local accounts by default; an embedder may bring its own.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Who these credentials belong to; `None` if they are wrong, whatever is wrong with them.
    ///
    /// Takes as long for a name that does not exist as for one that does.
    async fn authenticate(&self, username: &str, password: &str, now: Timestamp) -> Result<Option<User>, Fault>;

    /// The standard claims of a subject (OpenID Connect Core §5.1); `None` if the subject is gone or disabled.
    async fn claims(&self, subject: &Subject) -> Result<Option<Rest>, Fault>;
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
}
