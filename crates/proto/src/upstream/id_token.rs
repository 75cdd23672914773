use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::digest::same;
use crate::jose::{Alg, Claims};
use crate::time::{Lifetime, Timestamp};

/// How far a provider's clock may be from ours, unless it is said.
pub const SKEW: Lifetime = Lifetime::from_seconds(60);
/// The most that may be said: more would be no check.
pub const MOST_SKEW: Lifetime = Lifetime::from_seconds(300);
/// An ID token that was made longer ago than this was not made for this sign-in.
const OLDEST: Lifetime = Lifetime::from_seconds(600);
/// The longest `sub` (OpenID Connect Core §2), in bytes.
const LONGEST_SUB: usize = 255;

/// What an ID token must be to prove a sign-in.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// Who we are there.
    pub client_id: &'a str,
    /// The nonce that we sent; for a token that came of a refresh there is none.
    pub nonce: Option<&'a str>,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// What it is signed with.
    pub alg: Alg,
    /// How long ago the person may have proved who they are, if we asked for that.
    pub max_age: Option<Lifetime>,
    /// How far the provider's clock may be from ours.
    pub skew: Lifetime,
}

/// Checks an ID token whose signature is good (OpenID Connect Core §3.1.3.7). The error is for the log.
pub fn check(claims: &Claims, expected: &Expected<'_>, now: Timestamp) -> Result<(), &'static str> {
    // OpenID Connect Core §3.1.3.7 (2): the issuer.
    if claims.iss.as_deref() != Some(expected.issuer) {
        return Err("its iss is another issuer");
    }
    // OpenID Connect Core §3.1.3.7 (3): we are its audience, and it has none that we do not trust, which is anybody else.
    if claims.aud.is_empty() || claims.aud.iter().any(|aud| aud != expected.client_id) {
        return Err("its aud is not us alone");
    }
    // OpenID Connect Core §3.1.3.7 (4), (5): where azp is there, it is us.
    if claims.rest.get("azp").is_some_and(|azp| azp.as_str() != Some(expected.client_id)) {
        return Err("its azp is another client");
    }
    is_timely(claims, expected.skew, now)?;
    // OpenID Connect Core §3.1.3.7 (11): the nonce that was sent. One of a refresh may have none (OpenID Connect Core §12.2).
    let nonce = claims.rest.get("nonce");
    match expected.nonce {
        Some(sent) if !nonce.and_then(Value::as_str).is_some_and(|nonce| same(nonce.as_bytes(), sent.as_bytes())) => {
            return Err("its nonce is not the one that was sent");
        }
        _ => {}
    }
    // OpenID Connect Core §3.1.3.8: the access token that it came with.
    if let (Some(at_hash), Some(token)) = (claims.rest.get("at_hash"), expected.access_token)
        && at_hash.as_str() != Some(&half_hash(token, expected.alg))
    {
        return Err("its at_hash is of another access token");
    }
    // OpenID Connect Core §2: at most 255 ASCII characters.
    let is_sub =
        |sub: &&String| (1..=LONGEST_SUB).contains(&sub.len()) && sub.bytes().all(|b| (0x20..0x7f).contains(&b));
    claims.sub.as_ref().filter(is_sub).ok_or("its sub is missing or malformed")?;
    is_recent(claims, expected, now)
}

fn is_timely(claims: &Claims, skew: Lifetime, now: Timestamp) -> Result<(), &'static str> {
    // OpenID Connect Core §3.1.3.7 (9): exp.
    let exp = claims.exp.ok_or("it has no exp")?;
    if now >= exp.plus(skew) {
        return Err("it has expired");
    }
    // OpenID Connect Core §3.1.3.7 (10): iat is required, and lets us refuse what was made too long ago.
    let iat = claims.iat.ok_or("it has no iat")?;
    if iat > now.plus(skew) || claims.nbf.is_some_and(|nbf| nbf > now.plus(skew)) {
        return Err("it is of the future");
    }
    if now.since(iat) > OLDEST { Err("it was made too long ago") } else { Ok(()) }
}

