//! Codes of authenticator apps (RFC 6238): HMAC-SHA-1, six digits, a step of 30 seconds, as every app has them.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::same;
use firman_proto::form;
use firman_proto::id::RecordId;
use firman_proto::seal::Place;
use firman_proto::time::Timestamp;
use firman_store::record::Totp;
use zeroize::Zeroizing;

use crate::Engine;
use crate::failure::Fault;
use crate::random;

const STEP_SECONDS: i64 = 30;
/// 160 bits, as RFC 4226 recommends.
pub(crate) const SECRET_BYTES: usize = 20;
/// Tells the secret from whatever else may be wrapped for an account.
const PLACE: u32 = 1;
/// RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The code of a step (RFC 4226 §5.3).
pub(crate) fn code(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let mac = hmac::sign(&key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let offset = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
    let taken = mac.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
    format!("{:06}", (u32::from_be_bytes(taken) & 0x7fff_ffff) % 1_000_000)
}

/// The step of a code that is good at `now` and comes after `last_step`.
///
/// RFC 6238 §5.2: one step before and after, for clocks that differ and people who type slowly; none is taken twice.
pub(crate) fn step_of(secret: &[u8], typed: &str, last_step: u64, now: Timestamp) -> Option<u64> {
    let current = u64::try_from(now.seconds().div_euclid(STEP_SECONDS)).ok()?;
    let steps = current.saturating_sub(1)..=current.saturating_add(1);
    // Each is looked at, whichever it is.
    let found = steps.fold(None, |found, step| {
        let right = same(code(secret, step).as_bytes(), typed.as_bytes());
        if right { found.or(Some(step)) } else { found }
    });
    found.filter(|step| *step > last_step)
}

/// Wraps a secret for its account.
pub(crate) fn wrap(engine: &Engine, account: RecordId, secret: &[u8]) -> Result<String, Fault> {
    let place = Place { issuer: engine.number, record: account, number: PLACE };
    let wrapped = engine.keys.master().wrap_key(&place, random::bytes(&*engine.entropy)?, secret);
    wrapped
        .map(|wrapped| URL_SAFE_NO_PAD.encode(wrapped))
        .map_err(|error| Fault::lasting("wrap the secret of an app", error.to_string()))
}

/// The secret of an account's app.
pub(crate) fn unwrap(engine: &Engine, account: RecordId, totp: &Totp) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let place = Place { issuer: engine.number, record: account, number: PLACE };
    let broken = |error: &dyn std::fmt::Display| Fault::lasting("unwrap the secret of an app", error.to_string());
    let wrapped = URL_SAFE_NO_PAD.decode(&totp.wrapped).map_err(|error| broken(&error))?;
    engine.keys.master().unwrap_key(&place, &wrapped).map_err(|error| broken(&error))
}

/// The secret as people type it (RFC 4648 §6), without padding.
pub(crate) fn base32(secret: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(secret.len() * 8 / 5 + 1));
    for chunk in secret.chunks(5) {
        let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            let index = usize::try_from(bits >> (35 - 5 * place) & 31).unwrap_or_default();
            text.push(char::from(BASE32.get(index).copied().unwrap_or_default()));
        }
    }
    text
}

/// What the QR code says: the de facto format of apps.
pub(crate) fn address(issuer: &str, username: &str, secret: &[u8]) -> Zeroizing<String> {
    let mut label = String::new();
    form::encode(&mut label, &format!("{issuer}:{username}"));
    // Paths have no `+` for a space.
    let label = label.replace('+', "%20");
    let mut query = String::new();
    form::append(&mut query, "secret", &base32(secret));
    form::append(&mut query, "issuer", issuer);
    Zeroizing::new(format!("otpauth://totp/{label}?{}", query.replace('+', "%20")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    // RFC 4226 §5.3; the vectors of RFC 6238, Appendix B (SHA-1), the last six of their eight digits.
    #[test]
    fn the_codes_are_those_of_the_specification() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_seconds(seconds);
            assert_eq!(step_of(SECRET, expected, 0, now), Some(u64::try_from(seconds / 30).unwrap()));
        }
    }

    // RFC 6238 §5.2.
    #[test]
    fn a_code_is_good_for_a_step_more_on_each_side_and_once() {
        let of = |step: u64| code(SECRET, step);
        let now = Timestamp::from_seconds(30_000);
        for (step, good) in [(998, false), (999, true), (1000, true), (1001, true), (1002, false)] {
            assert_eq!(step_of(SECRET, &of(step), 0, now).is_some(), good, "{step}");
        }
        assert_eq!(step_of(SECRET, &of(1000), 1000, now), None, "taken already");
        assert_eq!(step_of(SECRET, &of(999), 1000, now), None, "from before one that was taken");
        assert_eq!(step_of(SECRET, &of(1001), 1000, now), Some(1001));
        for odd in ["", "1", "1234567", "abcdef"] {
            assert_eq!(step_of(SECRET, odd, 0, now), None);
        }
    }

    // RFC 4648 §6.
    #[test]
    fn a_secret_is_typed_in_base32() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(*base32(bytes.as_bytes()), text);
        }
        let address = address("Firm & Co", "a b@c", SECRET);
        let expected =
            "otpauth://totp/Firm%20%26%20Co%3Aa%20b%40c?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Firm%20%26%20Co";
        assert_eq!(*address, expected);
    }
}
