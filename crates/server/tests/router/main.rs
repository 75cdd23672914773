//! Every endpoint through the router in this process: with every call it makes to the store broken in every way, with damaged
//! requests, and against what the discovery document says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod account;
mod admin;
mod authentication;
#[path = "../../../engine/tests/engine/support/authenticator.rs"]
#[allow(dead_code, reason = "shared with the engine's tests, which use the rest")]
mod authenticator;
mod certification;
mod endpoints;
mod languages;
mod logout;
mod looks;
mod mail;
#[path = "../end_to_end/support/mailbox.rs"]
#[allow(dead_code, reason = "shared with the tests of the built binary, which use the rest")]
mod mailbox;
mod metadata;
#[path = "../../../proto/tests/noise/mutator.rs"]
#[allow(dead_code, reason = "shared with the readers' tests, which use the rest")]
mod mutator;
mod noise;
mod outbox;
mod passkeys;
mod people;
mod published;
mod sign_up;
mod signer;
mod smtp;
mod upstream;
mod webhooks;
mod world;

use std::collections::BTreeMap;

use axum::http::StatusCode;
use firman_engine::registration::Mode;
use firman_store::{CAUSE, Fault};

use endpoints::{ENDPOINTS, Endpoint};
use world::{Reply, World};

/// How a sign-in shows in the trail.
const SIGNED_IN: &str = "event SignedIn";

/// How those who were refused do.
const REFUSED: [&str; 2] = ["event SignInFailed", "event ClientRefused"];

/// The endpoint at which a registration ends.
const ENDED: &str = "end a registration";

/// One call is broken, or every call from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breaks {
    One(Fault),
    AllFrom(Fault),
}

const EVERY_WAY: [Breaks; 7] = [
    Breaks::One(Fault::Refused { temporary: true }),
    Breaks::One(Fault::Refused { temporary: false }),
    Breaks::One(Fault::LostBefore),
    Breaks::One(Fault::LostAfter),
    Breaks::One(Fault::Delayed),
    Breaks::AllFrom(Fault::Refused { temporary: true }),
    Breaks::AllFrom(Fault::LostBefore),
];

/// What a request does when nothing is broken.
struct Undisturbed {
    calls: u64,
    status: StatusCode,
    left: BTreeMap<String, u64>,
}

/// A server where anybody registers.
async fn world() -> World {
    World::with(|parts, _| parts.policy.registration.mode = Mode::Open).await
}

async fn undisturbed(endpoint: &Endpoint) -> Undisturbed {
    let world = world().await;
    let request = (endpoint.prepare)(&world).await;
    world.store.work();
    let reply = world.send(&request).await;
    let calls = world.store.calls();
    assert!((endpoint.good)(&reply), "{}: {} {}", endpoint.name, reply.status, reply.body);
    Undisturbed { calls, status: reply.status, left: world.left().await }
}

/// Breaks one call of a request, and gives the answer and what a second, undisturbed one gets.
async fn disturbed(endpoint: &Endpoint, at: u64, breaks: Breaks) -> (World, Reply, Option<Reply>) {
    let world = world().await;
    let request = (endpoint.prepare)(&world).await;
    world.store.play(move |call| match breaks {
        Breaks::One(fault) => (call.number == at).then_some(fault),
        Breaks::AllFrom(fault) => (call.number >= at).then_some(fault),
    });
    let reply = world.send(&request).await;
    world.store.work();
    let again = if (endpoint.good)(&reply) { None } else { Some(world.send(&request).await) };
    (world, reply, again)
}

#[tokio::test]
async fn every_endpoint_survives_every_fault_of_every_call() {
    let mut broken = 0;
    for endpoint in ENDPOINTS {
        let undisturbed = undisturbed(endpoint).await;
        assert!(undisturbed.calls > 0, "{} asks the store", endpoint.name);
        for at in 0..undisturbed.calls {
            for breaks in EVERY_WAY {
                let (world, reply, again) = disturbed(endpoint, at, breaks).await;
                let case = format!("{} call {at} {breaks:?}: {} {}", endpoint.name, reply.status, reply.body);
                must_be_silent(&world, &reply, &case);
                broken += u64::from(again.is_some());
                let twice = again.is_some();
                if let Some(again) = again {
                    must_be_a_fault(&reply, breaks, &case);
                    // RFC 7592 §2.3: whoever ended a registration and did not hear of it learns that it is not there.
                    let gone = endpoint.name == ENDED && again.status == StatusCode::UNAUTHORIZED;
                    let good = (endpoint.good)(&again) && again.status == undisturbed.status;
                    assert!(gone || good, "{case}; then {} {}", again.status, again.body);
                }
                let mut left = world.left().await;
                if twice {
                    // Somebody was signed in and did not hear of it: they sign in again, and both are in the trail. Nobody
                    // has a cookie of the first session.
                    left.insert(SIGNED_IN.to_owned(), undisturbed.left.get(SIGNED_IN).copied().unwrap_or_default());
                    left.retain(|_, count| *count > 0);
                }
                // Whoever is refused is refused whether or not the trail can say so.
                let told = |mut left: BTreeMap<String, u64>| {
                    left.retain(|what, _| !REFUSED.contains(&what.as_str()));
                    left
                };
                let (left, expected) = (told(left), told(undisturbed.left.clone()));
                assert_eq!(left, expected, "{case}: nothing is half written or written twice");
            }
        }
    }
    assert!(broken > 100, "faults reached the answers: {broken}");
}

/// 503 with Retry-After where trying again may help, 500 where it will not.
fn must_be_a_fault(reply: &Reply, breaks: Breaks, case: &str) {
    let lasting = breaks == Breaks::One(Fault::Refused { temporary: false });
    let expected = if lasting { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::SERVICE_UNAVAILABLE };
    let ready = reply.path == "/health/ready";
    assert_eq!(reply.status, if ready { StatusCode::SERVICE_UNAVAILABLE } else { expected }, "{case}");
    assert_eq!(reply.headers.contains_key("retry-after"), !lasting || ready, "{case}");
    if reply.headers["content-type"] == "application/json" {
        let error = serde_json::from_str::<serde_json::Value>(&reply.body).unwrap()["error"].clone();
        assert_eq!(error, if lasting { "server_error" } else { "temporarily_unavailable" }, "{case}");
    }
    assert!(!reply.headers.contains_key("location"), "{case}: nobody is sent on");
}

/// Neither what the store said nor anything that was sent shows in the answer to a request that failed.
fn must_be_silent(world: &World, reply: &Reply, case: &str) {
    let shown = format!("{:?} {}", reply.headers, reply.body);
    assert!(!shown.contains(CAUSE) && !shown.contains("db-7.internal"), "{case}");
    if reply.status.is_server_error() {
        for secret in world.secrets() {
            assert!(!shown.contains(&secret), "{case}: shows a secret");
        }
    }
}
