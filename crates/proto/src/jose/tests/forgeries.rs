use serde_json::{Value, json};

use super::*;
use crate::time::{Lifetime, Timestamp};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const AUDIENCE: &str = "https://id.example";

const EXPECTED: Expected<'_> = Expected {
    typ: Typ::Optional(&["JWT", "client-authentication+jwt"]),
    algorithms: Alg::PUBLIC,
    audiences: &[AUDIENCE, "https://id.example/oauth2/token"],
    skew: Lifetime::from_seconds(30),
    longest: Lifetime::from_seconds(3600),
};

fn claims() -> Value {
    json!({"iss": "client", "sub": "client", "aud": AUDIENCE, "exp": NOW.seconds() + 60, "iat": NOW.seconds(), "jti": "1"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

struct Maker {
    signer: Signer,
    keys: Jwks,
}

impl Maker {
    fn new() -> Self {
        let signer = Signer::of(Alg::ES256);
        let keys = set(&[signer.jwk("a")]);
        Self { signer, keys }
    }

    fn try_with(&self, header: &Value, payload: &[u8]) -> Result<Claims, Refused> {
        self.take(&self.signer.sign(header, payload))
    }

    fn take(&self, token: &str) -> Result<Claims, Refused> {
        Jwt::parse(token)?.verify(&self.keys, &EXPECTED, NOW)
    }

    fn of_claims(&self, claims: &Value) -> Result<Claims, Refused> {
        self.try_with(&json!({"alg": "ES256", "kid": "a"}), claims.to_string().as_bytes())
    }

    fn of_header(&self, header: &Value) -> Result<Claims, Refused> {
        self.try_with(header, claims().to_string().as_bytes())
    }
}

// RFC 7518 §3.1, §3.3, §3.4, §3.5, RFC 8037 §3.1.
#[test]
fn every_algorithm_verifies_what_its_key_signed_and_nothing_else() {
    let rsa = Signer::of(Alg::RS256);
    for alg in Alg::PUBLIC {
        let own = Signer::of(if alg.rsa().is_some() { Alg::ES256 } else { *alg });
        let signer = if alg.rsa().is_some() { &rsa } else { &own };
        let header = json!({"alg": alg.as_str(), "kid": "a"});
        let token = signer.sign(&header, claims().to_string().as_bytes());
        let keys = set(&[signer.jwk("a")]);
        let taken = Jwt::parse(&token).unwrap().verify(&keys, &EXPECTED, NOW).unwrap();
        assert_eq!(taken.sub.as_deref(), Some("client"));
        let another = set(&[Signer::of(*alg).jwk("a")]);
        assert_eq!(Jwt::parse(&token).unwrap().verify(&another, &EXPECTED, NOW), Err(Refused::Signature), "{alg:?}");
    }
}

// RFC 7515 §4.1.1, §10.7, RFC 8725 §3.1.
#[test]
fn alg_none_is_refused_in_any_case_of_letters() {
    let maker = Maker::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "es256"] {
        assert_eq!(maker.of_header(&json!({"alg": alg, "kid": "a"})), Err(Refused::Algorithm), "{alg}");
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg}).to_string());
        let unsigned = format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims().to_string()));
        assert_eq!(maker.take(&unsigned), Err(Refused::Algorithm), "{alg}");
    }
    assert_eq!(maker.of_header(&json!({"kid": "a"})), Err(Refused::Algorithm));
    assert_eq!(maker.of_header(&json!({"alg": ["ES256"], "kid": "a"})), Err(Refused::Algorithm));
}

// RFC 8725 §3.1.
#[test]
fn a_public_key_is_no_secret_for_hmac() {
    let maker = Maker::new();
    let jwk = maker.signer.jwk("a");
    let point = [URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap()].concat();
    for key in [point.as_slice(), jwk.to_string().as_bytes()] {
        let token = mac(key, &json!({"alg": "HS256", "kid": "a"}), claims().to_string().as_bytes());
        assert_eq!(maker.take(&token), Err(Refused::Algorithm));
        // Even if somebody allowed it: no public key suits.
        let allowed = Expected { algorithms: Alg::SECRET, ..EXPECTED };
        assert_eq!(Jwt::parse(&token).unwrap().verify(&maker.keys, &allowed, NOW), Err(Refused::UnknownKey));
    }
}

// RFC 7519 §4.1.7.
#[test]
fn what_is_taken_once_is_remembered_by_a_jti_of_1_to_256_bytes() {
    let maker = Maker::new();
    for (jti, good) in
        [(json!("1"), true), (json!("x".repeat(256)), true), (json!("x".repeat(257)), false), (json!(""), false)]
    {
        let claims = maker.of_claims(&with("jti", jti.clone())).unwrap();
        assert_eq!(claims.jti_to_remember(), jti.as_str().filter(|_| good), "{jti}");
    }
    assert_eq!(maker.of_claims(&with("jti", json!(1))), Err(Refused::Claim("jti")));
}

