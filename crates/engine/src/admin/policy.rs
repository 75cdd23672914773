//! What a client's own policy may say: no less and no more than the server's settings may.

use firman_proto::error::{Denied, invalid_request};
use firman_store::record::ClientPolicy;

/// Ten years.
const LONGEST: i64 = 315_360_000;

/// Refuses times that no setting of the server could have.
pub(crate) fn check(policy: &ClientPolicy) -> Result<(), Denied> {
    let idle = policy.refresh_idle_seconds;
    for (name, given, range) in [
        ("access_token_seconds", policy.access_token_seconds, 10..=86_400),
        ("refresh_token_seconds", policy.refresh_token_seconds, 60..=LONGEST),
        ("retry_window_seconds", policy.retry_window_seconds, 0..=300),
        // 0: as long as it lives.
        ("refresh_idle_seconds", idle.filter(|idle| *idle != 0), 60..=LONGEST),
    ] {
        if given.is_some_and(|given| !range.contains(&given)) {
            let text = format!("policy.{name}: give a number from {} to {}", range.start(), range.end());
            return Err(invalid_request(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_times_are_those_that_settings_could_have() {
        let with = |edit: fn(&mut ClientPolicy)| {
            let mut policy = ClientPolicy::default();
            edit(&mut policy);
            check(&policy).map_err(|denied| denied.text.to_string())
        };
        assert_eq!(with(|_| {}), Ok(()));
        assert_eq!(with(|policy| policy.retry_window_seconds = Some(0)), Ok(()));
        assert_eq!(with(|policy| policy.refresh_idle_seconds = Some(0)), Ok(()));
        for (name, refused) in [
            ("retry_window_seconds", with(|policy| policy.retry_window_seconds = Some(301))),
            ("retry_window_seconds", with(|policy| policy.retry_window_seconds = Some(-1))),
            ("access_token_seconds", with(|policy| policy.access_token_seconds = Some(i64::MAX))),
            ("refresh_token_seconds", with(|policy| policy.refresh_token_seconds = Some(0))),
            ("refresh_idle_seconds", with(|policy| policy.refresh_idle_seconds = Some(1))),
        ] {
            assert!(refused.unwrap_err().starts_with(&format!("policy.{name}:")), "{name}");
        }
    }
}
