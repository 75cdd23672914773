//! What bad input gets at the endpoints that clients call: the RFC's error, with a text that says what was wrong.

use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use crate::support::browser::Code;
use crate::support::client::{Client, Tokens, basic, redemption};
use crate::support::http::{Answer, encode, form_request};
use crate::support::server::Server;
use crate::support::socket::exchange;

const TOKEN: &str = "/oauth2/token";
const INTROSPECT: &str = "/oauth2/introspect";
const REVOKE: &str = "/oauth2/revoke";
const USERINFO: &str = "/oauth2/userinfo";

#[test]
fn a_wrong_method_gets_405_and_the_right_ones_in_allow() {
    let server = Server::start("methods");
    let get = ["GET", "HEAD"].as_slice();
    for (path, wrong, right) in [
        (TOKEN, ["GET", "PUT", "DELETE"], ["POST"].as_slice()),
        (INTROSPECT, ["GET", "PUT", "DELETE"], &["POST"]),
        (REVOKE, ["GET", "PUT", "DELETE"], &["POST"]),
        ("/oauth2/par", ["GET", "PUT", "DELETE"], &["POST"]),
        ("/oauth2/authorize", ["PUT", "PATCH", "DELETE"], &["GET", "POST"]),
        (USERINFO, ["PUT", "PATCH", "DELETE"], &["GET", "POST"]),
        ("/login", ["PUT", "PATCH", "DELETE"], &["POST"]),
        ("/consent", ["PUT", "PATCH", "DELETE"], &["POST"]),
        ("/oauth2/jwks", ["POST", "PUT", "DELETE"], get),
        ("/.well-known/openid-configuration", ["POST", "PUT", "DELETE"], get),
        ("/.well-known/oauth-authorization-server", ["POST", "PUT", "DELETE"], get),
    ] {
        for method in wrong {
            let answer = server.http.method(method, &server.url(path));
            assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
            for method in right {
                let allow = answer.header("allow");
                assert!(allow.split(',').any(|one| one.trim() == *method), "{path}: {allow}");
            }
        }
    }
}

#[test]
fn a_body_that_is_too_large_gets_413_before_it_is_read() {
    let server = Server::start("large");
    for path in [TOKEN, INTROSPECT, REVOKE, USERINFO, "/oauth2/authorize", "/login", "/consent"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n",
            server.address()
        );
        let announced = format!("{head}content-length: 50000000\r\n\r\ngrant_type=");
        assert!(exchange(&server, announced.as_bytes()).starts_with("HTTP/1.1 413 "), "{path}, announced");
        let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000)).repeat(4);
        let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}");
        assert!(exchange(&server, chunked.as_bytes()).starts_with("HTTP/1.1 413 "), "{path}, in chunks");
    }
}