// RFC 7518 §3.2, RFC 8725 §3.1.
#[test]
fn a_secret_verifies_only_hmac_and_must_be_long_enough() {
    let (maker, secret) = (Maker::new(), [7_u8; 32]);
    let allowed = Expected { algorithms: Alg::SECRET, ..EXPECTED };
    let token = mac(&secret, &json!({"alg": "HS256"}), claims().to_string().as_bytes());
    let keys = || [MacKey::new([8; 32]), MacKey::new(secret)];
    assert!(Jwt::parse(&token).unwrap().verify_mac(&keys(), &allowed, NOW).is_ok(), "the second of two secrets");
    assert_eq!(Jwt::parse(&token).unwrap().verify_mac(&[], &allowed, NOW), Err(Refused::UnknownKey));
    let signed = maker.signer.sign(&json!({"alg": "ES256"}), claims().to_string().as_bytes());
    let any = Expected { algorithms: &[Alg::ES256, Alg::HS256], ..EXPECTED };
    assert_eq!(Jwt::parse(&signed).unwrap().verify_mac(&keys(), &any, NOW), Err(Refused::Algorithm));
    let short = mac(b"short", &json!({"alg": "HS256"}), claims().to_string().as_bytes());
    let weak = Jwt::parse(&short).unwrap().verify_mac(&[MacKey::new(*b"short")], &allowed, NOW);
    assert!(matches!(weak, Err(Refused::Key(_))), "{weak:?}");
}

// RFC 7515 §4.1, RFC 8725 §3.5.
#[test]
fn keys_inside_a_token_are_never_trusted() {
    let maker = Maker::new();
    let stranger = Signer::of(Alg::ES256);
    for (name, value) in [
        ("jwk", stranger.jwk("a")),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = json!({"alg": "ES256", "kid": "a"});
        header[name] = value;
        let token = stranger.sign(&header, claims().to_string().as_bytes());
        assert_eq!(maker.take(&token), Err(Refused::Header(name)));
        assert_eq!(maker.of_header(&header), Err(Refused::Header(name)), "also where the signature is right");
    }
}

// RFC 7515 §4.1.11, RFC 7797 §6, RFC 8725 §3.6.
#[test]
fn extensions_that_change_how_a_token_is_read_are_refused() {
    let maker = Maker::new();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        let mut header = json!({"alg": "ES256", "kid": "a"});
        header[name] = value;
        assert_eq!(maker.of_header(&header), Err(Refused::Header(name)));
    }
}

// RFC 9449 §4.2, §4.3.
#[test]
fn a_proof_carries_its_public_key_and_no_other_token_does() {
    let signer = Signer::of(Alg::ES256);
    let token = signer.sign(&json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": signer.jwk("a")}), b"{}");
    let (proof, key) = Compact::parse_proof(&token, 4096).unwrap();
    assert_eq!(proof.verify_with(&key, Alg::PUBLIC).unwrap(), b"{}");
    assert_eq!(key.thumbprint(), PublicKey::from_jwk(signer.jwk("b").as_object().unwrap()).unwrap().thumbprint());

    let private = signer.sign(&json!({"alg": "ES256", "jwk": signer.private_jwk("a")}), b"{}");
    assert!(matches!(Compact::parse_proof(&private, 4096), Err(Refused::Key(_))));
    let bare = signer.sign(&json!({"alg": "ES256"}), b"{}");
    assert_eq!(Compact::parse_proof(&bare, 4096).unwrap_err(), Refused::Header("no jwk"));
    let another = signer.sign(&json!({"alg": "ES256", "jwk": Signer::of(Alg::ES256).jwk("a")}), b"{}");
    let (proof, key) = Compact::parse_proof(&another, 4096).unwrap();
    assert_eq!(proof.verify_with(&key, Alg::PUBLIC), Err(Refused::Signature));
}

// RFC 7515 §4, RFC 7519 §4.
#[test]
fn a_member_that_is_there_twice_is_refused_in_header_and_claims() {
    let maker = Maker::new();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"a","alg":"none"}"#);
    let twice = format!("{header}.{}.AAAA", URL_SAFE_NO_PAD.encode(claims().to_string()));
    assert_eq!(maker.take(&twice), Err(Refused::Json));
    let claims = claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    assert_eq!(maker.try_with(&json!({"alg": "ES256", "kid": "a"}), claims.as_bytes()), Err(Refused::Json));
}

