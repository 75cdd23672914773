use firman_proto::form::Form;
use firman_proto::pkce;
use firman_proto::scope::Scope;
use serde_json::json;

use crate::error::{Breach, Error};
use crate::flow::answer::tests::{NOW, json as answered};
use crate::flow::code::{Errand, Wish};
use crate::flow::metadata::ServerMetadata;
use crate::flow::party::tests::{ISSUER, sent, server};
use crate::flow::party::{Client, Party};
use crate::flow::token::{Presented, Target};
use crate::world::tests::Counted;

fn with<T>(server: &ServerMetadata, work: impl FnOnce(&Party<'_>) -> T) -> T {
    let (entropy, client) = (Counted::default(), Client::with_secret("app", "hush".into(), server));
    work(&Party { client: &client, server, entropy: &entropy, now: NOW })
}

fn wish() -> Wish {
    let scope = Some(Scope::parse("openid books").unwrap());
    Wish {
        target: Target { scope, resource: vec!["https://api.example".into()] },
        redirect_uri: "http://127.0.0.1:7/callback".into(),
        max_age: None,
        push: false,
        more: vec![("prompt".into(), "login".into())],
    }
}

fn errand(server: &ServerMetadata) -> Errand {
    with(server, |party| Errand::begin(party, &wish()).unwrap())
}

// RFC 6749 §3.1, §4.1.1, RFC 7636 §4.3, RFC 9700 §2.1.1, OpenID Connect Core §3.1.2.1.
#[test]
fn a_request_has_state_nonce_and_challenge() {
    let server = server();
    let errand = errand(&server);
    let address = with(&server, |party| errand.address(party).unwrap());
    let query = address.strip_prefix("https://as.example/authorize?").unwrap().to_owned();
    let form = Form::parse(query.as_bytes()).unwrap();
    let of = |name| form.get(name).unwrap();
    assert_eq!((of("tenant"), of("response_type"), of("client_id"), of("prompt")), ("1", "code", "app", "login"));
    assert_eq!(
        (of("scope"), of("resource"), of("redirect_uri")),
        ("books openid", "https://api.example", "http://127.0.0.1:7/callback")
    );
    assert_eq!((of("state"), of("nonce")), (errand.state.reveal(), errand.nonce.as_ref().unwrap().reveal()));
    let code = "c".into();
    let Presented::Code { verifier, .. } = errand.presented(&code) else { panic!("no code") };
    let challenge =
        pkce::Challenge::parse(form.get("code_challenge"), form.get("code_challenge_method"), false).unwrap();
    assert!(challenge.unwrap().admits(verifier.reveal()));
    assert_ne!(errand.state, errand.verifier);
    let plain = Wish { target: Target::default(), ..wish() };
    assert!(with(&server, |party| Errand::begin(party, &plain).unwrap().nonce.is_none()));
}

// RFC 9126 §2.1, §2.2, §4, §5.
#[test]
fn a_pushed_request_leaves_only_its_name_in_the_address() {
    let mut server = server();
    server.require_pushed_authorization_requests = true;
    let errand = errand(&server);
    with(&server, |party| {
        assert!(errand.address(party).is_err());
        let push = errand.push(party).unwrap();
        assert_eq!((push.url.as_str(), sent(&push, "client_id").unwrap().as_str()), ("https://as.example/par", "app"));
        assert_eq!(sent(&push, "state").unwrap(), errand.state.reveal());
        let answer = answered(201, &json!({"request_uri": "urn:x:1", "expires_in": 60}));
        let address = errand.pushed(party, &answer).unwrap();
        assert_eq!(address, "https://as.example/authorize?tenant=1&client_id=app&request_uri=urn%3Ax%3A1");
        assert!(errand.pushed(party, &answered(200, &json!({}))).is_err());
        let public = Client::public("app");
        let push = errand.push(&Party { client: &public, ..*party }).unwrap();
        assert_eq!(sent(&push, "client_id").unwrap(), "app");
    });
}

fn answer(errand: &Errand, query: &str) -> Result<String, Error> {
    let query = query.replace("STATE", errand.state.reveal());
    errand.code(&Form::parse(query.as_bytes()).unwrap()).map(|code| code.reveal().to_owned())
}

// RFC 6749 §4.1.2.1, §10.12, RFC 9207 §2.4, §3.
#[test]
fn only_the_answer_of_the_issuer_to_this_sign_in_has_a_code() {
    let errand = errand(&server());
    assert_eq!(answer(&errand, &format!("code=c&state=STATE&iss={ISSUER}")).unwrap(), "c");
    let breach = |query: &str| match answer(&errand, query).unwrap_err() {
        Error::Protocol { breach, .. } => breach,
        other => panic!("{other}"),
    };
    assert_eq!(breach(&format!("code=c&iss={ISSUER}")), Breach::WrongState);
    assert_eq!(breach(&format!("code=c&state=x&iss={ISSUER}")), Breach::WrongState);
    assert_eq!(breach("code=c&state=STATE"), Breach::NoIssuer);
    assert!(matches!(breach("code=c&state=STATE&iss=https://evil.example"), Breach::ForeignIssuer { .. }));
    assert!(matches!(breach(&format!("state=STATE&iss={ISSUER}")), Breach::Malformed(_)));
    let no = answer(&errand, &format!("error=access_denied&state=STATE&iss={ISSUER}")).unwrap_err();
    assert_eq!(no.code(), Some("access_denied"));
    assert!(answer(&errand, "error=access_denied&state=STATE&iss=https://evil.example").unwrap_err().code().is_none());

    let mut silent = server();
    silent.authorization_response_iss_parameter_supported = false;
    let errand = with(&silent, |party| Errand::begin(party, &wish()).unwrap());
    assert_eq!(answer(&errand, "code=c&state=STATE").unwrap(), "c");
    assert!(answer(&errand, "code=c&state=STATE&iss=https://evil.example").is_err());
}

#[test]
fn an_errand_can_be_kept_and_is_not_shown() {
    let errand = errand(&server());
    let kept = Errand::from_json(errand.to_json().reveal()).unwrap();
    assert_eq!(answer(&kept, &format!("code=c&state={}&iss={ISSUER}", errand.state.reveal())).unwrap(), "c");
    assert!(kept.verifier == errand.verifier && kept.nonce == errand.nonce && kept.target == errand.target);
    assert!(!format!("{errand:?}").contains(errand.verifier.reveal()) && Errand::from_json("{}").is_none());
}
