//! What stands in requests: forms, credentials, and what their parameters hold.

use firman_proto::authorize::{AuthorizationRequest, RequestRules, mode_of};
use firman_proto::client::ClientMetadata;
use firman_proto::credentials::{AuthMethod, Credentials, bearer, dpop_bound};
use firman_proto::device::{Alphabet, DeviceRequest, shown};
use firman_proto::form::{self, Form};
use firman_proto::id::RecordId;
use firman_proto::introspection::PresentedToken;
use firman_proto::par;
use firman_proto::pkce::Challenge;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::scope::Scope;
use firman_proto::token::TokenRequest;

use crate::mutator::{each, shown as text_of};

const FORMS: &[&str] = &[
    "grant_type=authorization_code&code=fm_ac_AAAA&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "grant_type=refresh_token&refresh_token=fm_rt_AAAA&scope=openid+profile",
    "grant_type=client_credentials&scope=a%20b&client_id=app&client_secret=s%26%3D%2B",
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=fm_dc_AAAA",
    "token=fm_at_AAAA&token_type_hint=refresh_token",
    "client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=code%20id_token&scope=openid&state=%C3%A4&nonce=n\
     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&prompt=login%20consent&max_age=60\
     &response_mode=form_post.jwt&claims=%7B%22id_token%22%3A%7B%22acr%22%3A%7B%22essential%22%3Atrue%2C%22values%22%3A%5B%221%22%5D%7D%7D%7D\
     &claims_locales=de%20fr&ui_locales=de&display=popup&dpop_jkt=0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
    "resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example&a=&b",
    "client_assertion=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhcHAifQ.AAAA\
     &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
];

fn pairs(form: &Form<'_>) -> Vec<(String, String)> {
    form.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_form_that_is_written_again_reads_the_same() {
    each("form", FORMS, |input| {
        let _ = Form::parse_redirectable(input);
        let Ok(read) = Form::parse(input) else { return };
        assert!(read.iter().count() <= 64, "{}", text_of(input));
        let mut again = String::new();
        read.iter().for_each(|(name, value)| form::append(&mut again, name, value));
        assert_eq!(pairs(&Form::parse(again.as_bytes()).unwrap()), pairs(&read), "{}", text_of(input));
    });
}

#[test]
fn every_request_in_a_form_is_read_or_refused() {
    let mut client = ClientMetadata::new("app", AuthMethod::ClientSecretBasic);
    client.scope = Scope::parse("openid profile a b").unwrap();
    let rules = RequestRules { pkce_required: false, pkce_plain: true };
    each("requests", FORMS, |input| {
        let Ok(form) = Form::parse_redirectable(input) else { return };
        let _ = (TokenRequest::parse(&form), PresentedToken::parse(&form), mode_of(&form));
        if let Ok(credentials) = Credentials::find(None, &form) {
            assert!(
                !credentials.client_id.is_empty() && credentials.secret.as_deref() != Some(""),
                "{}",
                text_of(input)
            );
        }
        if let Ok(asked) = DeviceRequest::parse(&form, &client) {
            assert!(asked.scope.is_within(&client.scope), "{}", text_of(input));
        }
        let to = RedirectUri::parse("https://app.example/cb").unwrap();
        if let Ok(asked) = AuthorizationRequest::parse(&form, to, &client, rules) {
            assert!(asked.scope.is_within(&client.scope), "{}", text_of(input));
        }
    });
}

#[test]
fn a_header_has_whole_credentials_or_none() {
    let corpus = [
        "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3",
        "basic  YSUzQWI6YyUyQmQrZQ==",
        "Bearer fm_at_AAAA-_.~+/==",
        "DPoP fm_at_AAAA",
    ];
    each("authorization", &corpus, |input| {
        if let Ok(found) = Credentials::find(Some(input), &Form::default()) {
            assert_eq!(found.method, AuthMethod::ClientSecretBasic, "{}", text_of(input));
            assert!(!found.client_id.is_empty() && found.secret.is_some_and(|secret| !secret.is_empty()));
        }
        for token in [bearer(input), dpop_bound(input)].into_iter().flatten() {
            assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()), "{}", text_of(input));
        }
    });
}

