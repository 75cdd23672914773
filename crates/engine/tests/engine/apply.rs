//! Clients from a file.

use firman_engine::admin::apply::{Action, How, Outcome, Wanted, apply};
use firman_engine::admin::{AdminError, clients};
use firman_proto::credentials::AuthMethod;
use firman_proto::time::Timestamp;
use firman_store::record::{ClientPolicy, Origin};
use zeroize::Zeroizing;

use crate::support::{World, at, new_client};

const DO: How = How { dry_run: false, prune: false };
const PRUNE: How = How { prune: true, ..DO };

fn wanted(client_id: &str) -> Wanted {
    let metadata = new_client(client_id, |_| {}).metadata;
    Wanted { client_id: client_id.to_owned(), metadata, policy: ClientPolicy::default(), secret: None }
}

fn actions(outcomes: &[Outcome]) -> Vec<(&str, Action)> {
    outcomes.iter().map(|outcome| (outcome.client_id.as_str(), outcome.action)).collect()
}

async fn run(world: &World, list: Vec<Wanted>, how: How, now: Timestamp) -> Vec<Outcome> {
    apply(&world.engine, list, how, now).await.unwrap()
}

#[tokio::test]
async fn what_a_file_names_is_made_edited_or_left_alone() {
    let world = World::new().await;
    let made = run(&world, vec![wanted("a"), wanted("b")], DO, at(0)).await;
    assert_eq!(actions(&made), [("a", Action::Created), ("b", Action::Created)]);
    let secret = made[0].secret.clone().unwrap();
    let client = clients::find(&world.engine, "a").await.unwrap();
    assert_eq!(client.origin, Origin::Configured);
    assert!(client.has_secret(&secret, at(0)));

    let mut edited = wanted("b");
    edited.policy.skip_consent = true;
    let again = run(&world, vec![wanted("a"), edited], DO, at(1)).await;
    assert_eq!(actions(&again), [("a", Action::Unchanged), ("b", Action::Updated)]);
    assert!(again.iter().all(|outcome| outcome.secret.is_none()));
    let client = clients::find(&world.engine, "b").await.unwrap();
    assert!(client.policy.skip_consent && client.has_secret(made[1].secret.as_ref().unwrap(), at(1)));
}

#[tokio::test]
async fn a_secret_of_the_file_replaces_the_one_before_and_is_not_shown() {
    let world = World::new().await;
    let with = |secret: &str| Wanted { secret: Some(Zeroizing::new(secret.repeat(40))), ..wanted("a") };
    for (secret, action) in [("x", Action::Created), ("x", Action::Unchanged), ("y", Action::Updated)] {
        let outcomes = run(&world, vec![with(secret)], DO, at(0)).await;
        assert_eq!(actions(&outcomes), [("a", action)]);
        assert!(outcomes[0].secret.is_none());
    }
    let client = clients::find(&world.engine, "a").await.unwrap();
    assert!(client.has_secret(&"y".repeat(40), at(0)) && !client.has_secret(&"x".repeat(40), at(0)));
}

#[tokio::test]
async fn only_what_came_from_a_file_is_pruned() {
    let world = World::new().await;
    world.app("by hand").await;
    run(&world, vec![wanted("a"), wanted("b")], DO, at(0)).await;
    let kept = run(&world, vec![wanted("a")], DO, at(1)).await;
    assert_eq!(actions(&kept), [("a", Action::Unchanged)]);
    let pruned = run(&world, vec![wanted("a")], PRUNE, at(2)).await;
    assert_eq!(actions(&pruned), [("a", Action::Unchanged), ("b", Action::Removed)]);
    assert!(clients::find(&world.engine, "b").await.is_err());
    clients::find(&world.engine, "by hand").await.unwrap();
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_does_nothing() {
    let world = World::new().await;
    run(&world, vec![wanted("a"), wanted("b")], DO, at(0)).await;
    let mut edited = wanted("a");
    edited.metadata.client_name = "Another".to_owned();
    let dry = How { dry_run: true, prune: true };
    let said = run(&world, vec![edited, wanted("c")], dry, at(1)).await;
    assert_eq!(actions(&said), [("a", Action::Updated), ("c", Action::Created), ("b", Action::Removed)]);
    assert_eq!(clients::find(&world.engine, "a").await.unwrap().metadata.client_name, "a");
    clients::find(&world.engine, "b").await.unwrap();
    assert!(clients::find(&world.engine, "c").await.is_err());
}

#[tokio::test]
async fn a_file_with_something_wrong_changes_nothing() {
    let world = World::new().await;
    world.app("by hand").await;
    let mut keyless = wanted("c");
    keyless.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    let guessable = Wanted { secret: Some(Zeroizing::new("short".to_owned())), ..wanted("c") };
    for bad in [wanted("by hand"), wanted("a"), keyless, guessable] {
        let answer = apply(&world.engine, vec![wanted("a"), bad], DO, at(0)).await;
        assert!(matches!(answer, Err(AdminError::Refused(_))));
        assert!(clients::find(&world.engine, "a").await.is_err());
    }
}