// RFC 6749 §3.2.
#[test]
fn a_body_that_is_no_form_gets_invalid_request() {
    let server = Server::start("content-type");
    for path in [TOKEN, INTROSPECT, REVOKE] {
        for (kind, body) in [
            (Some("application/json"), r#"{"grant_type":"client_credentials","token":"x"}"#),
            (Some("text/plain"), "grant_type=client_credentials&token=x"),
            (None, "grant_type=client_credentials&token=x"),
            (Some("application/x-www-form-urlencoded"), "grant_type=%FF&token=%FF"),
        ] {
            let mut request = Request::post(server.url(path)).body(body.as_bytes().to_vec()).unwrap();
            let (id, secret) = (&server.ready.service_client_id, &server.ready.service_client_secret);
            request.headers_mut().insert(AUTHORIZATION, basic(id, secret).parse().unwrap());
            if let Some(kind) = kind {
                request.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
            }
            let answer = server.http.send(request);
            assert_eq!(answer.refusal(), (400, "invalid_request".into()), "{path}, {kind:?}: {answer:?}");
        }
    }
}

// RFC 6749 §3.1, §5.2, RFC 7662 §2.1, RFC 7009 §2.1.
#[test]
fn a_missing_or_repeated_parameter_is_named() {
    let server = Server::start("parameters");
    let service = server.service();
    let demo = server.demo();
    for (client, path, form, name) in [
        (demo, TOKEN, "", "grant_type"),
        (demo, TOKEN, "grant_type=", "grant_type"),
        (demo, TOKEN, "grant_type=refresh_token&grant_type=refresh_token", "grant_type"),
        (demo, TOKEN, "grant_type=authorization_code&redirect_uri=http://x/", "code"),
        (demo, TOKEN, "grant_type=authorization_code&code=a&code=b", "code"),
        (demo, TOKEN, "grant_type=refresh_token", "refresh_token"),
        (demo, TOKEN, "grant_type=refresh_token&refresh_token=", "refresh_token"),
        (demo, TOKEN, "grant_type=refresh_token&refresh_token=a&refresh_token=b", "refresh_token"),
        (demo, TOKEN, "grant_type=refresh_token&refresh_token=a&extra=1&extra=2", "extra"),
        (service, TOKEN, "grant_type=client_credentials&scope=a&scope=b", "scope"),
        (service, INTROSPECT, "", "token"),
        (service, INTROSPECT, "token=a&token=b", "token"),
        (service, REVOKE, "token_type_hint=refresh_token", "token"),
        (service, REVOKE, "token=a&token_type_hint=x&token_type_hint=y", "token_type_hint"),
    ] {
        let mut request = client.request(path, &[]);
        *request.body_mut() = form.as_bytes().to_vec();
        let answer = server.http.send(request);
        assert_eq!(answer.refusal(), (400, "invalid_request".into()), "{form}: {answer:?}");
        assert!(answer.text("error_description").contains(name), "{form}: {answer:?}");
    }
}

// RFC 6749 §5.2.
#[test]
fn every_error_of_the_token_endpoint_is_json_that_nobody_caches_and_in_the_rfc_s_characters() {
    let server = Server::start("errors");
    for (form, code) in [
        (encode(&[("grant_type", "password\"\\\u{e9}")]), "unsupported_grant_type"),
        (encode(&[("grant_type", "client_credentials"), ("scope", "a\"b")]), "invalid_scope"),
        (encode(&[("grant_type", "refresh_token"), ("refresh_token", "<script>")]), "invalid_grant"),
        (encode(&[("grant_type", "authorization_code"), ("code", "\r\n"), ("redirect_uri", "x")]), "invalid_grant"),
    ] {
        let client = if code == "invalid_scope" { server.service() } else { server.demo() };
        let mut request = client.request(TOKEN, &[]);
        *request.body_mut() = form.clone().into_bytes();
        let answer = server.http.send(request);
        assert_eq!(answer.refusal(), (400, code.into()), "{form}: {answer:?}");
        assert!(answer.header("content-type").starts_with("application/json"), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        // RFC 6749 §5.2.
        let described = answer.text("error_description");
        assert!(
            described.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\'),
            "{described}"
        );
    }
}

// RFC 6749 §5.2, §2.3, §2.3.1, RFC 9110 §15.5.2.
#[test]
fn wrong_credentials_get_401_and_a_challenge() {
    let server = Server::start("credentials");
    let ready = &server.ready;
    let forms = [
        (TOKEN, vec![("grant_type", "client_credentials")]),
        (INTROSPECT, vec![("token", "x")]),
        (REVOKE, vec![("token", "x")]),
    ];
    let encoded = |text: &str| basic(text, "").replace("Og==", "");
    for (path, form) in &forms {
        for credentials in [
            basic(&ready.service_client_id, "wrong"),
            basic(&ready.service_client_id, ""),
            basic("nobody", &ready.service_client_secret),
            basic("", ""),
            // Without a colon: an id and no secret, which is not an empty secret.
            encoded(&ready.service_client_id),
            "Basic".to_owned(),
            "Basic ***".to_owned(),
            "Basic /////w==".to_owned(),
            format!("Bearer {}", ready.service_client_secret),
        ] {
            let mut request = form_request(&server.url(path), form);
            request.headers_mut().insert(AUTHORIZATION, credentials.parse().unwrap());
            let answer = server.http.send(request);
            assert_eq!(answer.refusal(), (401, "invalid_client".into()), "{path}, {credentials}: {answer:?}");
            assert!(answer.header("www-authenticate").starts_with("Basic "), "{path}, {credentials}: {answer:?}");
        }
        for (id, secret) in [(&*ready.service_client_id, "wrong"), ("nobody", "x")] {
            let body = [form.as_slice(), &[("client_id", id), ("client_secret", secret)]].concat();
            let answer = server.http.post(&server.url(path), &body);
            assert_eq!(answer.refusal(), (401, "invalid_client".into()), "{path}, {id}: {answer:?}");
        }
        // Nobody at all; and two methods at once (RFC 6749 §2.3).
        assert_eq!(server.http.post(&server.url(path), form).refusal(), (401, "invalid_client".into()), "{path}");
        let twice = [
            form.as_slice(),
            &[("client_id", &ready.service_client_id), ("client_secret", &ready.service_client_secret)],
        ];
        let answer = server.service().post(path, &twice.concat());
        assert_eq!(answer.refusal(), (400, "invalid_request".into()), "{path}: {answer:?}");
    }
}

// RFC 6750 §2.1, §3, §3.1, OpenID Connect Core §5.3.
#[test]
fn userinfo_wants_an_access_token() {
    let server = Server::start("userinfo");
    let tokens = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));
    let ask = |authorization: Option<&str>| {
        let mut request = Request::get(server.url(USERINFO)).body(Vec::new()).unwrap();
        if let Some(value) = authorization {
            request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
        }
        server.http.send(request)
    };
    assert_eq!(ask(Some(&format!("Bearer {}", tokens.access))).status, 200);
    assert_eq!(ask(Some(&format!("bearer {}", tokens.access))).status, 200);
    // RFC 6750 §3.1: who shows nothing is told nothing but how to ask.
    let bare = ask(None);
    assert_eq!((bare.status, bare.header("www-authenticate").contains("error")), (401, false), "{bare:?}");
    assert!(bare.header("www-authenticate").starts_with("Bearer"));
    let in_query = server.http.get(&server.url(&format!("{USERINFO}?access_token={}", tokens.access)));
    assert!(matches!(in_query.status, 400 | 401), "{in_query:?}");
    for wrong in [&tokens.refresh, &tokens.id_token, "", "fm_at_", "fm_at_AAAA", "x"] {
        let answer = ask(Some(&format!("Bearer {wrong}")));
        assert!(matches!(answer.status, 400 | 401), "{wrong}: {answer:?}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{wrong}: {answer:?}");
    }
}