// RFC 7515 §2, §7.1, RFC 7516 §9.
#[test]
fn only_one_spelling_of_a_token_is_read() {
    let maker = Maker::new();
    let good = maker.signer.sign(&json!({"alg": "ES256", "kid": "a"}), claims().to_string().as_bytes());
    assert!(maker.take(&good).is_ok());
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    for bad in [
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload} .{signature}"),
        good.replace('-', "+").replace('_', "/") + "+",
        // The last character of 64 bytes carries four bits; a fifth is not canonical.
        format!("{header}.{payload}.{}B", &signature[..signature.len() - 1]),
    ] {
        assert_eq!(maker.take(&bad), Err(Refused::Base64), "{bad}");
    }
    for bad in
        [String::new(), ".".to_owned(), "..".to_owned(), format!("{good}."), format!(".{good}"), format!("a.b.{good}")]
    {
        assert_eq!(maker.take(&bad), Err(Refused::Shape), "{bad}");
    }
    let json = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    assert_eq!(maker.take(&json), Err(Refused::Shape));
}

#[test]
fn what_is_too_long_is_not_even_decoded() {
    let text = "a".repeat(Jwt::LONGEST + 1);
    assert_eq!(Jwt::parse(&text).unwrap_err(), Refused::TooLong);
    assert_eq!(Jwks::parse(&vec![b' '; Jwks::LONGEST + 1]).unwrap_err(), Refused::TooLong);
    let many: Vec<_> = (0..65).map(|n| json!({"kty": "?", "kid": n.to_string()})).collect();
    assert_eq!(Jwks::parse(json!({"keys": many}).to_string().as_bytes()).unwrap_err(), Refused::TooLong);
}

// OpenID Connect Core §10.1.
#[test]
fn the_kid_chooses_and_without_one_there_is_nothing_to_choose() {
    let (one, two) = (Signer::of(Alg::ES256), Signer::of(Alg::ES256));
    let both = set(&[one.jwk("1"), two.jwk("2"), Signer::of(Alg::EdDSA).jwk("3")]);
    let verify = |header: Value| {
        let token = one.sign(&header, claims().to_string().as_bytes());
        Jwt::parse(&token)?.verify(&both, &EXPECTED, NOW).map(|_| ())
    };
    assert_eq!(verify(json!({"alg": "ES256", "kid": "1"})), Ok(()));
    assert_eq!(verify(json!({"alg": "ES256", "kid": "2"})), Err(Refused::Signature));
    assert_eq!(verify(json!({"alg": "ES256", "kid": "3"})), Err(Refused::UnknownKey));
    assert_eq!(verify(json!({"alg": "ES256", "kid": "4"})), Err(Refused::UnknownKey));
    assert_eq!(verify(json!({"alg": "ES256", "kid": "' OR 1=1 --"})), Err(Refused::UnknownKey));
    assert_eq!(verify(json!({"alg": "ES256", "kid": "../../dev/null"})), Err(Refused::UnknownKey));
    assert_eq!(verify(json!({"alg": "ES256", "kid": 1})), Err(Refused::Header("a kid that is no text")));
    assert_eq!(verify(json!({"alg": "ES256"})), Err(Refused::AmbiguousKey));
    let lone = set(&[one.jwk("1"), Signer::of(Alg::EdDSA).jwk("3")]);
    let token = one.sign(&json!({"alg": "ES256"}), claims().to_string().as_bytes());
    assert!(Jwt::parse(&token).unwrap().verify(&lone, &EXPECTED, NOW).is_ok());
}

// RFC 7515 §4.1.9, RFC 8725 §3.11, §3.12.
#[test]
fn a_wrong_typ_is_refused_and_a_missing_one_where_it_is_required() {
    let maker = Maker::new();
    let header = |typ: &str| json!({"alg": "ES256", "kid": "a", "typ": typ});
    for typ in ["JWT", "jwt", "application/jwt", "Client-Authentication+JWT", "application/client-authentication+jwt"] {
        assert!(maker.of_header(&header(typ)).is_ok(), "{typ}");
    }
    for typ in ["at+jwt", "dpop+jwt", "logout+jwt", "", "text/jwt", "application/x/jwt"] {
        assert_eq!(maker.of_header(&header(typ)), Err(Refused::Typ), "{typ}");
    }
    let strict = Expected { typ: Typ::Required(&["oauth-id-jag+jwt"]), ..EXPECTED };
    for given in [json!({"alg": "ES256", "kid": "a"}), header("JWT")] {
        let token = maker.signer.sign(&given, claims().to_string().as_bytes());
        assert_eq!(Jwt::parse(&token).unwrap().verify(&maker.keys, &strict, NOW), Err(Refused::Typ));
    }
}

