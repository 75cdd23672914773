//! Time and randomness: arguments of everything here, so that every rule can be tried without them.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::time::Timestamp;
pub use firman_store::Clock;

use crate::error::Error;

/// Where randomness comes from.
pub trait Entropy: Send + Sync + 'static {
    /// Fills with unpredictable bytes.
    ///
    /// # Errors
    ///
    /// There are none ([`Error::Local`]).
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error>;
}

/// The clock and the randomness of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Clock for System {
    #[allow(clippy::disallowed_methods, reason = "the one place of this crate that reads the clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Entropy for System {
    #[allow(clippy::disallowed_methods, reason = "the one place of this crate that draws randomness")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        SystemRandom::new().fill(bytes).map_err(|_| Error::Local("the system gave no randomness".to_owned()))
    }
}

/// 32 random bytes as text: a state, a nonce, a verifier, an identifier.
pub(crate) fn word(entropy: &dyn Entropy) -> Result<String, Error> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A random number.
#[cfg(feature = "wire")]
pub(crate) fn number(entropy: &dyn Entropy) -> Result<u64, Error> {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

impl fmt::Debug for dyn Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Counts; nothing drawn is drawn again.
    #[derive(Default)]
    pub(crate) struct Counted(AtomicU64);

    impl Entropy for Counted {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
            let drawn = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            bytes.iter_mut().zip(drawn.iter().rev().cycle()).for_each(|(to, from)| *to = *from);
            Ok(())
        }
    }

    #[test]
    fn words_of_the_system_are_long_and_differ() {
        let words: Vec<_> = (0..100).map(|_| word(&System).unwrap()).collect();
        assert!(words.iter().all(|word| word.len() == 43));
        assert_eq!(words.iter().collect::<std::collections::HashSet<_>>().len(), 100);
        assert!(System.now() > Timestamp::from_seconds(1_700_000_000));
    }
}