// RFC 7009 §2.2, RFC 7662 §2.2.
#[test]
fn forged_truncated_rekinded_and_foreign_tokens_are_refused() {
    let (server, other) = (Server::start("forged"), Server::start("foreign"));
    let demo = server.demo();
    let code = server.browser().sign_in();
    let tokens = Tokens::of(&demo.redeem(&server.browser().sign_in()));
    let foreign = Tokens::of(&other.demo().redeem(&other.browser().sign_in()));
    let rekinded = |token: &str, prefix: &str| format!("{prefix}{}", &token[prefix.len()..]);
    let mut bad = vec![
        String::from("x"),
        "fm_rt_".to_owned(),
        "fm_at_".to_owned(),
        "A".repeat(10_000),
        foreign.access,
        foreign.refresh,
        rekinded(&tokens.access, "fm_rt_"),
        rekinded(&tokens.refresh, "fm_at_"),
        rekinded(&tokens.refresh, "fm_ac_"),
        rekinded(&code.value, "fm_rt_"),
    ];
    for token in [&tokens.access, &tokens.refresh] {
        bad.extend((0..token.len()).step_by(7).map(|end| token[..end].to_owned()).filter(|text| !text.is_empty()));
        bad.extend((0..token.len()).step_by(5).map(|at| flipped(token, at)));
        bad.extend([format!("{token}A"), format!("{token}="), token.to_uppercase()]);
    }
    for token in &bad {
        assert!(!demo.is_active(token), "{token}");
        assert_eq!(demo.refresh(token).refusal(), (400, "invalid_grant".into()), "{token}");
        // RFC 7009 §2.2: revoking what means nothing is no error.
        assert_eq!(demo.revoke(token).status, 200, "{token}");
    }
    for (kind, answer) in [
        ("an access token", demo.refresh(&tokens.access)),
        ("a code", demo.refresh(&code.value)),
        ("a refresh token", demo.redeem(&Code { value: tokens.refresh.clone(), ..code.clone() })),
        ("an access token", demo.redeem(&Code { value: tokens.access.clone(), ..code.clone() })),
    ] {
        assert_eq!(answer.refusal(), (400, "invalid_grant".into()), "{kind}");
    }
    // And none of this hurt the real ones.
    assert!(demo.is_active(&tokens.access));
    assert_eq!(demo.refresh(&tokens.refresh).status, 200);
    assert_eq!(demo.redeem(&code).status, 200);
}