#[test]
fn a_redirect_uri_leads_only_where_it_says() {
    let corpus = [
        "https://app.example/cb",
        "https://app.example:8443/cb?x=1&y=%20",
        "http://127.0.0.1/callback",
        "http://[::1]:51004/cb",
        "http://localhost/cb",
        "com.example.app:/callback",
    ];
    let registered: Vec<_> = corpus.iter().map(|text| RedirectUri::parse(text).unwrap()).collect();
    each("redirect_uri", &corpus, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let Ok(uri) = RedirectUri::parse(text) else { return };
        assert_eq!(RedirectUri::parse(uri.as_str()).unwrap(), uri, "{}", text_of(input));
        let scheme = text.split(':').next().unwrap().to_ascii_lowercase();
        assert!(!["javascript", "data", "vbscript", "file", "blob"].contains(&&*scheme), "{}", text_of(input));
        assert!(!text.contains(['#', '\\', ' ', '\n', '\r', '\0']), "{}", text_of(input));
        for known in &registered {
            // Exactly what is registered, but for the port of a loopback address.
            let loopback = known.as_str().starts_with("http:");
            assert!(!known.admits(&uri) || loopback || known.as_str() == text, "{known:?} admits {}", text_of(input));
            if loopback && known.admits(&uri) {
                let path = |text: &str| text[text.rfind('/').unwrap()..].to_owned();
                assert_eq!((known.host(), path(known.as_str())), (uri.host(), path(text)), "{}", text_of(input));
            }
        }
    });
}

#[test]
fn a_scope_is_a_set_with_one_text() {
    each("scope", &["openid profile email offline_access", "a", "b a b", "!#$[]^~ https://a.example/x"], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let Ok(scope) = Scope::parse(text) else { return };
        let again = Scope::parse(scope.as_str()).unwrap();
        assert_eq!((&again, again.as_str()), (&scope, scope.as_str()), "{}", text_of(input));
        let words: Vec<_> = scope.iter().collect();
        assert!(words.is_sorted_by(|a, b| a < b) && words.iter().all(|word| text.split(' ').any(|said| said == *word)));
        assert!(scope.is_within(&again.union(&Scope::parse("zzz").unwrap())));
    });
}

#[test]
fn a_challenge_has_its_length_and_its_characters() {
    each("challenge", &["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", &"a-._~".repeat(20)], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        for method in [Some("S256"), Some("plain"), None, Some(text)] {
            if let Ok(Some(challenge)) = Challenge::parse(Some(text), method, true) {
                let legal = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
                assert!(legal && (43..=128).contains(&text.len()), "{}", text_of(input));
                assert!(challenge.admits(text) == (method != Some("S256")), "{}", text_of(input));
            }
        }
    });
}

#[test]
fn a_user_code_is_known_by_its_characters_alone() {
    let alphabet = Alphabet::default();
    each("user_code", &["WDJB-MJHT", "wdjbmjht", " W D J B \u{2013} M J H T "], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Some(code) = alphabet.canonical(text, 8) {
            assert!(code.len() == 8 && code.chars().all(|c| alphabet.as_str().contains(c)), "{}", text_of(input));
            assert_eq!(alphabet.canonical(&shown(&code), 8), Some(code), "{}", text_of(input));
        }
    });
}

#[test]
fn ids_and_request_uris_have_one_text() {
    let corpus = ["019c2f3e-8a00-7c3c-bc3c-3c3c3c3c3c3c", "urn:ietf:params:oauth:request_uri:fm_ru_AAAA"];
    each("ids", &corpus, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Some(id) = RecordId::parse(text) {
            assert_eq!(id.to_string(), text);
        }
        if let Some(reference) = par::reference(text) {
            assert_eq!(par::request_uri(reference), text);
        }
    });
}
