//! Resources from a file.

use firman_engine::admin::apply::{Action, How};
use firman_engine::admin::apply_resources::{WantedResource, apply};
use firman_engine::admin::{AdminError, resources};
use zeroize::Zeroizing;

use crate::support::{World, at};

const DO: How = How { dry_run: false, prune: false };
const A: &str = "https://a.example";

fn wanted(identifier: &str) -> WantedResource {
    WantedResource { identifier: identifier.to_owned(), settings: resources::Settings::default(), secret: None }
}

async fn run(world: &World, list: Vec<WantedResource>, how: How) -> Vec<(String, Action)> {
    let outcomes = apply(&world.engine, list, how, at(1)).await.unwrap();
    outcomes.into_iter().map(|outcome| (outcome.identifier, outcome.action)).collect()
}

#[tokio::test]
async fn what_a_file_names_is_made_edited_or_left_alone() {
    let world = World::new().await;
    let done = |action| vec![(A.to_owned(), action)];
    let how = How { dry_run: true, ..DO };
    assert_eq!(run(&world, vec![wanted(A)], how).await, done(Action::Created));
    assert!(resources::find(&world.engine, A).await.is_err());
    assert_eq!(run(&world, vec![wanted(A)], DO).await, done(Action::Created));
    assert_eq!(run(&world, vec![wanted(A)], DO).await, done(Action::Unchanged));
    let named = || WantedResource {
        settings: resources::Settings { name: "A".to_owned(), ..Default::default() },
        secret: Some(Zeroizing::new("s".repeat(32))),
        ..wanted(A)
    };
    assert_eq!(run(&world, vec![named()], how).await, done(Action::Updated));
    assert_eq!(run(&world, vec![named()], DO).await, done(Action::Updated));
    assert_eq!(run(&world, vec![named()], DO).await, done(Action::Unchanged));
    let resource = resources::find(&world.engine, A).await.unwrap();
    assert!(resource.name == "A" && resource.has_secret(&"s".repeat(32), at(1)));
    resources::edit(&world.engine, &resource, resources::Settings::of(&resource), false, at(1)).await.unwrap();
    assert_eq!(run(&world, vec![named()], DO).await, done(Action::Updated), "what was disabled is enabled");
    let resource = resources::find(&world.engine, A).await.unwrap();
    assert!(resource.enabled && resource.has_secret(&"s".repeat(32), at(1)));
}

#[tokio::test]
async fn what_a_file_no_longer_names_is_removed_on_request_and_nothing_else_is_touched() {
    let world = World::new().await;
    world.resource("urn:example:by-hand", |_| {}).await;
    run(&world, vec![wanted(A), wanted("https://b.example")], DO).await;
    assert_eq!(run(&world, vec![wanted(A)], DO).await.len(), 1);
    let gone = run(&world, vec![wanted("https://b.example")], How { prune: true, ..DO }).await;
    assert_eq!(gone[1..], [(A.to_owned(), Action::Removed)]);
    assert!(resources::find(&world.engine, A).await.is_err());
    resources::find(&world.engine, "urn:example:by-hand").await.unwrap();
}

#[tokio::test]
async fn everything_is_checked_before_anything_is_done() {
    let world = World::new().await;
    world.resource("urn:example:by-hand", |_| {}).await;
    run(&world, vec![wanted("https://c.example")], DO).await;
    let short = WantedResource { secret: Some(Zeroizing::new("short".to_owned())), ..wanted("https://b.example") };
    for (wrong, text) in [
        (wanted("https://A.example/"), "twice"),
        (wanted("a"), "absolute"),
        (wanted("urn:example:by-hand"), "did not come from a file"),
        (wanted("https://c.example/"), "identifiers stay"),
        (short, "32 bytes"),
    ] {
        let refused = apply(&world.engine, vec![wanted(A), wrong], DO, at(1)).await;
        let Err(AdminError::Refused(denied)) = refused else { panic!("{text}: not refused") };
        assert!(denied.text.contains(text), "{}", denied.text);
        assert!(resources::find(&world.engine, A).await.is_err());
    }
}
