//! Subjects that each sector knows by another name (OpenID Connect Core §8).

use std::sync::Arc;

use firman_engine::admin::AdminError;
use firman_engine::admin::clients::{self, NewClient};
use firman_engine::authorize::Next;
use firman_proto::id_token::IdToken;
use firman_proto::jws;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::token::TokenResponse;
use serde_json::json;

use crate::support::{App, Ask, CALLBACK, Library, People, World, at, new_client, parameter};

const SECTOR: &str = "https://sector.example/uris.json";

/// A client of a sector, by the host of its redirect URI.
async fn app(world: &World, client_id: &str, host: &str) -> App {
    world.app_with(client_id, |new| of_host(new, host)).await
}

fn of_host(new: &mut NewClient, host: &str) {
    new.metadata.subject_type = Some("pairwise".to_owned());
    new.metadata.redirect_uris = vec![RedirectUri::parse(&format!("https://{host}/callback")).unwrap()];
}

async fn tokens(world: &World, app: &App, host: &str) -> TokenResponse {
    let uri = format!("https://{host}/callback");
    let ask = Ask::new(app, "openid offline_access read").with("redirect_uri", &*uri);
    let mut visitor = crate::support::Visitor::new(world);
    let Ok(Next::Login(request)) = world.authorize(&visitor, &ask, at(0)).await else { panic!("no login") };
    let next = match world.sign_in(&mut visitor, &request, "somebody", at(0)).await.unwrap() {
        Next::Consent(request) => world.allow(&visitor, &request, at(0)).await.unwrap(),
        remembered => remembered,
    };
    let Next::Client(url) = next else { panic!("no code") };
    let code = parameter(&url, "code").unwrap();
    let request = crate::support::redemption_with(&code, Some(&uri), Some(crate::support::VERIFIER));
    world.token(app, request, at(0)).await.unwrap()
}

fn id_token(world: &World, response: &TokenResponse) -> IdToken {
    jws::verify_id_token(response.id_token.as_ref().unwrap(), world.engine.keys().current().published()).unwrap()
}

// OpenID Connect Core §8, §8.1, §5.3.2.
#[tokio::test]
async fn a_sector_knows_somebody_by_one_name_wherever_it_asks_and_nobody_else_knows_that() {
    let world = World::new().await;
    let one = app(&world, "one", "a.example").await;
    let two = app(&world, "two", "a.example").await;
    let other = app(&world, "other", "b.example").await;
    let local = People::subject("somebody").to_string();
    let mut names = Vec::new();
    for (app, host) in [(&one, "a.example"), (&two, "a.example"), (&other, "b.example")] {
        let response = tokens(&world, app, host).await;
        let claims = id_token(&world, &response);
        let userinfo =
            firman_engine::userinfo::userinfo(&world.engine, &response.access_token, "GET", None, at(1)).await;
        assert_eq!(userinfo.unwrap()["sub"], claims.sub);
        let told = world.introspect(app, &response.access_token, at(1)).await;
        assert_eq!(told["sub"], claims.sub);
        let refresh = response.refresh_token.clone().unwrap();
        let told_of_refresh = world.introspect(app, &refresh, at(1)).await;
        assert_eq!(told_of_refresh["sub"], claims.sub);
        let again = world.refresh(app, &refresh, at(1)).await.unwrap();
        assert_eq!(id_token(&world, &again).sub, claims.sub);
        for shown in [told.to_string(), told_of_refresh.to_string(), serde_json::to_string(&claims).unwrap()] {
            assert!(!shown.contains(&local), "{shown}");
        }
        // The session would tell what the subject keeps back.
        let session = world.grant(app).await.record.session.unwrap().to_string();
        assert_ne!(claims.sid.as_deref(), Some(&*session));
        names.push(claims.sub);
    }
    assert_eq!(names[0], names[1]);
    assert_ne!(names[0], names[2]);
    // On another node, too.
    let neighbour = world.neighbour(at(1)).await;
    let response = tokens(&neighbour, &one, "a.example").await;
    assert_eq!(id_token(&neighbour, &response).sub, names[0]);
}

// OpenID Connect Core §8.1, RFC 9068 §2.2.
#[tokio::test]
async fn a_jwt_access_token_and_a_hint_have_the_name_of_the_sector() {
    let world = World::new().await;
    let app = world
        .app_with("app", |new| {
            new.metadata.subject_type = Some("pairwise".to_owned());
            new.policy.access_token_format = Some(firman_store::record::TokenFormat::Jwt);
        })
        .await;
    let (visitor, url) = world.walk(&Ask::new(&app, "openid"), "somebody", at(0)).await;
    let response = world.redeem(&app, &parameter(&url, "code").unwrap(), at(0)).await.unwrap();
    let published = world.engine.keys().current();
    let claims: serde_json::Value = jws::verify(&response.access_token, published.published()).unwrap();
    assert_eq!(claims["sub"], id_token(&world, &response).sub);
    let hint = response.id_token.unwrap();
    let ask = Ask::new(&app, "openid").with("prompt", "none").with("id_token_hint", hint);
    let Ok(Next::Client(url)) = world.authorize(&visitor, &ask, at(1)).await else { panic!("not sent back") };
    assert!(parameter(&url, "code").is_some(), "{url}");
}

async fn register(world: &World, edit: impl FnOnce(&mut NewClient)) -> Result<(), String> {
    match clients::create(&world.engine, new_client("app", edit), at(0)).await {
        Ok(_) => Ok(()),
        Err(AdminError::Refused(denied)) => Err(denied.text.into_owned()),
        Err(other) => panic!("{other}"),
    }
}

// OpenID Connect Registration §5, OpenID Connect Core §8.1.
#[tokio::test]
async fn every_redirect_uri_is_in_the_list_of_the_sector() {
    let library = Arc::new(Library::default());
    let world = World::with(|parts| parts.fetch = Arc::clone(&library) as _).await;
    let of_sector = |new: &mut NewClient| {
        of_host(new, "a.example");
        new.metadata.redirect_uris.push(RedirectUri::parse(CALLBACK).unwrap());
    };
    let refused = register(&world, of_sector).await.unwrap_err();
    assert!(refused.starts_with("sector_identifier_uri: missing"), "{refused}");
    let named = |new: &mut NewClient| {
        of_sector(new);
        new.metadata.sector_identifier_uri = Some(SECTOR.to_owned());
    };
    for (body, media_type) in [
        (None, ""),
        (Some(json!(["https://a.example/callback"])), "application/json"),
        (Some(json!({"redirect_uris": ["https://a.example/callback", CALLBACK]})), "application/json"),
        (Some(json!(["https://a.example/callback", CALLBACK])), "text/html"),
    ] {
        let library = Arc::new(Library::default());
        let world = World::with(|parts| parts.fetch = Arc::clone(&library) as _).await;
        if let Some(body) = &body {
            library.put(SECTOR, media_type, body);
        }
        let refused = register(&world, named).await.unwrap_err();
        assert!(refused.starts_with("sector_identifier_uri: "), "{body:?}: {refused}");
    }
    library.put(SECTOR, "application/json", &json!(["https://a.example/callback", CALLBACK, "https://c.example/"]));
    register(&world, named).await.unwrap();
    let plain = |new: &mut NewClient| {
        named(new);
        new.metadata.sector_identifier_uri = Some("http://sector.example/uris.json".to_owned());
    };
    assert!(register(&world, plain).await.is_err());
}
