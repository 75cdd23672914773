//! When a key takes over from the one before it.

use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::Schedule;

use crate::policy::Policy;

/// How often keys rotate and how long they are trusted.
#[derive(Clone, Debug)]
pub struct KeyPolicy {
    /// The algorithms to have signing keys for; the first is the default for ID tokens.
    pub algorithms: Vec<firman_proto::jws::Algorithm>,
    /// How long a signing key signs.
    pub signing: Lifetime,
    /// How long a seal key seals.
    pub sealing: Lifetime,
    /// How long a key is known to everybody before it is used.
    pub announce: Lifetime,
}

impl Default for KeyPolicy {
    fn default() -> Self {
        use firman_proto::jws::Algorithm;
        Self {
            algorithms: vec![Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA],
            signing: Lifetime::from_days(90),
            sealing: Lifetime::from_days(90),
            announce: Lifetime::from_days(7),
        }
    }
}

/// Clients may keep a JWKS for this long, and clocks differ.
const JWKS_SLACK: Lifetime = Lifetime::from_days(1);

/// The longest that a resource may say its access tokens live (RFC 9068 makes them something that is signed).
const LONGEST_ACCESS_TOKEN: Lifetime = Lifetime::from_days(1);

/// How long after its retirement a signing key is published: until what it signed has expired.
pub(super) fn trusted_after_signing(policy: &Policy) -> Lifetime {
    let longest = policy.id_token.max(policy.access_token).max(LONGEST_ACCESS_TOKEN);
    Lifetime::from_millis(longest.millis() + JWKS_SLACK.millis())
}

/// How long after its retirement a seal key opens: until the last token it sealed has expired.
pub(super) fn trusted_after_sealing(policy: &Policy) -> Lifetime {
    let tokens =
        [policy.refresh_token, policy.session, policy.access_token, policy.code, policy.pushed, policy.device.life];
    let api_keys = (!policy.account.api_key_scope.is_empty()).then_some(policy.account.api_key_most);
    let longest = tokens.into_iter().chain(api_keys).max();
    Lifetime::from_millis(longest.unwrap_or_default().millis() + JWKS_SLACK.millis())
}

/// A schedule that begins at `current_from` and has no successor yet.
pub(super) fn open_ended(made_at: Timestamp, current_from: Timestamp) -> Schedule {
    Schedule { made_at, current_from, retired_from: Timestamp::NEVER, ends_at: Timestamp::NEVER }
}

/// The schedule of a key whose successor takes over at `at`.
pub(super) fn succeeded(schedule: Schedule, at: Timestamp, trusted_after: Lifetime) -> Schedule {
    Schedule { retired_from: at, ends_at: at.plus(trusted_after), ..schedule }
}

/// The schedule of a key that nobody is to trust any more.
pub(super) fn revoked(schedule: Schedule, now: Timestamp) -> Schedule {
    Schedule { retired_from: schedule.retired_from.min(now), ends_at: now, ..schedule }
}

/// When the successor of a key that seals or signs since `current_from` should take over, if it is time to announce it.
pub(super) fn successor_due(
    current_from: Timestamp,
    life: Lifetime,
    announce: Lifetime,
    now: Timestamp,
) -> Option<Timestamp> {
    let handover = current_from.plus(life);
    // After a long stop of the server the handover is late, but never unannounced.
    let earliest = now.plus(announce);
    (now >= handover.minus(announce)).then_some(handover.max(earliest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_announced_before_it_takes_over() {
        let (life, announce) = (Lifetime::from_days(90), Lifetime::from_days(7));
        let day = |n| Timestamp::from_millis(0).plus(Lifetime::from_days(n));
        assert_eq!(successor_due(day(0), life, announce, day(82)), None);
        assert_eq!(successor_due(day(0), life, announce, day(83)), Some(day(90)));
        assert_eq!(successor_due(day(0), life, announce, day(200)), Some(day(207)));
    }
}
