//! What operators see of a provider before anybody has to sign in there.

use std::sync::Arc;

use firman_engine::upstream::{self, Grade};
use serde_json::{Value, json};

use crate::support::{Idp, at, world_of};

/// What is not as it should be, in words that stay the same.
async fn found(idp: &Arc<Idp>, settings: &Value, grade: Grade) -> Vec<&'static str> {
    let world = world_of(idp, settings).await;
    let provider = world.engine.policy().upstream.providers.find("uni").unwrap();
    let seen = upstream::check(&world.engine, provider, at(0)).await;
    seen.into_iter().filter(|seen| seen.grade == grade).map(|seen| seen.check).collect()
}

/// One with nothing wrong about it.
fn good() -> Arc<Idp> {
    let idp = Idp::new();
    idp.set_metadata("code_challenge_methods_supported", json!(["S256"]));
    idp.set_metadata("authorization_response_iss_parameter_supported", true.into());
    idp.set_metadata("end_session_endpoint", "https://idp.example/end".into());
    // A code that is none.
    idp.set_reply(400, &json!({"error": "invalid_grant"}));
    idp
}

// OpenID Connect Discovery §3, RFC 8414 §2, RFC 9207 §3.
#[tokio::test]
async fn what_a_provider_does_not_offer_is_seen() {
    assert_eq!(found(&good(), &json!({"logout": true, "userinfo": true}), Grade::Warning).await, [""; 0]);
    assert_eq!(found(&good(), &json!({"logout": true, "userinfo": true}), Grade::Wrong).await, [""; 0]);
    for (settings, name, value, grade, check) in [
        (json!({"logout": true}), "end_session_endpoint", Value::Null, Grade::Warning, "logout"),
        (json!({}), "code_challenge_methods_supported", json!(["plain"]), Grade::Warning, "pkce"),
        (json!({}), "authorization_response_iss_parameter_supported", false.into(), Grade::Warning, "iss"),
        (json!({"scope": "openid groups"}), "scopes_supported", json!(["openid"]), Grade::Warning, "scope"),
        (
            json!({"recheck_seconds": 60}),
            "grant_types_supported",
            json!(["authorization_code"]),
            Grade::Warning,
            "refresh",
        ),
        (json!({"response_mode": "form_post"}), "response_modes_supported", Value::Null, Grade::Wrong, "response-mode"),
        (json!({"userinfo": true}), "userinfo_endpoint", Value::Null, Grade::Wrong, "userinfo"),
        (
            json!({"authentication": "private_key_jwt"}),
            "token_endpoint_auth_methods_supported",
            json!(["client_secret_basic"]),
            Grade::Wrong,
            "authentication",
        ),
        (json!({}), "id_token_signing_alg_values_supported", json!(["HS256"]), Grade::Wrong, "keys"),
    ] {
        let idp = good();
        idp.set_metadata(name, value.clone());
        assert_eq!(found(&idp, &settings, grade).await, [check], "{settings} {name}: {value}");
    }
    // What is not asked for need not be offered.
    let idp = good();
    idp.set_metadata("end_session_endpoint", Value::Null);
    assert_eq!(found(&idp, &json!({}), Grade::Warning).await, [""; 0]);
}

// RFC 6749 §4.1.2.1, §5.2.
#[tokio::test]
async fn who_does_not_know_this_server_or_is_not_there_is_seen() {
    let idp = good();
    idp.set_authorization(400);
    assert_eq!(found(&idp, &json!({}), Grade::Wrong).await, ["redirect-uri"]);
    for (status, body) in [(401, json!({"error": "invalid_client"})), (200, json!({"access_token": "x"}))] {
        let idp = good();
        idp.set_reply(status, &body);
        assert_eq!(found(&idp, &json!({}), Grade::Wrong).await, ["credentials"], "{body}");
    }
    let idp = good();
    idp.set_down(true);
    assert_eq!(found(&idp, &json!({}), Grade::Wrong).await, ["discovery"]);
}
