//! The resource owner password credentials grant (RFC 6749 §4.3).

use firman_engine::Failure;
use firman_engine::admin::clients;
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::{
    InvalidClient, InvalidGrant, InvalidScope, TemporarilyUnavailable, UnauthorizedClient, UnsupportedGrantType,
};
use firman_proto::form::Form;
use firman_proto::time::Timestamp;
use firman_proto::token::{TokenRequest, TokenResponse};
use firman_store::Change;
use firman_store::record::{EpochKey, GrantKind};

use crate::support::{App, PASSWORD, People, World, at, new_client, refresh_token, refused, with_secret};

async fn world() -> (World, App) {
    let world = World::with(|parts| parts.policy.password_grant = true).await;
    let app = world.app_with("old", |new| new.metadata.grant_types.push(GrantType::Password)).await;
    (world, app)
}

async fn ask(world: &World, app: &App, rest: &str, now: Timestamp) -> Result<TokenResponse, Failure> {
    let body = format!("grant_type=password&{rest}");
    let form = Form::parse(body.as_bytes()).unwrap();
    world.token(app, TokenRequest::parse(&form).unwrap(), now).await
}

fn right() -> String {
    format!("username=somebody&password={}", PASSWORD.replace(' ', "+"))
}

// RFC 6749 §4.3.
#[tokio::test]
async fn a_right_password_gets_tokens_of_its_person() {
    let (world, app) = world().await;
    let tokens = ask(&world, &app, &format!("{}&scope=openid+read+offline_access", right()), at(0)).await.unwrap();
    assert!(tokens.id_token.is_some());
    world.refresh(&app, &refresh_token(&tokens), at(1)).await.unwrap();
    let shown = world.introspect(&app, &tokens.access_token, at(2)).await;
    assert_eq!(shown["sub"], People::subject("somebody").as_str());
    let grant = world.grant(&app).await.record;
    assert_eq!((grant.kind, grant.auth.auth_time, grant.session), (GrantKind::Password, Some(at(0)), None));
    let other = ask(&world, &app, &right(), at(3)).await.unwrap();
    assert_eq!((other.scope.contains("offline_access"), other.refresh_token), (false, None));
}

// RFC 9700 §2.4.
#[tokio::test]
async fn it_is_off_unless_server_and_client_say_otherwise() {
    let world = World::new().await;
    let app = world.app("app").await;
    assert_eq!(refused(ask(&world, &app, &right(), at(0)).await), UnsupportedGrantType);
    let new = new_client("old", |new| new.metadata.grant_types.push(GrantType::Password));
    let refused_client = clients::create(&world.engine, new, at(0)).await.unwrap_err();
    assert!(refused_client.to_string().contains("grant_types:"), "{refused_client}");
    let metadata = firman_engine::discovery::metadata(&world.engine, at(0));
    assert!(!metadata.grant_types_supported.contains(&"password"));
    let (world, _) = self::world().await;
    let app = world.app("app").await;
    assert_eq!(refused(ask(&world, &app, &right(), at(0)).await), UnauthorizedClient);
    let metadata = firman_engine::discovery::metadata(&world.engine, at(0));
    assert!(metadata.grant_types_supported.contains(&"password"));
}

#[tokio::test]
async fn nothing_tells_a_wrong_password_from_somebody_who_is_not_there() {
    let (world, app) = world().await;
    world.people.leave("gone");
    let mut texts = Vec::new();
    for rest in
        ["username=somebody&password=wrong", "username=nobody&password=wrong", &right().replace("somebody", "gone")]
    {
        let Err(Failure::Denied(denied)) = ask(&world, &app, rest, at(0)).await else { panic!("{rest}") };
        assert_eq!(denied.code, InvalidGrant);
        texts.push(denied.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
}

// RFC 6749 §4.3.2.
#[tokio::test]
async fn so_many_passwords_are_tried_at_one_name_and_no_more() {
    let (world, app) = world().await;
    for name in ["somebody", "nobody"] {
        let wrong = format!("username={name}&password=wrong");
        for _ in 0..10 {
            assert_eq!(refused(ask(&world, &app, &wrong, at(0)).await), InvalidGrant);
        }
        assert_eq!(refused(ask(&world, &app, &wrong, at(1)).await), TemporarilyUnavailable);
    }
    assert_eq!(refused(ask(&world, &app, &right().replace("some", "SOME"), at(2)).await), TemporarilyUnavailable);
    for _ in 0..20 {
        ask(&world, &app, &right().replace("somebody", "another"), at(3)).await.unwrap();
    }
    ask(&world, &app, &right(), at(60)).await.unwrap();
}

#[tokio::test]
async fn the_client_and_the_scope_are_looked_at_before_the_password() {
    let (world, app) = world().await;
    for password in [right(), "username=somebody&password=wrong".to_owned()] {
        let admin = format!("{password}&scope=admin");
        assert_eq!(refused(ask(&world, &app, &admin, at(0)).await), InvalidScope);
        assert_eq!(refused(ask(&world, &with_secret(&app, "wrong"), &password, at(0)).await), InvalidClient);
    }
}

#[tokio::test]
async fn signing_out_everywhere_ends_what_a_password_got() {
    let (world, app) = world().await;
    let tokens = ask(&world, &app, &right(), at(0)).await.unwrap();
    world.commit(Change::AdvanceEpoch(EpochKey::subject(world.engine.number(), &People::subject("somebody")))).await;
    assert!(!world.is_active(&app, &tokens.access_token, at(1)).await);
}
