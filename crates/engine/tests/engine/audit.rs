//! What the audit trail says of who was refused, where from, and what is exported of it.

use firman_engine::acting::{Origin, coming_from};
use firman_engine::admin::events::{EventFilter, Stretch, search, stretch};
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::{self, LoggedIn, Next, SignIn};
use firman_proto::error::ErrorCode::InvalidClient;
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Event, EventKind};
use firman_store::{Change, Page};
use serde_json::json;

use crate::support::*;

/// Tries a user name with a wrong password.
async fn try_wrong(local: &Local, username: &str, now: Timestamp) {
    let (world, visitor) = (&local.world, Visitor::new(&local.world));
    let app = world.app(&format!("app{}", now.seconds())).await;
    let Next::Login(request) = world.authorize(&visitor, &Ask::new(&app, "openid"), now).await.unwrap() else {
        panic!("no login page")
    };
    let form = SignIn { request: &request, username, password: "a wrong one", cancelled: false };
    let from = Origin { address: "192.0.2.7".parse().ok(), user_agent: Some("a browser".to_owned()) };
    let browser = visitor.browser();
    let done = coming_from(from, Box::pin(authorize::login(&world.engine, &browser, form, now))).await.unwrap();
    assert!(matches!(done, LoggedIn::Wrong));
}

#[tokio::test]
async fn a_refused_sign_in_says_whose_and_where_from_and_never_what_was_typed() {
    let local = Local::new().await;
    let account = local.create("somebody", PASSWORD).await.unwrap();
    try_wrong(&local, "somebody", at(1)).await;
    try_wrong(&local, "hunter2, typed into the wrong field", at(2)).await;
    let events = local.world.events(EventKind::SignInFailed).await;
    let [known, unknown] = &events[..] else { panic!("{events:?}") };
    assert_eq!((known.about, known.subject.clone()), (account.id, Some(account.id.to_string())));
    assert_eq!(known.details["address"], json!("192.0.2.7"));
    assert_eq!(known.details["user_agent"], json!("a browser"));
    assert_eq!(known.details["step"], json!("password"));
    assert_eq!((unknown.about, &unknown.subject), (RecordId::from_bytes([0; 16]), &None));
    assert!(!format!("{events:?}").contains("hunter2") && !format!("{events:?}").contains("wrong one"));
}

#[tokio::test]
async fn a_flood_of_refusals_fills_nothing_and_is_counted() {
    let local = Local::with(|parts| parts.policy.audit.refusals_per_minute = 3).await;
    local.create("somebody", PASSWORD).await.unwrap();
    for second in 0..8 {
        try_wrong(&local, &format!("name {second}"), at(second)).await;
    }
    assert_eq!(local.world.events(EventKind::SignInFailed).await.len(), 3);
    try_wrong(&local, "somebody", at(61)).await;
    let events = local.world.events(EventKind::SignInFailed).await;
    assert_eq!(events.len(), 4);
    let told = |event: &&Event| event.details.get("unwritten") == Some(&json!(5));
    assert_eq!(events.iter().filter(told).count(), 1);
}

#[tokio::test]
async fn whoever_is_not_taken_for_a_client_is_noted_at_the_client() {
    let world = World::new().await;
    let app = world.app("app").await;
    let wrong = with_secret(&app, "not its secret");
    assert_eq!(refused(authenticate(&world.engine, &wrong.credentials, at(1)).await), InvalidClient);
    let mut nobody = wrong.credentials.clone();
    nobody.client_id = "nobody".to_owned();
    assert_eq!(refused(authenticate(&world.engine, &nobody, at(1)).await), InvalidClient);
    let events = world.events(EventKind::ClientRefused).await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.about, event.client), (app.id, Some(app.id)));
    assert_eq!(event.details["why"], json!("wrong secret"));
    assert!(!format!("{event:?}").contains("not its secret"));
}

async fn world_with_events(number: u32) -> (World, Vec<Event>) {
    let world = World::new().await;
    let mut all = Vec::new();
    for n in 0..number {
        let mut random = [7; 10];
        random[6..].copy_from_slice(&n.to_be_bytes());
        let (at, about) = (at(1_000 + i64::from(n)), RecordId::new(at(0), random));
        let kind = if n % 2 == 0 { EventKind::CodeRedeemed } else { EventKind::GrantRevoked };
        let id = RecordId::new(at, random);
        let (client, subject, details) = (None, None, serde_json::Map::new());
        all.push(Event { id, about, kind, at, client, subject, details });
    }
    for event in &all {
        world.commit(Change::Append(Box::new(event.clone()))).await;
    }
    (world, all)
}

#[tokio::test]
async fn an_export_goes_on_where_the_last_one_ended_and_leaves_out_nothing() {
    let (world, all) = world_with_events(1_200).await;
    let filter = EventFilter { since: Some(at(1_000)), ..EventFilter::default() };
    let (mut after, mut exported) = (None, Vec::new());
    // Each export ends at another moment, in the middle of it all.
    for now in [1_100, 1_101, 1_700, 1_700, 9_999] {
        loop {
            let read = stretch(&world.engine, &filter, after, seconds(60), at(now)).await.unwrap();
            assert!(read.events.iter().all(|event| event.at < at(now - 60)));
            exported.extend(read.events);
            after = read.last;
            if !read.more {
                break;
            }
        }
    }
    assert_eq!(exported, all);
    let read = stretch(&world.engine, &filter, after, seconds(60), at(99_999)).await.unwrap();
    assert_eq!(read, Stretch { events: Vec::new(), last: after, more: false });
}

#[tokio::test]
async fn a_time_bounds_what_is_listed_and_exported() {
    let (world, all) = world_with_events(10).await;
    let filter = EventFilter { since: Some(at(1_002)), until: Some(at(1_005)), ..EventFilter::default() };
    let listed = search(&world.engine, &filter, Page::first(99)).await.unwrap();
    assert_eq!(listed.events, all[2..5].iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(listed.next, None);
    let read = stretch(&world.engine, &filter, None, Lifetime::ZERO, at(99_999)).await.unwrap();
    assert_eq!(read.events, all[2..5]);
    let some = EventFilter { kind: Some(EventKind::GrantRevoked), ..filter };
    let read = stretch(&world.engine, &some, None, Lifetime::ZERO, at(99_999)).await.unwrap();
    assert_eq!((read.events, read.last), (vec![all[3].clone()], Some(all[4].id)));
}