// RFC 7519 §2, §4.1, §4.1.4, §4.1.5, §4.1.6, RFC 7523 §3.
#[test]
fn times_are_checked_with_little_skew() {
    let maker = Maker::new();
    let now = NOW.seconds();
    assert!(maker.of_claims(&with("exp", json!(now - 29))).is_ok());
    assert_eq!(maker.of_claims(&with("exp", json!(now - 30))), Err(Refused::Expired));
    assert!(maker.of_claims(&with("exp", json!(now + 3630))).is_ok());
    assert_eq!(maker.of_claims(&with("exp", json!(now + 3631))), Err(Refused::TooLongLived));
    assert_eq!(maker.of_claims(&with("iat", json!(now + 31))), Err(Refused::NotYet));
    assert_eq!(maker.of_claims(&with("nbf", json!(now + 31))), Err(Refused::NotYet));
    assert!(maker.of_claims(&with("nbf", json!(now + 29))).is_ok());
    assert!(maker.of_claims(&with("exp", json!(1_800_000_000.75))).is_ok(), "a NumericDate may have a fraction");
    for bad in [json!("1800000060"), json!(-1), json!(1e300), json!(null), json!(true), json!(i64::MAX), json!([1])] {
        for name in ["exp", "iat", "nbf"] {
            assert_eq!(maker.of_claims(&with(name, bad.clone())), Err(Refused::Claim(name)), "{name} {bad}");
        }
    }
    let mut endless = claims();
    endless.as_object_mut().unwrap().remove("exp");
    assert_eq!(maker.of_claims(&endless), Err(Refused::Claim("exp")));
}

// RFC 7519 §4.1.3, RFC 8725 §3.9.
#[test]
fn a_token_for_somebody_else_too_is_not_for_us() {
    let maker = Maker::new();
    assert!(maker.of_claims(&with("aud", json!([AUDIENCE]))).is_ok());
    assert!(maker.of_claims(&with("aud", json!([AUDIENCE, "https://id.example/oauth2/token"]))).is_ok());
    for aud in [
        json!("https://id.example/"),
        json!("HTTPS://id.example"),
        json!([]),
        json!([AUDIENCE, "https://evil.example"]),
    ] {
        assert_eq!(maker.of_claims(&with("aud", aud.clone())), Err(Refused::Audience), "{aud}");
    }
    for aud in [json!(1), json!([1]), json!({"a": AUDIENCE})] {
        assert_eq!(maker.of_claims(&with("aud", aud)), Err(Refused::Claim("aud")));
    }
}

// OpenID Connect Core §2, §3.3.2.11, RFC 8725 §3.12.
#[test]
fn an_id_token_is_told_by_its_claims() {
    let maker = Maker::new();
    assert_eq!(maker.of_claims(&claims()).unwrap().must_not_be_an_id_token(), Ok(()));
    for name in ["nonce", "at_hash", "c_hash", "s_hash"] {
        let taken = maker.of_claims(&with(name, json!("x"))).unwrap();
        assert_eq!(taken.must_not_be_an_id_token(), Err(Refused::IdToken), "{name}");
    }
}

// RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2, RFC 7517 §5.
#[test]
fn a_set_with_a_private_or_secret_key_is_refused_as_a_whole() {
    let good = Signer::of(Alg::ES256).jwk("a");
    for bad in [
        Signer::of(Alg::EdDSA).private_jwk("b"),
        Signer::of(Alg::RS256).private_jwk("b"),
        json!({"kty": "oct", "k": "AAAA", "kid": "b"}),
    ] {
        let set = json!({"keys": [good, bad]}).to_string();
        assert_eq!(Jwks::parse(set.as_bytes()).unwrap_err(), Refused::Key("a key of the set is private or secret"));
    }
}

// RFC 7517 §4.2, §4.5, §5.
#[test]
fn keys_of_unknown_kinds_are_passed_over_and_ambiguous_sets_refused() {
    let good = Signer::of(Alg::ES256);
    let foreign = json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "b"});
    let mut for_encryption = Signer::of(Alg::RS256).jwk("c");
    for_encryption["use"] = "enc".into();
    let mut off_curve = good.jwk("d");
    off_curve["x"] = off_curve["y"].clone();
    assert_eq!(set(&[foreign, for_encryption, off_curve, good.jwk("a")]).keys().len(), 1);

    let rival = json!({"keys": [good.jwk("a"), Signer::of(Alg::ES384).jwk("a")]}).to_string();
    assert!(matches!(Jwks::parse(rival.as_bytes()), Err(Refused::Key(_))));
    assert_eq!(set(&[good.jwk("a"), Signer::of(Alg::EdDSA).jwk("a")]).keys().len(), 2, "one kid for two kinds");
    for bad in ["{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#, "[]"] {
        assert!(Jwks::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_thumbprint_is_that_of_the_rfc() {
    // RFC 7638 §3.1.
    let jwk = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok\
              njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q\
              MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJ\
              zKnqDKgw",
    });
    let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(key.thumbprint()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}
