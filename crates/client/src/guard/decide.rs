//! Whether a token is enough for a request: a pure rule over what is known.

use firman_proto::resource::canonical;
use firman_proto::scope::Scope;
use firman_proto::seal::{Presented, Thumbprint};
use firman_proto::time::{Lifetime, Timestamp};

use super::facts::Facts;
use super::refusal::Refusal;
use super::requirement::Requirement;
use super::shown::{Scheme, Shown};

/// What holds for all requests to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The identifier of the resource: tokens must be for it.
    pub resource: String,
    /// Who may issue tokens for it.
    pub issuer: String,
    /// By how much clocks may differ.
    pub skew: Lifetime,
    /// Also take a token of which its issuer does not say whom it is for; never where tokens are verified here.
    pub unaddressed: bool,
}

/// Decides. `proved` is the key whose proof came with the request and was checked; that it is used once is for the caller.
pub(super) fn decide(
    facts: &Facts,
    needed: &Requirement,
    (shown, scheme, proved): (&Shown<'_>, Scheme, Option<Thumbprint>),
    rules: &Rules,
    now: Timestamp,
) -> Result<(), Refusal> {
    must_be_of(facts, rules)?;
    must_be_timely(facts, rules, now)?;
    must_be_presented(facts, (shown, scheme, proved))?;
    must_be_within_caveats(facts, shown, rules, now)?;
    must_be_enough(facts, needed, rules, now)
}

/// What the token itself must allow.
pub(super) fn must_be_enough(
    facts: &Facts,
    needed: &Requirement,
    rules: &Rules,
    now: Timestamp,
) -> Result<(), Refusal> {
    // RFC 6750 §3.1 insufficient_scope.
    if let Some(lacking) = needed.lacking(&facts.scope) {
        return Err(Refusal::scope(lacking));
    }
    if needed.bound && facts.jkt.is_none() && facts.certificate.is_none() {
        return Err(Refusal::token("it is bound to nothing, and a bound one is needed here"));
    }
    must_be_signed_in(facts, needed, rules, now)
}

fn must_be_of(facts: &Facts, rules: &Rules) -> Result<(), Refusal> {
    // RFC 9068 §4, RFC 7662 §2.2: exactly the issuer; an introspection answer may leave it out.
    if !facts.issuer.is_empty() && facts.issuer != rules.issuer {
        return Err(Refusal::token("it is of another issuer"));
    }
    // RFC 9068 §4, RFC 8707 §2: for this resource, whoever else it is for.
    let is_ours = |one: &String| *one == rules.resource || canonical(one) == canonical(&rules.resource);
    let addressed = facts.audience.iter().any(is_ours);
    if addressed || (rules.unaddressed && facts.audience.is_empty()) {
        return Ok(());
    }
    Err(Refusal::token("it is for another audience"))
}

fn must_be_timely(facts: &Facts, rules: &Rules, now: Timestamp) -> Result<(), Refusal> {
    // RFC 7519 §4.1.4.
    if facts.expires_at.is_some_and(|end| now >= end.plus(rules.skew)) {
        return Err(Refusal::token("it has expired"));
    }
    // RFC 7519 §4.1.5, §4.1.6.
    if facts.not_before.is_some_and(|from| from > now.plus(rules.skew)) {
        return Err(Refusal::token("it is not valid yet; compare the clocks"));
    }
    Ok(())
}

fn must_be_presented(
    facts: &Facts,
    (shown, scheme, proved): (&Shown<'_>, Scheme, Option<Thumbprint>),
) -> Result<(), Refusal> {
    match (scheme, facts.jkt) {
        // RFC 9449 §7.1, §4.3: the key that is proved is the token's.
        (Scheme::Dpop, Some(bound)) if proved == Some(bound) => {}
        (Scheme::Dpop, Some(_)) => {
            return Err(Refusal::token("it is bound to another key than the one that is proved"));
        }
        (Scheme::Dpop, None) => return Err(Refusal::token("it is bound to no key, and presented with a proof")),
        // RFC 9449 §7.2: bound tokens are not taken as bearer tokens.
        (Scheme::Bearer, Some(_)) => return Err(Refusal::token("it is bound to a key, and presented without a proof")),
        (Scheme::Bearer, None) => {}
    }
    // RFC 8705 §3: a bound token is good only beside its certificate.
    if facts.certificate.is_some() && facts.certificate != shown.certificate {
        return Err(Refusal::token("it is bound to another certificate than the connection's, or that has none"));
    }
    Ok(())
}

/// What holders have added, of every kind; also those kinds that an answer has folded into its members.
fn must_be_within_caveats(facts: &Facts, shown: &Shown<'_>, rules: &Rules, now: Timestamp) -> Result<(), Refusal> {
    let request = Presented {
        scope: Some(&Scope::default()),
        audience: Some(&rules.resource),
        method: Some(shown.method),
        path: Some(shown.path),
        jkt: facts.jkt.as_ref(),
        certificate: facts.certificate.as_ref(),
        ..Presented::at(now)
    };
    facts.caveats.permits(&request).map_err(|why| Refusal::weakened(format!("{why:?}")))
}

/// RFC 9470 §4: class and age of the sign-in; what is not told is not met.
fn must_be_signed_in(facts: &Facts, needed: &Requirement, rules: &Rules, now: Timestamp) -> Result<(), Refusal> {
    let told = |acr: &String| needed.acr_values.contains(acr);
    if !needed.acr_values.is_empty() && !facts.acr.as_ref().is_some_and(told) {
        return Err(Refusal::sign_in(needed, "another way of signing in is needed"));
    }
    let fresh = |most: Lifetime| facts.auth_time.is_some_and(|at| now.since(at.plus(rules.skew)) <= most);
    if needed.max_age.is_some_and(|most| !fresh(most)) {
        return Err(Refusal::sign_in(needed, "a more recent sign-in is needed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use firman_proto::error::ErrorCode;
    use firman_proto::seal::{Caveat, Caveats};
    use http::HeaderMap;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn rules() -> Rules {
        Rules {
            resource: "https://api.example".to_owned(),
            issuer: "https://as.example".to_owned(),
            skew: Lifetime::from_seconds(30),
            unaddressed: false,
        }
    }

    fn facts() -> Facts {
        Facts {
            issuer: "https://as.example".to_owned(),
            audience: vec!["https://other.example".to_owned(), "https://API.example/".to_owned()],
            scope: Scope::parse("a b").unwrap(),
            expires_at: Some(NOW.plus(Lifetime::from_seconds(60))),
            not_before: Some(NOW),
            ..Facts::default()
        }
    }

    fn key(byte: u8) -> Thumbprint {
        Thumbprint::from_bytes([byte; 32])
    }

    fn told(facts: &Facts, needed: &Requirement, scheme: Scheme, proved: Option<u8>) -> Option<ErrorCode> {
        let headers = HeaderMap::new();
        let shown = Shown { method: "GET", path: "/v1/books", headers: &headers, certificate: Some(key(7)) };
        let decided = decide(facts, needed, (&shown, scheme, proved.map(key)), &rules(), NOW);
        decided.err().map(|refusal| refusal.code().expect("a verdict"))
    }

    fn bearer(facts: &Facts) -> Option<ErrorCode> {
        told(facts, &Requirement::any(), Scheme::Bearer, None)
    }

    // RFC 9068 §4, RFC 8707 §2.
    #[test]
    fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
        assert_eq!(bearer(&facts()), None);
        for audience in [vec![], vec!["https://api.example.evil".to_owned()], vec!["https://api.example/v1".to_owned()]]
        {
            assert_eq!(bearer(&Facts { audience, ..facts() }), Some(ErrorCode::InvalidToken));
        }
        let foreign = Facts { issuer: "https://as.example/".to_owned(), ..facts() };
        assert_eq!(bearer(&foreign), Some(ErrorCode::InvalidToken));
    }

    // RFC 7519 §4.1.4, §4.1.5, §4.1.6.
    #[test]
    fn clocks_may_differ_by_the_skew_and_no_more() {
        let at = |end: i64, from: i64| Facts {
            expires_at: Some(Timestamp::from_seconds(1_000_000 + end)),
            not_before: Some(Timestamp::from_seconds(1_000_000 + from)),
            ..facts()
        };
        assert_eq!((bearer(&at(-29, 0)), bearer(&at(60, 30))), (None, None));
        assert_eq!(bearer(&at(-30, 0)), Some(ErrorCode::InvalidToken));
        assert_eq!(bearer(&at(60, 31)), Some(ErrorCode::InvalidToken));
    }

    // RFC 9449 §7.1, §7.2; RFC 8705 §3.
    #[test]
    fn a_bound_token_is_good_only_beside_what_it_is_bound_to() {
        let any = Requirement::any();
        let bound = Facts { jkt: Some(key(1)), ..facts() };
        assert_eq!(told(&bound, &any, Scheme::Dpop, Some(1)), None);
        assert_eq!(told(&bound, &any, Scheme::Dpop, Some(2)), Some(ErrorCode::InvalidToken));
        assert_eq!(told(&bound, &any, Scheme::Bearer, None), Some(ErrorCode::InvalidToken));
        assert_eq!(told(&facts(), &any, Scheme::Dpop, Some(1)), Some(ErrorCode::InvalidToken));
        assert_eq!(bearer(&Facts { certificate: Some(key(7)), ..facts() }), None);
        assert_eq!(bearer(&Facts { certificate: Some(key(8)), ..facts() }), Some(ErrorCode::InvalidToken));
        let needed = Requirement::any().bound();
        assert_eq!(told(&facts(), &needed, Scheme::Bearer, None), Some(ErrorCode::InvalidToken));
        assert_eq!(told(&bound, &needed, Scheme::Dpop, Some(1)), None);
    }

    #[test]
    fn a_weakened_token_reaches_as_far_as_its_holder_has_said() {
        let weakened = |texts: &[&str]| {
            let caveats = texts.iter().map(|text| Caveat::parse(text).unwrap()).collect();
            bearer(&Facts { caveats: Caveats::new(caveats).unwrap(), ..facts() })
        };
        assert_eq!(weakened(&["path = /v1", "method = GET HEAD", "before = 1000001"]), None);
        for wrong in ["path = /v2", "method = POST", "before = 1000000", "aud = https://other.example"] {
            assert_eq!(weakened(&[wrong]), Some(ErrorCode::InsufficientScope), "{wrong}");
        }
    }

    // RFC 6750 §3.1, RFC 9470 §4.
    #[test]
    fn scope_and_sign_in_must_be_enough() {
        let with = |needed: Requirement, facts: &Facts| told(facts, &needed, Scheme::Bearer, None);
        assert_eq!(with(Requirement::all_of("a b").unwrap(), &facts()), None);
        assert_eq!(with(Requirement::all_of("a c").unwrap(), &facts()), Some(ErrorCode::InsufficientScope));
        let signed_in =
            Facts { acr: Some("mfa".to_owned()), auth_time: Some(Timestamp::from_seconds(999_900)), ..facts() };
        assert_eq!(with(Requirement::any().acr(["mfa"]), &signed_in), None);
        assert_eq!(with(Requirement::any().max_age(Lifetime::from_seconds(70)), &signed_in), None);
        let step_up = Some(ErrorCode::InsufficientUserAuthentication);
        assert_eq!(with(Requirement::any().max_age(Lifetime::from_seconds(69)), &signed_in), step_up);
        assert_eq!(with(Requirement::any().acr(["hw"]), &signed_in), step_up);
        assert_eq!(with(Requirement::any().max_age(Lifetime::from_seconds(70)), &facts()), step_up);
    }
}
