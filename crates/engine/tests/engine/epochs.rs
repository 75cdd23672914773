//! Ending everything at once: of a subject, of a client, or at all.

use firman_engine::admin::grants::sign_out_everywhere;
use firman_engine::authorize::Next;
use firman_proto::error::ErrorCode::{InvalidClient, InvalidGrant};
use firman_store::record::EpochKey;

use crate::support::{App, Ask, People, Visitor, World, at, refresh_token, refused};

/// What somebody has at a client.
struct Holding {
    app: App,
    username: &'static str,
    visitor: Visitor,
    access: String,
    refresh: String,
}

impl Holding {
    async fn new(world: &World, app: &App, username: &'static str) -> Self {
        let (visitor, url) = world.walk(&Ask::new(app, "read"), username, at(0)).await;
        let code = crate::support::parameter(&url, "code").unwrap();
        let tokens = world.redeem(app, &code, at(0)).await.unwrap();
        let (access, refresh) = (tokens.access_token.clone(), refresh_token(&tokens));
        Self { app: app.clone(), username, visitor, access, refresh }
    }

    /// Whether its tokens live, which is all or none of them.
    async fn lives(&self, world: &World) -> bool {
        let access = world.is_active(&self.app, &self.access, at(2)).await;
        assert_eq!(world.is_active(&self.app, &self.refresh, at(2)).await, access);
        if !access {
            assert_eq!(refused(world.refresh(&self.app, &self.refresh, at(2)).await), InvalidGrant);
        }
        access
    }

    async fn is_signed_in(&self, world: &World) -> bool {
        let ask = Ask::new(&self.app, "read");
        match world.authorize(&self.visitor, &ask, at(2)).await.unwrap() {
            Next::Client(_) => true,
            Next::Login(_) => false,
            _ => panic!("consent is remembered"),
        }
    }
}

async fn world() -> (World, [Holding; 4]) {
    let world = World::new().await;
    let (one, two) = (world.app("one").await, world.app("two").await);
    let holdings = [
        Holding::new(&world, &one, "somebody").await,
        Holding::new(&world, &one, "another").await,
        Holding::new(&world, &two, "somebody").await,
        Holding::new(&world, &two, "another").await,
    ];
    (world, holdings)
}

async fn living(world: &World, holdings: &[Holding; 4]) -> [bool; 4] {
    let mut living = [false; 4];
    for (lives, holding) in living.iter_mut().zip(holdings) {
        *lives = holding.lives(world).await;
    }
    living
}

async fn signed_in(world: &World, holdings: &[Holding; 4]) -> [bool; 4] {
    let mut signed_in = [false; 4];
    for (is, holding) in signed_in.iter_mut().zip(holdings) {
        *is = holding.is_signed_in(world).await;
    }
    signed_in
}

/// A grant made afterwards is good.
async fn life_goes_on(world: &World, holdings: &[Holding; 4]) {
    for holding in holdings {
        let again = Holding::new(world, &holding.app, holding.username).await;
        assert!(again.lives(world).await && again.is_signed_in(world).await);
    }
}

#[tokio::test]
async fn a_subjects_epoch_ends_their_tokens_and_sessions_and_nobody_elses() {
    let (world, holdings) = world().await;
    let epoch = EpochKey::subject(world.engine.number(), &People::subject("somebody"));
    sign_out_everywhere(&world.engine, epoch, at(1)).await.unwrap();
    assert_eq!(living(&world, &holdings).await, [false, true, false, true]);
    assert_eq!(signed_in(&world, &holdings).await, [false, true, false, true]);
    life_goes_on(&world, &holdings).await;
}

#[tokio::test]
async fn a_clients_epoch_ends_its_tokens_and_signs_nobody_out() {
    let (world, holdings) = world().await;
    sign_out_everywhere(&world.engine, EpochKey::Client(holdings[0].app.id), at(1)).await.unwrap();
    assert_eq!(living(&world, &holdings).await, [false, false, true, true]);
    assert_eq!(signed_in(&world, &holdings).await, [true; 4]);
    life_goes_on(&world, &holdings).await;
}

#[tokio::test]
async fn the_epoch_of_everything_ends_everything() {
    let (world, holdings) = world().await;
    let own = world.client_credentials(&holdings[0].app, None, at(0)).await.unwrap().access_token;
    sign_out_everywhere(&world.engine, EpochKey::Everything, at(1)).await.unwrap();
    assert_eq!(living(&world, &holdings).await, [false; 4]);
    assert_eq!(signed_in(&world, &holdings).await, [false; 4]);
    assert!(!world.is_active(&holdings[0].app, &own, at(2)).await);
    life_goes_on(&world, &holdings).await;
}

#[tokio::test]
async fn a_lost_acknowledgement_does_not_lose_an_epoch() {
    let (world, holdings) = world().await;
    world.store.lose_acknowledgements(1);
    sign_out_everywhere(&world.engine, EpochKey::Everything, at(1)).await.unwrap();
    assert_eq!(living(&world, &holdings).await, [false; 4]);
    life_goes_on(&world, &holdings).await;
}

#[tokio::test]
async fn a_disabled_client_can_do_nothing_and_nothing_of_it_is_good() {
    let (world, holdings) = world().await;
    let [disabled, _, other, _] = &holdings;
    let resource = world.app_with("resource", |new| new.policy.introspect_any = true).await;
    let code = world.code(&disabled.app, "read", at(0)).await;
    world.edit_client(&disabled.app, |client| client.enabled = false).await;
    for token in [&disabled.access, &disabled.refresh] {
        assert!(!world.is_active(&resource, token, at(1)).await);
    }
    assert!(world.is_active(&resource, &other.access, at(1)).await);
    assert_eq!(refused(world.refresh(&disabled.app, &disabled.refresh, at(1)).await), InvalidClient);
    assert_eq!(refused(world.redeem(&disabled.app, &code, at(1)).await), InvalidClient);
    assert_eq!(refused(world.client_credentials(&disabled.app, None, at(1)).await), InvalidClient);
    let asked = world.authorize(&disabled.visitor, &Ask::new(&disabled.app, "read"), at(1)).await;
    refused(asked);

    world.edit_client(&disabled.app, |client| client.enabled = true).await;
    assert!(world.is_active(&resource, &disabled.access, at(1)).await);
    world.refresh(&disabled.app, &disabled.refresh, at(1)).await.unwrap();
}