/// One character of the sealed part changed; of the last, a bit that counts.
fn flipped(token: &str, at: usize) -> String {
    let mut bytes = token.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'Q' { b'g' } else { b'Q' };
    String::from_utf8(bytes).unwrap()
}

// RFC 6749 §4.1.3, RFC 7636 §4.5, §4.6.
#[test]
fn a_code_is_only_for_its_client_its_redirect_uri_and_its_verifier_and_survives_strangers() {
    let server = Server::start("code");
    let demo = server.demo();
    let code = server.browser().sign_in();
    let refused = |answer: Answer| assert_eq!(answer.refusal(), (400, "invalid_grant".into()), "{answer:?}");

    let other_uri = Code { redirect_uri: format!("{}x", code.redirect_uri), ..code.clone() };
    refused(demo.redeem(&other_uri));
    let other_verifier = Code { verifier: code.verifier.replace('0', "1"), ..code.clone() };
    refused(demo.redeem(&other_verifier));
    let no_verifier: Vec<_> = redemption(&code).into_iter().filter(|(name, _)| *name != "code_verifier").collect();
    refused(demo.post(TOKEN, &no_verifier));
    let stranger = server.service().redeem(&code);
    assert!(matches!(&*stranger.text("error"), "invalid_grant" | "unauthorized_client"), "{stranger:?}");
    let impostor = Client::new(&server, &server.ready.client_id, "wrong");
    assert_eq!(impostor.redeem(&code).status, 401);

    assert_eq!(demo.redeem(&code).status, 200);
}

// RFC 6749 §5.2, §6, RFC 7009 §2.1.
#[test]
fn a_client_may_only_use_its_own_grant_types_and_tokens() {
    let server = Server::start("own");
    let (demo, service) = (server.demo(), server.service());
    let tokens = Tokens::of(&demo.redeem(&server.browser().sign_in()));

    assert_eq!(demo.client_credentials().refusal(), (400, "unauthorized_client".into()));
    let stolen = service.refresh(&tokens.refresh);
    assert!(matches!(&*stolen.text("error"), "invalid_grant" | "unauthorized_client"), "{stolen:?}");
    // RFC 7009 §2.1: another client's token is not revoked, and that is no secret worth an error.
    service.revoke(&tokens.refresh);
    assert!(demo.is_active(&tokens.access));
    // RFC 6749 §6: a refresh may narrow the scope, not widen it.
    let wider = [("grant_type", "refresh_token"), ("refresh_token", &*tokens.refresh), ("scope", "openid admin")];
    assert_eq!(demo.post(TOKEN, &wider).refusal(), (400, "invalid_scope".into()));
    assert_eq!(demo.refresh(&tokens.refresh).status, 200);
}
