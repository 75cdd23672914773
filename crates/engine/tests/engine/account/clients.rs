use firman_engine::account::Owners;
use firman_engine::account::clients::{self, Wanted};
use firman_proto::client::GrantType;
use firman_proto::error::ErrorCode::{AccessDenied, InvalidRequest, InvalidScope};
use firman_store::record::EventKind;

use super::{person, somebody, visitor};
use crate::support::{CALLBACK, World, at, refused, scope};

async fn world() -> World {
    World::with(|parts| {
        parts.policy.account.client_owners = Owners::Everybody;
        parts.policy.registration.scope = scope("openid profile");
        parts.policy.registration.grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    })
    .await
}

fn wanted(name: &str) -> Wanted {
    Wanted {
        name: name.to_owned(),
        confidential: true,
        redirect_uris: vec![CALLBACK.to_owned()],
        client_uri: None,
        scope: scope("openid profile"),
    }
}

#[tokio::test]
async fn clients_of_ones_own_are_for_those_who_may() {
    let world = World::new().await;
    let nobody = somebody(&world).await;
    assert!(!nobody.may_own());
    assert_eq!(refused(clients::list(&world.engine, &nobody, None).await), AccessDenied);
    let fresh = nobody.fresh(&world.engine, at(0)).unwrap();
    assert_eq!(refused(clients::create(&world.engine, fresh, &wanted("x"), at(0)).await), AccessDenied);
    let named = Owners::Named(vec!["somebody".to_owned()]);
    assert!(named.include("somebody") && !named.include("another") && !named.include("Somebody"));
}

#[tokio::test]
async fn an_owner_makes_edits_and_deletes_a_client() {
    let world = world().await;
    let owner = somebody(&world).await;
    let fresh = owner.fresh(&world.engine, at(0)).unwrap();
    let (client, secret) = clients::create(&world.engine, fresh, &wanted("Ledger"), at(0)).await.unwrap();
    assert!(client.has_secret(&secret.unwrap(), at(1)));
    assert_eq!(client.owner.as_deref(), Some(owner.subject().as_str()));
    let edited = Wanted { scope: scope("openid"), ..wanted("Books") };
    let client = clients::edit(&world.engine, fresh, &client.client_id, &edited, at(1)).await.unwrap();
    assert_eq!((client.metadata.client_name.as_str(), &client.metadata.scope), ("Books", &scope("openid")));
    let (client, secret) = clients::rotate_secret(&world.engine, fresh, &client.client_id, at(2)).await.unwrap();
    assert!(client.has_secret(&secret, at(3)) && client.secrets.len() == 2, "the old one works for a day more");
    assert_eq!(clients::list(&world.engine, &owner, None).await.unwrap().items.len(), 1);
    clients::delete(&world.engine, fresh, &client.client_id, at(4)).await.unwrap();
    assert!(clients::list(&world.engine, &owner, None).await.unwrap().items.is_empty());
    assert_eq!(world.events(EventKind::ClientDeleted).await.len(), 1);
}

#[tokio::test]
async fn nobody_touches_anothers_client_or_an_operators() {
    let world = world().await;
    let owner = somebody(&world).await;
    let fresh = owner.fresh(&world.engine, at(0)).unwrap();
    let (client, _) = clients::create(&world.engine, fresh, &wanted("Ledger"), at(0)).await.unwrap();
    world.app("operators").await;
    let other = visitor(&world, "another", at(0)).await;
    let other = person(&world, &other, at(0)).await.unwrap();
    let thief = other.fresh(&world.engine, at(0)).unwrap();
    for client_id in [client.client_id.as_str(), "operators", "nothing", ""] {
        assert_eq!(refused(clients::find(&world.engine, &other, client_id).await), InvalidRequest);
        assert_eq!(refused(clients::delete(&world.engine, thief, client_id, at(1)).await), InvalidRequest);
        assert_eq!(refused(clients::rotate_secret(&world.engine, thief, client_id, at(1)).await), InvalidRequest);
        let edit = clients::edit(&world.engine, thief, client_id, &wanted("Mine"), at(1)).await;
        assert_eq!(refused(edit), InvalidRequest);
        assert_eq!(refused(clients::grants(&world.engine, &other, client_id, None, at(1)).await), InvalidRequest);
    }
}

#[tokio::test]
async fn what_would_not_be_kept_to_is_refused() {
    let world = world().await;
    let owner = somebody(&world).await;
    let fresh = owner.fresh(&world.engine, at(0)).unwrap();
    let refused = async |wanted: Wanted| refused(clients::create(&world.engine, fresh, &wanted, at(0)).await);
    assert_eq!(refused(wanted("")).await, InvalidRequest);
    assert_eq!(refused(Wanted { redirect_uris: vec![], ..wanted("x") }).await, InvalidRequest);
    assert_eq!(refused(Wanted { redirect_uris: vec!["javascript:1".to_owned()], ..wanted("x") }).await, InvalidRequest);
    assert_eq!(refused(Wanted { client_uri: Some("javascript:1".to_owned()), ..wanted("x") }).await, InvalidRequest);
    assert_eq!(refused(Wanted { scope: scope("admin"), ..wanted("x") }).await, InvalidScope);
    for number in 0..20 {
        clients::create(&world.engine, fresh, &wanted(&number.to_string()), at(0)).await.unwrap();
    }
    assert_eq!(refused(wanted("one too many")).await, AccessDenied);
}

#[tokio::test]
async fn an_owner_sees_what_people_allowed_and_not_who() {
    let world = world().await;
    let owner = somebody(&world).await;
    let app = world.app_with("owned", |new| new.owner = Some(owner.subject().to_string())).await;
    world.tokens(&app, "openid read", at(1)).await;
    let held = clients::grants(&world.engine, &owner, "owned", None, at(2)).await.unwrap().items;
    assert_eq!((held.len(), &held[0].scope, held[0].since), (1, &scope("openid read"), at(1)));
}