fn is_recent(claims: &Claims, expected: &Expected<'_>, now: Timestamp) -> Result<(), &'static str> {
    let auth_time = claims.rest.get("auth_time");
    let Some(at) = auth_time.and_then(Value::as_i64).map(Timestamp::from_seconds) else {
        // OpenID Connect Core §2: required where max_age was sent.
        let missing = expected.max_age.is_some() || auth_time.is_some();
        return if missing { Err("its auth_time is missing or malformed") } else { Ok(()) };
    };
    if at > now.plus(expected.skew) {
        return Err("its auth_time is of the future");
    }
    // OpenID Connect Core §3.1.3.7 (13): another sign-in is needed where the last was too long ago.
    let too_old = expected.max_age.is_some_and(|most| now > at.plus(most).plus(expected.skew));
    if too_old { Err("its person proved who they are too long ago") } else { Ok(()) }
}

/// The left half of the hash of an access token (OpenID Connect Core §3.1.3.6), by the hash inside the signature.
pub fn half_hash(of: &str, alg: Alg) -> String {
    let hash = match alg {
        Alg::ES256 | Alg::PS256 | Alg::RS256 | Alg::HS256 => &SHA256,
        Alg::ES384 | Alg::PS384 | Alg::RS384 | Alg::HS384 => &SHA384,
        // RFC 8032 §5.1: Ed25519 has SHA-512 inside.
        Alg::ES512 | Alg::PS512 | Alg::RS512 | Alg::HS512 | Alg::EdDSA => &SHA512,
    };
    let digest = digest(hash, of.as_bytes());
    let (left, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn claims() -> Claims {
        let Value::Object(rest) = json!({"nonce": "n", "auth_time": NOW.seconds() - 5}) else { unreachable!() };
        Claims {
            iss: Some("https://idp.example".into()),
            sub: Some("alice".into()),
            aud: vec!["us".into()],
            exp: Some(NOW.plus(Lifetime::from_seconds(300))),
            iat: Some(NOW),
            rest,
            ..Claims::default()
        }
    }

    fn expected() -> Expected<'static> {
        Expected {
            issuer: "https://idp.example",
            client_id: "us",
            nonce: Some("n"),
            access_token: Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            alg: Alg::RS256,
            max_age: None,
            skew: SKEW,
        }
    }

    fn refused(edit: impl FnOnce(&mut Claims)) -> &'static str {
        let mut claims = claims();
        edit(&mut claims);
        check(&claims, &expected(), NOW).unwrap_err()
    }

    // OpenID Connect Core §2, §3.1.3.7, §3.1.3.8.
    #[test]
    fn each_rule_of_an_id_token_is_checked() {
        check(&claims(), &expected(), NOW).unwrap();
        let later = |seconds| Some(Timestamp::from_seconds(NOW.seconds() + seconds));
        assert!(refused(|claims| claims.iss = None).contains("iss"));
        assert!(refused(|claims| claims.iss = Some("https://idp.example/".into())).contains("iss"));
        assert!(refused(|claims| claims.aud.clear()).contains("aud"));
        assert!(refused(|claims| claims.aud.push("others".into())).contains("aud"));
        assert!(refused(|claims| drop(claims.rest.insert("azp".into(), "others".into()))).contains("azp"));
        assert!(refused(|claims| claims.exp = None).contains("exp"));
        assert!(refused(|claims| claims.exp = later(-60)).contains("expired"));
        assert!(refused(|claims| claims.iat = None).contains("iat"));
        assert!(refused(|claims| claims.iat = later(61)).contains("future"));
        assert!(refused(|claims| claims.nbf = later(61)).contains("future"));
        assert!(refused(|claims| claims.iat = later(-601)).contains("too long ago"));
        assert!(refused(|claims| drop(claims.rest.remove("nonce"))).contains("nonce"));
        assert!(refused(|claims| drop(claims.rest.insert("nonce".into(), "m".into()))).contains("nonce"));
        assert!(refused(|claims| drop(claims.rest.insert("at_hash".into(), "x".into()))).contains("at_hash"));
        assert!(refused(|claims| claims.sub = Some(String::new())).contains("sub"));
        assert!(refused(|claims| claims.sub = Some("\u{e4}".into())).contains("sub"));
        assert!(refused(|claims| claims.sub = Some("s".repeat(256))).contains("sub"));
        assert!(refused(|claims| drop(claims.rest.insert("auth_time".into(), "now".into()))).contains("auth_time"));
        let of_us = |name: &str, value: &str| {
            let mut claims = claims();
            claims.rest.insert(name.into(), value.into());
            check(&claims, &expected(), NOW)
        };
        of_us("azp", "us").unwrap();
        // OpenID Connect Core §A.3.
        of_us("at_hash", "77QmUPtjPfzWtF2AnpK9RQ").unwrap();
    }

    // OpenID Connect Core §2, §3.1.3.7.
    #[test]
    fn clocks_may_differ_by_the_skew_and_no_more() {
        for skew in [0, 60, 300] {
            let expected = Expected { skew: Lifetime::from_seconds(skew), ..expected() };
            let with = |edit: &dyn Fn(&mut Claims)| {
                let mut claims = claims();
                edit(&mut claims);
                check(&claims, &expected, NOW).is_ok()
            };
            let at = |seconds| Some(Timestamp::from_seconds(NOW.seconds() + seconds));
            let auth_time = |claims: &mut Claims, seconds: i64| {
                claims.rest.insert("auth_time".into(), (NOW.seconds() + seconds).into());
            };
            assert!(with(&|claims| claims.exp = at(1 - skew)) && !with(&|claims| claims.exp = at(-skew)), "{skew}");
            let (just, over) = (skew, skew + 1);
            assert!(with(&|claims| claims.iat = at(just)) && !with(&|claims| claims.iat = at(over)), "{skew}");
            assert!(with(&|claims| claims.nbf = at(just)) && !with(&|claims| claims.nbf = at(over)), "{skew}");
            assert!(with(&|claims| auth_time(claims, just)) && !with(&|claims| auth_time(claims, over)), "{skew}");
        }
    }

    // OpenID Connect Core §2, §3.1.3.7, §12.2.
    #[test]
    fn how_long_ago_counts_where_it_was_asked() {
        let of = |max_age, auth_time: Option<i64>| {
            let mut claims = claims();
            claims.rest.remove("auth_time");
            claims.rest.extend(auth_time.map(|at| ("auth_time".to_owned(), (NOW.seconds() + at).into())));
            check(&claims, &Expected { max_age, ..expected() }, NOW)
        };
        let short = Some(Lifetime::from_seconds(10));
        for (max_age, auth_time, good) in [
            (None, None, true),
            (None, Some(-9000), true),
            (None, Some(61), false),
            (short, None, false),
            (short, Some(-70), true),
            (short, Some(-71), false),
        ] {
            assert_eq!(of(max_age, auth_time).is_ok(), good, "{max_age:?} {auth_time:?}");
        }
        let again = Expected { nonce: None, access_token: None, ..expected() };
        let mut claims = claims();
        claims.rest.remove("nonce");
        check(&claims, &again, NOW).unwrap();
    }

    // OpenID Connect Core §3.1.3.6, RFC 8032 §5.1.
    #[test]
    fn the_hash_is_the_one_inside_the_signature() {
        let length = |alg| URL_SAFE_NO_PAD.decode(half_hash("x", alg)).unwrap().len();
        assert_eq!([Alg::ES256, Alg::PS384, Alg::RS512, Alg::EdDSA].map(length), [16, 24, 32, 32]);
    }
}
