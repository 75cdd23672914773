//! What a client may say when it asks: signed, in detail, and with a wish for how people sign in; and where it says it.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use firman_proto::jws::{Algorithm, HeldKey};
use serde_json::{Value, json};
use url::Url;

use crate::support::browser::{Place, challenge, parameter};
use crate::support::cli::Cli;
use crate::support::client::Client;
use crate::support::http::Http;
use crate::support::page;
use crate::support::server::{Folder, Server};

const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";
const CALLBACK: &str = "https://app.example/callback";
const HIGH: &str = "urn:example:high";

#[test]
fn a_signed_request_in_detail_is_shown_allowed_and_told() {
    let types = r#"{"payment": {"title": "Make a payment", "actions": ["initiate", "status"],
                    "properties": {"amount": {"type": "string", "title": "Amount"}}}}"#;
    let folder = Folder::with_settings(
        "requests",
        &[
            ("FIRMAN__LOGIN__ACR_CLASSES", "urn:example:low =,urn:example:high = pwd"),
            ("FIRMAN__LOGIN__USERINFO_ACR_VALUES", HIGH),
            ("FIRMAN__LOGIN__USERINFO_MAX_AGE_SECONDS", "3600"),
            ("FIRMAN__ROUTES__TOKEN", "/elsewhere/token"),
            ("FIRMAN__METADATA__SERVICE_DOCUMENTATION", "https://docs.example/"),
        ],
    );
    let file = folder.file("types.json", types);
    let server = folder.with_setting("FIRMAN__DETAILS__TYPES_FILE", file.to_str().unwrap()).start_again();
    let metadata: Value = server.http.get(&server.url("/.well-known/openid-configuration")).json();
    assert_eq!(metadata["token_endpoint"], server.url("/elsewhere/token"));
    assert_eq!(metadata["authorization_details_types_supported"], json!(["payment"]));
    assert_eq!(metadata["acr_values_supported"], json!(["urn:example:low", HIGH]));
    assert_eq!(metadata["service_documentation"], "https://docs.example/");
    assert_eq!(server.http.post(&server.url("/oauth2/token"), &[("grant_type", "x")]).status, 404);

    let key = key();
    let cli = Cli::on(server.folder());
    let secret = registered(&server, &cli, &key);
    let details = json!([{"type": "payment", "actions": ["initiate"], "amount": "12.50 EUR"}]);
    let object = key.sign(&object(&server, &details, HIGH)).unwrap();
    let mut url = Url::parse(metadata["authorization_endpoint"].as_str().unwrap()).unwrap();
    url.query_pairs_mut().append_pair("client_id", "signer").append_pair("request", &object);
    let tokens = walk(&server, &url, &secret, "Amount");
    assert_eq!(tokens["authorization_details"], details);
    let app = Client::new(&server, "signer", &secret);
    let told = app.introspect(tokens["access_token"].as_str().unwrap());
    assert_eq!((&told["authorization_details"], &told["acr"]), (&details, &json!(HIGH)));
    assert_eq!(userinfo(&server, &tokens).0, 200);

    // RFC 9470 §3: the same with a weaker sign-in.
    let object = key.sign(&object_without_details(&server, "urn:example:low")).unwrap();
    let mut url = Url::parse(metadata["authorization_endpoint"].as_str().unwrap()).unwrap();
    url.query_pairs_mut().append_pair("client_id", "signer").append_pair("request", &object);
    let tokens = walk(&server, &url, &secret, "consent-form");
    let (status, challenge) = userinfo(&server, &tokens);
    assert_eq!(status, 401);
    for needed in ["error=\"insufficient_user_authentication\"", "acr_values=\"urn:example:high\"", "max_age=\"3600\""]
    {
        assert!(challenge.contains(needed), "{challenge}");
    }

    // What was registered is written as it may be read again.
    let exported = cli.json(&["client", "export", "--scope-separator", ","]);
    let signer = exported["clients"].as_array().unwrap().iter().find(|client| client["client_id"] == "signer").unwrap();
    assert_eq!(
        (&signer["scope"], &signer["authorization_details_types"]),
        (&json!("openid,profile"), &json!(["payment"]))
    );
}

#[test]
fn without_pages_only_programs_are_served_and_in_json() {
    let server = Folder::with_settings("no-pages", &[("FIRMAN__SERVER__PAGES", "false")]).start_again();
    let metadata: Value = server.http.get(&server.url("/.well-known/openid-configuration")).json();
    for member in ["authorization_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint"] {
        assert!(metadata.get(member).is_none(), "{member}");
    }
    assert_eq!(
        metadata["grant_types_supported"],
        json!(["refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"])
    );
    assert_eq!(metadata["response_types_supported"], json!([]));
    for path in
        ["/", "/login", "/consent", "/device", "/oauth2/authorize", "/oauth2/par", "/assets/firman.css", "/nothing"]
    {
        let answer = Http::new().get(&server.url(path));
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/json"), "{path}");
    }
    let answer = server.service().client_credentials();
    assert!(server.service().is_active(&answer.text("access_token")));
}

fn key() -> HeldKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    HeldKey::from_pkcs8(Algorithm::ES256, pair.as_ref()).unwrap()
}

/// Applies a file with the client, and gives its secret.
fn registered(server: &Server, cli: &Cli, key: &HeldKey) -> String {
    let clients = json!({"clients": [{
        "client_id": "signer", "client_name": "Signer", "redirect_uris": [CALLBACK], "scope": "openid profile",
        "jwks": {"keys": [key.jwk()]}, "require_signed_request_object": true, "authorization_details_types": ["payment"],
    }]});
    let file = server.folder().file("clients.json", &clients.to_string());
    let outcome = cli.json(&["client", "apply", file.to_str().unwrap()]);
    outcome[0]["client_secret"].as_str().unwrap().to_owned()
}

fn object(server: &Server, details: &Value, acr: &str) -> Value {
    let mut claims = object_without_details(server, acr);
    claims["authorization_details"] = details.clone();
    claims
}

fn object_without_details(server: &Server, acr: &str) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    json!({
        "iss": "signer", "client_id": "signer", "aud": server.ready.issuer, "nbf": now, "exp": now + 60,
        "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid profile", "acr_values": acr, "prompt": "consent",
        "code_challenge": challenge(VERIFIER), "code_challenge_method": "S256",
    })
}

/// Signs in, allows, and redeems; `shown` stands on the consent page.
fn walk(server: &Server, url: &Url, secret: &str, shown: &str) -> Value {
    let mut browser = server.browser();
    let Place::Page { url, answer } = browser.open(url) else { panic!("no login page") };
    let (username, password) = (server.ready.username.clone(), server.ready.password.clone());
    let filled = [("username", username), ("password", password)];
    let Place::Page { url, answer } = browser.press(&url, &answer, "login-submit", &filled) else {
        panic!("no consent")
    };
    assert!(page::has(&answer.body, "consent-allow") && answer.body.contains(shown), "{}", answer.body);
    let Place::Elsewhere(callback) = browser.press(&url, &answer, "consent-allow", &[]) else {
        panic!("not sent back")
    };
    let code = parameter(&callback, "code").unwrap_or_else(|| panic!("{callback}"));
    let app = Client::new(server, "signer", secret);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let answer = app.post("/elsewhere/token", &form);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The status of userinfo, and its challenge.
fn userinfo(server: &Server, tokens: &Value) -> (u16, String) {
    let request = http::Request::get(server.url("/oauth2/userinfo"))
        .header("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()));
    let answer = server.http.send(request.body(Vec::new()).unwrap());
    (answer.status, answer.header("www-authenticate").to_owned())
}
