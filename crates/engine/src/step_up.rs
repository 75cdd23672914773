//! What a resource of ours asks of the sign-in behind an access token (RFC 9470).

use std::fmt::Write as _;

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::AuthContext;

/// How and when the person must have signed in; nothing said: anyhow, at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// One of these authentication context classes; none: any.
    pub acr_values: Vec<String>,
    /// Not longer ago than this.
    pub max_age: Option<Lifetime>,
}

impl StepUp {
    /// Refuses a token behind which there is another sign-in. RFC 9470 §3: insufficient_user_authentication.
    pub(crate) fn must_be_met(&self, auth: &AuthContext, now: Timestamp) -> Result<(), Denied> {
        let refused = |text| Err(Denied::new(ErrorCode::InsufficientUserAuthentication, text));
        let told = |acr: &String| self.acr_values.contains(acr);
        if !self.acr_values.is_empty() && !auth.acr.as_ref().is_some_and(told) {
            return refused("another way of signing in is needed");
        }
        let is_fresh = |most: Lifetime| auth.auth_time.is_some_and(|at| now.since(at) <= most);
        if self.max_age.is_some_and(|most| !is_fresh(most)) {
            return refused("a more recent sign-in is needed");
        }
        Ok(())
    }

    /// What the challenge says is needed (RFC 9470 §3): parameters of `WWW-Authenticate`, each with a comma before it.
    pub fn challenge(&self) -> String {
        let mut parameters = String::new();
        if !self.acr_values.is_empty() {
            let _ = write!(parameters, ", acr_values=\"{}\"", self.acr_values.join(" "));
        }
        if let Some(most) = self.max_age {
            let _ = write!(parameters, ", max_age=\"{}\"", most.seconds());
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9470 §3.
    #[test]
    fn a_challenge_says_what_is_needed() {
        let both = StepUp { acr_values: vec!["a".into(), "b".into()], max_age: Some(Lifetime::from_seconds(5)) };
        assert_eq!(both.challenge(), r#", acr_values="a b", max_age="5""#);
        assert_eq!(StepUp::default().challenge(), "");
    }

    #[test]
    fn a_sign_in_of_another_class_or_too_long_ago_is_not_enough() {
        let now = Timestamp::from_seconds(1000);
        let rule = StepUp { acr_values: vec!["a".into()], max_age: Some(Lifetime::from_seconds(5)) };
        let signed_in = |acr: Option<&str>, at: Option<i64>| AuthContext {
            acr: acr.map(str::to_owned),
            auth_time: at.map(Timestamp::from_seconds),
            ..AuthContext::default()
        };
        for (acr, at, met) in [
            (Some("a"), Some(995), true),
            (Some("a"), Some(994), false),
            (Some("a"), None, false),
            (Some("b"), Some(1000), false),
            (None, Some(1000), false),
        ] {
            assert_eq!(rule.must_be_met(&signed_in(acr, at), now).is_ok(), met, "{acr:?} {at:?}");
        }
        StepUp::default().must_be_met(&signed_in(None, None), now).unwrap();
    }
}
