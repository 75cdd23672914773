//! Servers that are dead, broken, or not themselves; callers that give up.

use firman_proto::time::Lifetime;
use http::header::{CONTENT_TYPE, LOCATION};

use super::*;

// RFC 6749 §5.2.
#[tokio::test]
async fn a_dead_grant_is_told_once_and_then_the_person_is_asked() {
    let stage = Stage::signed_in().await;
    *stage.rotating.current.lock().unwrap() = None;
    stage.hand.forward(300);
    let refused = stage.get().await.unwrap_err();
    assert!(matches!(&refused, ManagerError::Wire(error) if error.code() == Some("invalid_grant")), "{refused}");
    let nothing = stage.get().await.unwrap_err();
    assert!(matches!(nothing, ManagerError::Nothing { reduced: false, .. }) && nothing.to_string().contains("sign in"));
    assert_eq!((refused.advice(), nothing.advice()), (Advice::AskThePerson, Advice::AskThePerson));
    assert_eq!(stage.server.asked("/token"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_early_and_in_an_outage_used_to_its_end() {
    let stage = Stage::signed_in().await;
    stage.hand.forward(239);
    assert_eq!(stage.get().await.unwrap(), "at-0");
    stage.hand.forward(31);
    stage.rotating.down.store(true, Ordering::Relaxed);
    assert_eq!(stage.get().await.unwrap(), "at-0", "30 s before its end");
    stage.rotating.down.store(false, Ordering::Relaxed);
    // Nobody asks a server that has just failed three times.
    stage.hand.forward(10);
    assert_eq!(stage.get().await.unwrap(), "at-1");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_as_one_and_costs_nothing() {
    let stage = Stage::signed_in().await;
    stage.hand.forward(300);
    stage.rotating.down.store(true, Ordering::Relaxed);
    let error = stage.get().await.unwrap_err();
    assert!(matches!(error.advice(), Advice::AskAgain(_)), "{error}");
    stage.rotating.down.store(false, Ordering::Relaxed);
    stage.hand.forward(60);
    assert_eq!(stage.get().await.unwrap(), "at-1");
}

#[tokio::test]
async fn what_was_begun_is_kept_though_nobody_waits_for_it() {
    let stage = Stage::signed_in().await;
    stage.hand.forward(300);
    {
        // Dropped at its first rest: with the request on its way.
        let mut get = Box::pin(stage.get());
        for _ in 0..4 {
            assert!(futures_poll(&mut get).await.is_none());
            if stage.server.asked("/token") == 1 {
                break;
            }
        }
    }
    assert_eq!(stage.get().await.unwrap(), "at-1");
    assert_eq!(stage.server.asked("/token"), 1);
}

/// One look at a future, after which others have their turn.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let looked = std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await;
    tokio::task::yield_now().await;
    looked
}

/// What may come instead of tokens, and what the error says of it.
fn instead_of_tokens() -> Vec<(Result<Response, Unreachable>, Advice, &'static str)> {
    let url = || "https://as.example/token".to_owned();
    let html = [(CONTENT_TYPE, "text/html")];
    let (again, settings) = (Advice::AskAgain(Lifetime::ZERO), Advice::ChangeSettings);
    vec![
        (Err(Unreachable::Connection { url: url(), why: "reset".into() }), again, "look at the network"),
        (Err(Unreachable::Slow { url: url(), millis: 10_000 }), again, "look at the network"),
        (Err(Unreachable::Huge { url: url(), limit: 1 << 20 }), again, "look at the network"),
        (Ok(answer(503, &html, "<html>")), again, "may succeed later"),
        (Ok(answer(200, &html, "<html>sign in to this network")), settings, "a sign-in page of the network"),
        (Ok(answer(302, &[(LOCATION, "https://evil.example/")], "")), settings, "redirects to https://evil.example/"),
        (Ok(answered(200, &json!({"token_type": "Bearer"}))), settings, "no access_token"),
        (Ok(answered(200, &json!({"access_token": "x", "token_type": "MAC"}))), settings, "of the type MAC"),
    ]
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_instead_of_tokens_is_told_with_a_cure_and_costs_no_refresh_token() {
    for (instead, advice, cure) in instead_of_tokens() {
        let stage = stage(Settings { attempts: 1, ..Settings::default() });
        stage.sign_in(&[]).await;
        stage.hand.forward(300);
        *stage.rotating.instead.lock().unwrap() = Some(instead);
        let error = stage.get().await.unwrap_err();
        assert!(error.advice() == advice && error.to_string().contains(cure), "{advice:?} {cure}: {error}");
        assert_eq!(stage.get().await.unwrap(), "at-1", "{cure}");
    }
}
