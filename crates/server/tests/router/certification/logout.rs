//! RP-Initiated, Front-Channel, Back-Channel and Session Management.

use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::suite::{Client, Person, STATE, Suite, encoded, form_of, hidden_fields};
use crate::world::{ISSUER, Reply};

const BACK: &str = "https://app.example/signed-out";

async fn client(suite: &Suite) -> Client {
    suite.register(json!({"post_logout_redirect_uris": [BACK]})).await
}

/// Somebody signs in; gives their ID token.
async fn signed_in(suite: &Suite, person: &mut Person, client: &Client) -> String {
    let back = suite.go(person, client, &[]).await;
    let tokens = suite.redeem(client, back.code()).await;
    tokens["id_token"].as_str().unwrap().to_owned()
}

/// The browser is sent to sign out: where it is sent to at last, or the page at which it stays. On the way nobody is asked.
async fn begin(suite: &Suite, person: &mut Person, asked: &[(&str, &str)]) -> Result<String, Reply> {
    let asked: Vec<_> = asked.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let reply = suite.browse(person, Method::GET, &format!("/oauth2/logout?{}", encoded(&asked)), None).await;
    follow(suite, person, reply).await
}

async fn follow(suite: &Suite, person: &mut Person, mut reply: Reply) -> Result<String, Reply> {
    for _ in 0..5 {
        let Some(location) = reply.headers.get(LOCATION) else { return Err(reply) };
        let location = location.to_str().unwrap().to_owned();
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
        match location.strip_prefix(ISSUER) {
            Some(path) => reply = suite.browse(person, Method::GET, path, None).await,
            None => return Ok(location),
        }
    }
    panic!("it does not end")
}

/// Says yes on the page that asks; gives the page at which that ends.
async fn confirm(suite: &Suite, person: &mut Person, page: &Reply) -> Reply {
    assert!(page.body.contains("id=\"logout-page\""), "{}", page.body);
    let form: Vec<(String, String)> = hidden_fields(form_of(&page.body, "logout-page")).into_iter().collect();
    let reply = suite.browse(person, Method::POST, "/logout", Some(encoded(&form))).await;
    follow(suite, person, reply).await.unwrap_err()
}

async fn must_be_signed_out(suite: &Suite, person: &mut Person, client: &Client) {
    let back = suite.go(person, client, &[("prompt", "none")]).await;
    assert_eq!(back.get("error"), Some("login_required"));
}

#[tokio::test]
async fn with_a_hint_the_browser_comes_back_with_the_state_and_nothing_else() {
    let suite = Suite::new().await;
    let client = client(&suite).await;
    for state in [Some(STATE), None] {
        let mut person = Person::default();
        let id_token = signed_in(&suite, &mut person, &client).await;
        let asked = [("id_token_hint", &*id_token), ("post_logout_redirect_uri", BACK)];
        let asked: Vec<_> = asked.into_iter().chain(state.map(|state| ("state", state))).collect();
        let expected = state.map_or_else(|| BACK.to_owned(), |state| format!("{BACK}?state={state}"));
        assert_eq!(begin(&suite, &mut person, &asked).await.ok(), Some(expected));
        must_be_signed_out(&suite, &mut person, &client).await;
    }
}

/// The same ID token with another header, or other claims.
fn altered(id_token: &str, header: &Value, change: impl FnOnce(&mut Value)) -> String {
    let parts: Vec<&str> = id_token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    change(&mut claims);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = if header["alg"] == "none" { "" } else { parts[2] };
    format!("{}.{}.{signature}", part(header), part(&claims))
}

#[tokio::test]
async fn what_is_not_registered_or_not_signed_here_sends_nobody_on() {
    let suite = Suite::new().await;
    let client = client(&suite).await;
    let good = signed_in(&suite, &mut Person::default(), &client).await;
    let unsigned = altered(&good, &json!({"alg": "none"}), |_| {});
    let swapped = altered(&good, &json!({"alg": "RS256"}), |claims| {
        let (iss, aud) = (claims["iss"].clone(), claims["aud"].clone());
        (claims["iss"], claims["aud"]) = (aud, iss);
    });
    let query_added = format!("{BACK}?a=b");
    for (hint, uri) in [
        (Some(&good), "https://app.example/elsewhere"),
        (Some(&good), &query_added),
        (Some(&unsigned), BACK),
        (Some(&swapped), BACK),
        (None, BACK),
    ] {
        let asked: Vec<_> = hint.iter().map(|hint| ("id_token_hint", hint.as_str())).collect();
        let asked: Vec<_> = asked.into_iter().chain([("post_logout_redirect_uri", uri), ("state", STATE)]).collect();
        let mut person = Person::default();
        signed_in(&suite, &mut person, &client).await;
        let page = begin(&suite, &mut person, &asked).await.unwrap_err();
        let signed_out = confirm(&suite, &mut person, &page).await;
        assert!(signed_out.body.contains("id=\"signed-out\"") && !signed_out.body.contains(BACK), "{uri}");
    }
}

#[tokio::test]
async fn without_an_address_the_person_is_signed_out_and_stays() {
    let suite = Suite::new().await;
    let client = client(&suite).await;
    for (asked, asks) in [(vec![], true), (vec![("state", STATE)], true), (vec![("id_token_hint", "")], false)] {
        let mut person = Person::default();
        let id_token = signed_in(&suite, &mut person, &client).await;
        let asked: Vec<_> =
            asked.into_iter().map(|(name, value)| (name, if value.is_empty() { &*id_token } else { value })).collect();
        let mut page = begin(&suite, &mut person, &asked).await.unwrap_err();
        if asks {
            page = confirm(&suite, &mut person, &page).await;
        }
        assert!(page.body.contains("id=\"signed-out\"") && page.body.contains("signed out"), "{}", page.body);
        must_be_signed_out(&suite, &mut person, &client).await;
    }
}

#[tokio::test]
async fn what_is_said_of_logout_is_complete() {
    let suite = Suite::new().await;
    let document = suite.discovery().await;
    for channel in ["frontchannel", "backchannel"] {
        assert_eq!(document[format!("{channel}_logout_supported")], true);
        assert_eq!(document[format!("{channel}_logout_session_supported")], true);
    }
    assert_eq!(document["end_session_endpoint"], format!("{ISSUER}/oauth2/logout"));
    assert_eq!(document["check_session_iframe"], format!("{ISSUER}/oauth2/check_session"));
}

// OpenID Connect Session Management §3, §3.3.
#[tokio::test]
async fn everybody_may_frame_the_page_of_session_states_and_it_runs_our_script_alone() {
    let suite = Suite::new().await;
    let client = client(&suite).await;
    let mut person = Person::default();
    let back = suite.go(&mut person, &client, &[]).await;
    assert!(back.get("session_state").unwrap().split_once('.').unwrap().1.len() >= 16);
    let page = suite.browse(&mut person, Method::GET, "/oauth2/check_session", None).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.headers.contains_key("x-frame-options") && !page.headers.contains_key("set-cookie"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert_eq!(policy, "default-src 'none'; script-src 'self'; frame-ancestors *; base-uri 'none'");
    assert!(page.body.contains("data-cookie=\"__Host-fm_state\""), "{}", page.body);
    // Who does not speak OpenID is told nothing.
    let back = suite.go(&mut person, &client, &[("scope", "email")]).await;
    assert_eq!(back.get("session_state"), None);
}
