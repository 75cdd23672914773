//! Scopes that only people of certain groups of a provider can allow.

use firman_engine::authorize::{Interaction, Next};
use serde_json::json;

use crate::support::{Ask, Idp, World, at, parameter, world_of};

async fn world(idp: &std::sync::Arc<Idp>) -> World {
    world_of(idp, &json!({"groups": "roles", "scopes": {"write": ["staff"]}})).await
}

// RFC 6749 §3.3.
#[tokio::test]
async fn a_person_is_asked_for_what_they_can_allow() {
    let (idp, now) = (Idp::new(), at(0));
    let world = world(&idp).await;
    let app = world.app("app").await;
    for (roles, expected) in [(json!(["guests"]), "openid read"), (json!(["staff"]), "openid read write")] {
        let mut away = world.off(&Ask::new(&app, "openid read write").with("prompt", "consent"), now).await;
        let mut claims = Idp::claims("alice", &away.nonce(), now);
        claims["roles"] = roles;
        idp.vouch(&claims);
        let Next::Consent(request) = world.welcomed(&mut away, now).await else { panic!("not asked") };
        let view = Interaction::view(&world.engine, &away.visitor.browser(), &request, now).await.unwrap();
        assert_eq!(view.interaction.request.scope.as_str(), expected);
        let Next::Client(url) = world.allow(&away.visitor, &request, now).await.unwrap() else {
            panic!("not sent back")
        };
        let tokens = world.redeem(&app, &parameter(&url, "code").unwrap(), now).await.unwrap();
        assert_eq!(tokens.scope.as_str(), expected);
    }
}

// RFC 6749 §4.1.2.1 access_denied.
#[tokio::test]
async fn who_can_allow_nothing_of_it_is_not_asked() {
    let (idp, now) = (Idp::new(), at(0));
    let world = world(&idp).await;
    let app = world.app("app").await;
    let mut away = world.off(&Ask::new(&app, "write"), now).await;
    idp.vouch(&Idp::claims("alice", &away.nonce(), now));
    let Next::Client(url) = world.welcomed(&mut away, now).await else { panic!("not sent back") };
    assert_eq!(parameter(&url, "error").as_deref(), Some("access_denied"));
}
