//! What they do there.

use axum::http::StatusCode;
use axum::http::header::ETAG;
use firman_engine::admin::operators;
use firman_engine::operator::{all_scopes, identifier};
use firman_proto::scope::Scope;
use firman_store::{Change, Commit, CommitId, Editable, Transaction};
use serde_json::{Value, json};

use super::{Office, own};
use crate::world::{CLIENT, ISSUER, NOW};

async fn everything(office: &Office) -> String {
    office.token(all_scopes().as_str()).await
}

fn tag(told: &super::Told) -> String {
    told.headers[ETAG].to_str().unwrap().to_owned()
}

// RFC 6585 §3, RFC 9110 §8.8.3, §13.1.1.
#[tokio::test]
async fn a_client_is_made_found_edited_and_deleted_and_the_trail_says_by_whom() {
    let office = Office::new().await;
    let token = everything(&office).await;
    let new = json!({"client_id": "books", "metadata": {"client_name": "Books", "redirect_uris": ["https://books.example/cb"]}});
    let made = office.ask("POST", "/clients", &token, Some(new.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let secret = made.body["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(office.ask("POST", "/clients", &token, Some(new)).await.status, StatusCode::BAD_REQUEST);

    let shown = office.ask("GET", "/clients/books", &token, None).await;
    assert!(!shown.body.to_string().contains(&secret), "a secret is shown once");
    assert_eq!(shown.body["metadata"]["client_name"], "Books");
    let found = office.ask("GET", "/clients?client_id=books", &token, None).await.body;
    assert_eq!(found["items"][0], shown.body);

    let change = json!({"enabled": false, "owner": "me", "metadata": {"client_name": "B", "redirect_uris": ["https://books.example/cb"]}});
    let edited = office.edit("PUT", "/clients/books", &token, &tag(&shown), Some(change.clone())).await;
    assert_eq!((edited.status, &edited.body["client"]["enabled"]), (StatusCode::OK, &json!(false)));
    let late = office.edit("PUT", "/clients/books", &token, &tag(&shown), Some(change.clone())).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    let foreign = office.edit("PUT", "/clients/books", &token, "W/\"1\"", Some(change.clone())).await;
    assert_eq!(foreign.status, StatusCode::PRECONDITION_FAILED);
    let careless = office.ask("PUT", "/clients/books", &token, Some(change)).await;
    assert_eq!(careless.status, StatusCode::PRECONDITION_REQUIRED);

    let rotated = office.ask("POST", "/clients/books/secret", &token, Some(json!({}))).await;
    assert_eq!(rotated.status, StatusCode::OK);
    assert_ne!(rotated.body["client_secret"].as_str(), Some(&*secret));
    let gone = office.edit("DELETE", "/clients/books", &token, &tag(&rotated), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(office.ask("GET", "/clients/books", &token, None).await.status, StatusCode::NOT_FOUND);

    let about = shown.body["id"].as_str().unwrap();
    let events = office.ask("GET", &format!("/events?about={about}"), &token, None).await.body;
    let mut kinds: Vec<_> =
        events["items"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    // All of the same millisecond.
    kinds.sort_unstable();
    assert_eq!(kinds, ["client_created", "client_deleted", "client_updated", "client_updated"]);
    for event in events["items"].as_array().unwrap() {
        assert_eq!(event["details"]["actor"], json!({"kind": "operator", "client_id": CLIENT}), "{event}");
    }
}

#[tokio::test]
async fn what_is_malformed_is_refused_and_the_problem_says_what() {
    let office = Office::new().await;
    let token = everything(&office).await;
    for (method, path, body, status, named) in [
        ("POST", "/clients", json!({"metadata": {}, "secret": "x"}), 400, "secret"),
        ("POST", "/clients", json!({"metadata": {"redirect_uri": "x"}}), 400, "redirect_uri"),
        ("POST", "/clients", json!({"metadata": {"redirect_uris": ["javascript:x"]}}), 400, "redirect_uri"),
        ("POST", "/clients", json!({"metadata": {"client_name": "a"}, "policy": {"skip": 1}}), 400, "policy.skip"),
        ("POST", "/clients", json!([]), 400, ""),
        ("POST", "/clients/the-client/secret", json!({"overlap_seconds": -1}), 400, "-1"),
        ("POST", "/clients/the-client/secret", json!({"overlap_seconds": 31_536_001}), 400, "overlap"),
        ("POST", "/resources", json!({"identifier": "x"}), 400, "resource"),
        ("POST", "/resources", json!({"identifier": identifier(ISSUER)}), 400, "admin API"),
        ("POST", "/accounts", json!({"username": "a", "password": "short"}), 400, "password"),
        ("POST", "/grants/revoke", json!({}), 400, "subject"),
        ("POST", "/grants/revoke", json!({"client_id": "nobody"}), 404, ""),
        ("POST", "/keys/sealing/rotate", json!({"after_seconds": 86_401}), 400, "after_seconds"),
        ("POST", "/keys/sealing/x/revoke", json!({}), 404, ""),
        ("POST", "/keys/signing/x/revoke", json!({}), 404, ""),
    ] {
        let told = office.ask(method, path, &token, Some(body.clone())).await;
        assert_eq!(told.status.as_u16(), status, "{method} {path} {body}: {}", told.body);
        assert!(told.body["detail"].as_str().unwrap().contains(named), "{body}: {}", told.body);
        assert_eq!(told.headers["content-type"], "application/problem+json");
    }
    for query in ["?limit=0", "?limit=201", "?limit=x", "?cursor=x", "?who=me", "?limit=1&limit=2"] {
        for path in ["/clients", "/accounts", "/grants", "/events", "/resources"] {
            let told = office.ask("GET", &format!("{path}{query}"), &token, None).await;
            assert_eq!(told.status, StatusCode::BAD_REQUEST, "{path}{query}");
        }
    }
    let large = json!({"metadata": {"client_name": "a".repeat(70_000)}});
    let told = office.ask("POST", "/clients", &token, Some(large)).await;
    assert_eq!(told.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut typed = super::request("POST", "/clients", Some(&token), Some(json!({})), None);
    typed.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(office.send(typed).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_every_record_comes_once() {
    let office = Office::new().await;
    let token = everything(&office).await;
    for number in 0..5 {
        let new = json!({"client_id": format!("c{number}"), "metadata": {"grant_types": ["client_credentials"]}});
        assert_eq!(office.ask("POST", "/clients", &token, Some(new)).await.status, StatusCode::CREATED);
    }
    let (mut found, mut path) = (Vec::new(), "/clients?limit=2".to_owned());
    loop {
        let page = office.ask("GET", &path, &token, None).await.body;
        let ids =
            page["items"].as_array().unwrap().iter().map(|client| client["client_id"].as_str().unwrap().to_owned());
        found.extend(ids);
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/clients?limit=2&cursor={next}");
    }
    found.sort();
    assert_eq!(found, ["c0", "c1", "c2", "c3", "c4", CLIENT]);
}

#[tokio::test]
async fn who_is_disabled_is_signed_out_and_what_they_allowed_is_dead() {
    let office = Office::new().await;
    let token = everything(&office).await;
    let persons = office.persons_token("firman.clients.read").await;
    let account = office.ask("GET", "/accounts?username=Reader", &token, None).await.body["items"][0].clone();
    let id = account["id"].as_str().unwrap();
    let grants = office.ask("GET", &format!("/grants?subject={id}"), &token, None).await.body;
    assert_eq!((grants["items"].as_array().unwrap().len(), &grants["items"][0]["kind"]), (1, &json!("password")));

    let change = json!({"username": "reader", "enabled": false, "claims": {"name": "R"}});
    let edited = office.edit("PUT", &format!("/accounts/{id}"), &token, "\"0\"", Some(change)).await;
    assert_eq!((edited.status, &edited.body["enabled"]), (StatusCode::OK, &json!(false)), "{}", edited.body);
    assert_eq!(office.ask("GET", "/me", &persons, None).await.status, StatusCode::UNAUTHORIZED);
    let form = [("grant_type", "password"), ("username", "reader"), ("password", crate::world::PASSWORD)];
    assert_eq!(office.ask_token(&form, &identifier(ISSUER), Vec::new()).await["error"], "invalid_grant");
}

#[tokio::test]
async fn a_revoked_grant_is_dead_at_once() {
    let office = Office::new().await;
    let token = everything(&office).await;
    let persons = office.persons_token("firman.clients.read").await;
    operators::grant(&office.world.engine, &office.account().await, None, NOW).await.unwrap();
    assert_eq!(office.ask("GET", "/me", &persons, None).await.status, StatusCode::OK);
    let subject = office.account().await.id.to_string();
    let grants = office.ask("GET", &format!("/grants?subject={subject}"), &token, None).await.body;
    let id = grants["items"][0]["id"].as_str().unwrap();
    assert_eq!(office.ask("POST", &format!("/grants/{id}/revoke"), &token, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(office.ask("GET", "/me", &persons, None).await.status, StatusCode::UNAUTHORIZED);
    let shown = office.ask("GET", &format!("/grants/{id}"), &token, None).await.body;
    assert_eq!((&shown["live"], &shown["reason"]), (&json!(false), &json!("operator")));

    let persons = office.persons_token("firman.clients.read").await;
    let whose = json!({"subject": subject});
    assert_eq!(office.ask("POST", "/grants/revoke", &token, Some(whose)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(office.ask("GET", "/me", &persons, None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_does_not_make_operators_cannot_become_one_by_a_detour() {
    let office = Office::new().await;
    let all = all_scopes();
    let some = office.token(all.without("firman.operators.write").as_str()).await;
    let few = office.token("firman.operators.write firman.accounts.write firman.clients.write").await;
    let token = everything(&office).await;
    operators::grant(&office.world.engine, &office.account().await, None, NOW).await.unwrap();
    let account = format!("/accounts/{}", office.account().await.id);
    let names_api = json!({"metadata": {"grant_types": ["client_credentials"], "scope": "firman.keys.write"}, "policy": {"resources": [identifier(ISSUER)]}});
    let client = office.ask("GET", &own(), &token, None).await.body;
    let same = json!({"enabled": true, "metadata": client["metadata"], "policy": client["policy"]});
    let password = json!({"password": "another long password"});
    let change = json!({"username": "reader", "enabled": true, "claims": {}});
    for token in [&some, &few] {
        for (method, path, body) in [
            ("POST", "/clients".to_owned(), &names_api),
            ("PUT", own(), &same),
            ("POST", format!("{}/secret", own()), &json!({})),
            ("PUT", format!("{account}/password"), &password),
            ("PUT", account.clone(), &change),
            ("PUT", format!("{account}/operator"), &json!({})),
        ] {
            let told = office.edit(method, &path, token, "\"1\"", Some(body.clone())).await;
            let told =
                if path == own() { office.edit(method, &path, token, "\"0\"", Some(body.clone())).await } else { told };
            assert_eq!(told.status, StatusCode::FORBIDDEN, "{method} {path}: {}", told.body);
        }
    }
    let made = office.ask("POST", "/clients", &token, Some(names_api)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let given = json!({"scope": "firman.clients.write"});
    let told = office.edit("PUT", &format!("{account}/operator"), &few, "\"1\"", Some(given)).await;
    assert_eq!((told.status, &told.body["operator"]), (StatusCode::OK, &json!("firman.clients.write")));
    assert!(Scope::parse(told.body["operator"].as_str().unwrap()).unwrap().is_within(&all));
}

#[tokio::test]
async fn whoever_has_lost_everything_gets_their_factors_taken_away() {
    let office = Office::new().await;
    let token = everything(&office).await;
    let account = office.account().await;
    let mut known = account.clone();
    known.factors.recovery_codes = vec!["a digest".to_owned()];
    let record = Editable::Account(Box::new(known));
    let changes = vec![Change::Replace { record, if_revision: account.revision }];
    let transaction = Transaction { id: CommitId([9; 16]), changes };
    assert_eq!(office.world.engine.store().commit(transaction).await.unwrap(), Commit::Done);
    let path = format!("/accounts/{}", account.id);
    let shown = office.ask("GET", &path, &token, None).await;
    assert_eq!(shown.body["factors"], json!(["recovery_codes"]));
    let reset = office.edit("DELETE", &format!("{path}/factors"), &token, &tag(&shown), None).await;
    assert_eq!((reset.status, &reset.body["factors"]), (StatusCode::OK, &json!([])), "{}", reset.body);
    let events = office.ask("GET", "/events?kind=factor_removed", &token, None).await.body;
    assert_eq!(events["items"][0]["subject"], json!(account.id.to_string()));
}

#[tokio::test]
async fn whoever_cannot_sign_in_gets_a_link_and_another_try() {
    let office = Office::new().await;
    let (token, few) = (everything(&office).await, office.token("firman.accounts.read").await);
    let account = office.account().await;
    let path = format!("/accounts/{}", account.id);
    for address in [format!("{path}/reset-link"), format!("{path}/unlock")] {
        assert_eq!(office.ask("POST", &address, &few, None).await.status, StatusCode::FORBIDDEN, "{address}");
    }
    let made = office.ask("POST", &format!("{path}/reset-link"), &token, None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let link = made.body["link"].as_str().unwrap();
    let (_, seal) = link.split_once("/login/reset?token=").expect("a link of ours");
    let engine = &office.world.engine;
    let looked = firman_engine::mail::may_reset(engine, None, seal, office.world.now()).await.unwrap();
    assert_eq!(looked, firman_engine::mail::Looked::Good(account.username.clone()));
    let unlocked = office.ask("POST", &format!("{path}/unlock"), &token, None).await;
    assert_eq!(unlocked.status, StatusCode::NO_CONTENT, "{}", unlocked.body);
    for kind in ["link_made", "account_unlocked"] {
        let events = office.ask("GET", &format!("/events?kind={kind}"), &token, None).await.body;
        assert_eq!(events["items"][0]["subject"], json!(account.id.to_string()), "{kind}");
        assert!(!events.to_string().contains(seal));
    }
}

#[tokio::test]
async fn what_begins_with_a_text_is_found_page_by_page() {
    let office = Office::new().await;
    let token = everything(&office).await;
    for name in ["books-1", "books-2", "books-3", "other"] {
        let new = json!({"client_id": name, "metadata": {"grant_types": ["client_credentials"]}});
        assert_eq!(office.ask("POST", "/clients", &token, Some(new)).await.status, StatusCode::CREATED);
    }
    let first = office.ask("GET", "/clients?prefix=books&limit=2", &token, None).await.body;
    let next = first["next"].as_str().unwrap();
    let second = office.ask("GET", &format!("/clients?prefix=books&limit=2&cursor={next}"), &token, None).await.body;
    let ids: Vec<_> = [&first, &second].into_iter().flat_map(|page| page["items"].as_array().unwrap()).collect();
    let ids: Vec<_> = ids.iter().map(|client| client["client_id"].as_str().unwrap()).collect();
    assert_eq!((ids, second["next"].as_str()), (vec!["books-1", "books-2", "books-3"], None));
    for path in
        ["/accounts?prefix=rea", "/resources?prefix=x", "/flows", "/deliveries", "/sessions?subject=x", "/trust"]
    {
        assert_eq!(office.ask("GET", path, &token, None).await.status, StatusCode::OK, "{path}");
    }
    let found = office.ask("GET", "/accounts?prefix=rea", &token, None).await.body;
    assert_eq!(found["items"][0]["username"], "reader");
    let both = office.ask("GET", "/clients?prefix=a&client_id=b", &token, None).await;
    assert_eq!(both.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn figures_are_shown() {
    let office = Office::new().await;
    let told = office.ask("GET", "/figures", &office.token("firman.figures.read").await, None).await;
    assert_eq!(told.status, StatusCode::OK);
    assert!(told.body["store_milliseconds"].is_number() && told.body["windows"].is_array(), "{}", told.body);
    assert_eq!(told.body["overdue"]["grants"], 0);
}

#[tokio::test]
async fn keys_are_listed_rotated_and_revoked() {
    let office = Office::new().await;
    let token = everything(&office).await;
    let before = office.ask("GET", "/keys", &token, None).await.body;
    let count = |keys: &Value, of: &str| keys[of].as_array().unwrap().len();
    assert_eq!((count(&before, "signing"), count(&before, "sealing")), (1, 1));
    let rotated = office.ask("POST", "/keys/signing/rotate", &token, None).await.body;
    assert_eq!(count(&rotated, "signing"), 2, "{rotated}");
    let rotated = office.ask("POST", "/keys/sealing/rotate", &token, Some(json!({"after_seconds": 0}))).await.body;
    assert_eq!(count(&rotated, "sealing"), 2, "{rotated}");
    // Keys of one moment stand in any order.
    let kid = before["signing"][0]["kid"].as_str().unwrap();
    let revoked = office.ask("POST", &format!("/keys/signing/{kid}/revoke"), &token, None).await;
    let listed = revoked.body["signing"].as_array().unwrap();
    let states = |ours: bool| listed.iter().filter(move |key| (key["kid"] == kid) == ours).map(|key| &key["state"]);
    assert_eq!((revoked.status, states(true).collect()), (StatusCode::OK, vec![&json!("ended")]));
    assert_eq!(states(false).collect::<Vec<_>>(), [&json!("current")]);
    let revoked = office.ask("POST", "/keys/sealing/1/revoke", &token, None).await;
    assert_eq!((revoked.status, &revoked.body["sealing"][0]["state"]), (StatusCode::OK, &json!("ended")));
    assert_eq!(office.ask("GET", "/keys", &token, None).await.status, StatusCode::UNAUTHORIZED, "its seal is gone");
}

#[tokio::test]
async fn a_resource_is_registered_edited_and_removed() {
    let office = Office::new().await;
    let token = everything(&office).await;
    let new = json!({"identifier": "https://api.example/v1", "secret": true, "scope": "read", "token_format": "jwt"});
    let made = office.ask("POST", "/resources", &token, Some(new)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert!(made.body["secret"].as_str().unwrap().starts_with("fm_rs_"));
    let path = "/resources/https%3A%2F%2Fapi.example%2Fv1";
    let change = json!({"enabled": true, "name": "The API", "scope": "read write"});
    let edited = office.edit("PUT", path, &token, &tag(&made), Some(change)).await;
    assert_eq!(
        (edited.status, &edited.body["name"], &edited.body["token_format"]),
        (StatusCode::OK, &json!("The API"), &Value::Null)
    );
    let gone = office.edit("DELETE", path, &token, &tag(&edited), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(office.ask("GET", path, &token, None).await.status, StatusCode::NOT_FOUND);
}
