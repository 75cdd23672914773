//! Nonces for proofs (RFC 9449 §9), remembered nowhere.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::same;
use firman_proto::time::{Lifetime, Timestamp};

/// How long a nonce is given out; it is good for one such time more.
const PERIOD: Lifetime = Lifetime::from_seconds(60);

/// Makes the same nonces at every guard with the same secret.
pub(super) struct Nonces(hmac::Key);

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(..)")
    }
}

impl Nonces {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The nonce to use now.
    pub(super) fn at(&self, now: Timestamp) -> String {
        self.of(period(now))
    }

    /// Whether a proof repeats one that is good now.
    pub(super) fn is_good(&self, nonce: Option<&str>, now: Timestamp) -> bool {
        let Some(nonce) = nonce else { return false };
        let period = period(now);
        [period, period - 1].into_iter().any(|period| same(nonce.as_bytes(), self.of(period).as_bytes()))
    }

    fn of(&self, period: i64) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &period.to_be_bytes()))
    }
}

fn period(now: Timestamp) -> i64 {
    now.millis().div_euclid(PERIOD.millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9449 §9.
    #[test]
    fn a_nonce_is_good_for_a_minute_or_two_at_every_guard_with_the_secret() {
        let (here, there, elsewhere) = (Nonces::new(b"s"), Nonces::new(b"s"), Nonces::new(b"t"));
        let at = |seconds: i64| Timestamp::from_seconds(6000 + seconds);
        let nonce = here.at(at(0));
        assert!(there.is_good(Some(&nonce), at(119)));
        assert!(!there.is_good(Some(&nonce), at(120)));
        assert!(!elsewhere.is_good(Some(&nonce), at(0)));
        assert!(!here.is_good(None, at(0)));
    }
}
