//! Who signs out here signs out at their provider, too (OpenID Connect RP-Initiated Logout).

use std::sync::Arc;

use firman_engine::authorize::Next;
use firman_engine::logout::Left;
use firman_engine::upstream::{self, Departure, There};
use firman_proto::time::Timestamp;
use firman_store::Page;
use firman_store::record::{EventKind, Session};
use serde_json::{Value, json};

use crate::logout::{self, BACK};
use crate::support::{Ask, Away, Idp, Visitor, World, at, parameter, world_of};

const END: &str = "https://idp.example/end?realm=1";

/// Somebody of the provider who is signed in at a client, and the ID tokens of both.
struct Guest {
    world: World,
    away: Away,
    theirs: String,
    ours: String,
}

impl Guest {
    async fn of(idp: &Arc<Idp>, settings: &Value, claims: &Value) -> Self {
        let world = world_of(idp, settings).await;
        let app = logout::app(&world, "app").await;
        let mut away = world.off(&Ask::new(&app, "openid"), at(10)).await;
        let mut all = Idp::claims("alice", &away.nonce(), at(10));
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        idp.vouch(&all);
        let theirs = idp.id_token();
        let Next::Consent(request) = world.welcomed(&mut away, at(10)).await else { panic!("not asked") };
        let Next::Client(url) = world.allow(&away.visitor, &request, at(10)).await.unwrap() else { panic!() };
        let response = world.redeem(&app, &parameter(&url, "code").unwrap(), at(11)).await.unwrap();
        Self { world, away, theirs, ours: response.id_token.unwrap() }
    }

    /// The client signs them out, and wants the browser back.
    async fn leaves(&self, now: Timestamp) -> Left {
        let asked = [("id_token_hint", &*self.ours), ("post_logout_redirect_uri", BACK), ("state", "a state")];
        logout::leave(&self.world, &self.away.visitor, &asked, now).await
    }

    async fn session(&self) -> Session {
        let (store, number) = (self.world.engine.store(), self.world.engine.number());
        let account = store.accounts(number, Page::first(2)).await.unwrap().remove(0);
        store.sessions_of(account.subject().unwrap().key(number), Page::first(2)).await.unwrap().remove(0)
    }

    async fn returns(&self, visitor: &Visitor, state: &str, errand: &str, now: Timestamp) -> Option<String> {
        let browser = visitor.browser();
        upstream::signed_out(&self.world.engine, &browser, (state, Some(errand)), now).await.unwrap()
    }
}

fn departure(left: Left) -> Departure {
    match left.there {
        There::Off(departure) => departure,
        There::Stays(provider) => panic!("still at {provider}"),
        There::Nothing => panic!("nobody is sent anywhere"),
    }
}

fn idp() -> Arc<Idp> {
    let idp = Idp::new();
    idp.set_metadata("end_session_endpoint", END.into());
    idp
}

// OpenID Connect RP-Initiated Logout §2, §3.
#[tokio::test]
async fn the_browser_goes_there_comes_back_and_goes_on_to_the_client() {
    let guest = Guest::of(&idp(), &json!({"logout": true}), &json!({"sid": "s1"})).await;
    let departure = departure(guest.leaves(at(20)).await);
    assert_eq!(guest.world.events(EventKind::SessionEnded).await.len(), 1, "here they are signed out by now");
    assert!(departure.to.starts_with(&format!("{END}&id_token_hint=")), "{}", departure.to);
    for (name, value) in [
        ("id_token_hint", &*guest.theirs),
        ("client_id", "us"),
        ("post_logout_redirect_uri", "https://login.example/logout/upstream"),
        ("state", &departure.state),
    ] {
        assert_eq!(parameter(&departure.to, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(departure.state.len(), 43);
    let (visitor, state, errand) = (&guest.away.visitor, &*departure.state, &*departure.errand);
    let to = format!("{BACK}&state=a%20state");
    assert_eq!(guest.returns(visitor, state, errand, at(619)).await, Some(to.clone()));
    assert_eq!(guest.returns(visitor, state, errand, at(619)).await, Some(to), "reloaded, it is the same");
    // Another browser, another state, or too late: nobody is sent on, and there is nothing to refuse.
    assert_eq!(guest.returns(&Visitor::new(&guest.world), state, errand, at(21)).await, None);
    assert_eq!(guest.returns(visitor, &"A".repeat(43), errand, at(21)).await, None);
    assert_eq!(guest.returns(visitor, state, &errand[1..], at(21)).await, None);
    assert_eq!(guest.returns(visitor, state, errand, at(620)).await, None);
    // The errand of a sign-in is none of a sign-out.
    let Departure { state, errand, .. } = &guest.away.departure;
    assert_eq!(guest.returns(visitor, state, errand, at(21)).await, None);
}

#[tokio::test]
async fn what_says_there_whose_session_it_is_is_kept_sealed_and_only_where_it_is_needed() {
    for (settings, claims, is_kept) in [
        (json!({"logout": true}), json!({}), true),
        (json!({}), json!({}), false),
        // Longer than an address should be.
        (json!({"logout": true}), json!({"roles": "x".repeat(1800)}), false),
    ] {
        let guest = Guest::of(&idp(), &settings, &claims).await;
        let kept = guest.session().await.details.upstream.unwrap().id_token;
        assert_eq!(kept.is_some(), is_kept, "{settings}");
        assert!(kept.is_none_or(|kept| !kept.contains(guest.theirs.split('.').next_back().unwrap())));
        if settings == json!({"logout": true}) {
            let to = departure(guest.leaves(at(20)).await).to;
            assert_eq!(parameter(&to, "id_token_hint").is_some(), is_kept);
            assert_eq!(parameter(&to, "client_id").as_deref(), Some("us"));
        }
    }
}

#[tokio::test]
async fn where_nobody_can_be_signed_out_there_they_are_told_so() {
    for down in [false, true] {
        let idp = if down { idp() } else { Idp::new() };
        let guest = Guest::of(&idp, &json!({"logout": true, "display_name": "The lab"}), &json!({})).await;
        idp.set_down(down);
        let left = guest.leaves(at(20)).await;
        assert!(matches!(&left.there, There::Stays(provider) if provider == "The lab"), "{down}");
        assert!(left.to.is_some_and(|to| to.starts_with(BACK)), "and can go on");
        assert_eq!(guest.world.events(EventKind::SessionEnded).await.len(), 1);
    }
}

#[tokio::test]
async fn who_is_not_to_be_sent_there_is_not() {
    // As settings are now, whatever they were.
    let guest = Guest::of(&idp(), &json!({}), &json!({})).await;
    assert!(matches!(guest.leaves(at(20)).await.there, There::Nothing));
    let world = World::new().await;
    let app = logout::app(&world, "app").await;
    let (visitor, id_token) = logout::signed_in(&world, &app, "somebody", at(10)).await;
    let left = logout::leave(&world, &visitor, &[("id_token_hint", &id_token)], at(20)).await;
    assert!(matches!(left.there, There::Nothing));
}
