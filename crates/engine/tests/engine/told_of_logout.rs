//! Back-channel logout: which clients are told that a session has ended, of what, and until when it is tried.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firman_engine::admin::account_edits;
use firman_engine::admin::grants::sign_out_everywhere;
use firman_engine::authorize::Next;
use firman_engine::logout::{self, BackchannelLogout};
use firman_engine::outbox::{Deliver as _, Letter, Outcome, Taken, conclude, due, take};
use firman_engine::{Call, Document, Fetch, FetchError, Reply, Wanted};
use firman_proto::form::Form;
use firman_proto::id_token::IdToken;
use firman_proto::jws;
use firman_proto::logout::LogoutRequest;
use firman_proto::time::Timestamp;

use firman_store::record::{DeliveryState, EpochKey, ReuseReaction};
use serde_json::{Map, Value, json};

use crate::support::{App, Ask, Local, PASSWORD, People, Visitor, World, at, parameter, refresh_token};

const TOLD: &str = "https://app.example/told?of=here";

/// Receivers that answer as they are told to, one after the other, and at last with 200.
#[derive(Default)]
struct Receivers {
    answers: Mutex<Vec<Result<u16, FetchError>>>,
    got: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Fetch for Receivers {
    async fn get(&self, _: &Wanted<'_>, _: Timestamp) -> Result<Arc<Document>, FetchError> {
        Err(FetchError::Refused("nothing is here".into()))
    }

    async fn send(&self, call: &Call<'_>) -> Result<Reply, FetchError> {
        let (media_type, body) = call.body.unwrap();
        assert_eq!(media_type, "application/x-www-form-urlencoded");
        let body = String::from_utf8(body.to_vec()).unwrap();
        self.got.lock().unwrap().push((call.url.to_owned(), body));
        let mut answers = self.answers.lock().unwrap();
        let status = if answers.is_empty() { 200 } else { answers.remove(0)? };
        Ok(Reply { status, media_type: String::new(), body: Vec::new() })
    }
}

async fn world() -> (World, Arc<Receivers>, App) {
    let receivers = Arc::<Receivers>::default();
    let fetch = Arc::clone(&receivers);
    let world = World::with(|parts| {
        parts.fetch = fetch;
        parts.policy.on_refresh_reuse = ReuseReaction::Subject;
    })
    .await;
    let app = world.app_with("app", |new| new.metadata.logout.backchannel_logout_uri = Some(TOLD.to_owned())).await;
    (world, receivers, app)
}

/// Somebody signed in at the client, and what it got.
async fn signed_in(world: &World, app: &App, now: Timestamp) -> (Visitor, firman_proto::token::TokenResponse) {
    let (visitor, url) = world.walk(&Ask::new(app, "openid offline_access"), "somebody", now).await;
    let response = world.redeem(app, &parameter(&url, "code").unwrap(), now).await.unwrap();
    (visitor, response)
}

async fn sign_out(world: &World, visitor: &Visitor, now: Timestamp) {
    let sealed = logout::request(&world.engine, &LogoutRequest::default(), now).await.unwrap();
    logout::confirm(&world.engine, &visitor.browser(), &sealed, now).await.unwrap();
}

async fn waiting(world: &World, now: Timestamp) -> usize {
    due(&world.engine, 9, now).await.unwrap().len()
}

/// One attempt at what waits longest.
async fn attempt(world: &World, now: Timestamp) -> (Letter, Outcome, Option<DeliveryState>) {
    let due = due(&world.engine, 9, now).await.unwrap();
    let Taken::Letter(letter) = take(&world.engine, &due[0], now).await.unwrap() else { panic!("not taken") };
    let outcome = BackchannelLogout.deliver(&world.engine, &letter, now).await;
    let state = conclude(&world.engine, &letter, &outcome, now).await.unwrap();
    (letter, outcome, state)
}

/// What a receiver learns: the claims of a token that it can verify.
fn read(world: &World, body: &str) -> Map<String, Value> {
    let form = Form::parse(body.as_bytes()).unwrap();
    assert_eq!(body.matches('&').count(), 0, "nothing else is in the form: {body}");
    let token = form.required("logout_token").unwrap();
    assert!(jws::verify_id_token(token, world.engine.keys().current().published()).is_err(), "it is no ID token");
    jws::verify(token, world.engine.keys().current().published()).unwrap()
}

// OpenID Connect Back-Channel Logout §2.4, §2.5, §2.6, §2.8.
#[tokio::test]
async fn a_client_is_told_until_it_has_heard_it_with_a_token_that_is_new_each_time() {
    let (world, receivers, app) = world().await;
    let (visitor, tokens) = signed_in(&world, &app, at(10)).await;
    assert_eq!(waiting(&world, at(19)).await, 0);
    sign_out(&world, &visitor, at(20)).await;
    assert_eq!(waiting(&world, at(20)).await, 1, "written down in the commit that ended the session");
    *receivers.answers.lock().unwrap() = vec![Err(FetchError::Failed("nobody answers".into())), Ok(503), Ok(400)];
    let (mut now, mut ids) = (at(20), Vec::new());
    loop {
        let (letter, _, state) = attempt(&world, now).await;
        ids.push(letter.id);
        match state.unwrap() {
            DeliveryState::Due { at } => now = at,
            DeliveryState::Done { .. } => break,
            DeliveryState::GivenUp { .. } => panic!("given up"),
        }
    }
    let got = receivers.got.lock().unwrap().clone();
    assert_eq!(got.len(), 4);
    let keys = world.engine.keys().current();
    let id_token: IdToken = jws::verify_id_token(&tokens.id_token.unwrap(), keys.published()).unwrap();
    let mut issued = Vec::new();
    for (url, body) in &got {
        assert_eq!(url, TOLD);
        let mut claims = read(&world, body);
        let (iat, exp) = (claims.remove("iat").unwrap().as_i64().unwrap(), claims.remove("exp").unwrap().as_i64());
        assert_eq!(exp, Some(iat + 120));
        issued.push(iat);
        let expected = json!({
            "iss": world.engine.issuer().as_str(),
            "sub": id_token.sub,
            "aud": "app",
            "jti": ids[0].to_string(),
            "sid": id_token.sid,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        assert_eq!(Value::Object(claims), expected);
    }
    assert!(issued.windows(2).all(|pair| pair[0] < pair[1]), "{issued:?}");
    assert_eq!(waiting(&world, at(99_999_999)).await, 0);
}

// OpenID Connect Back-Channel Logout §2.3.
#[tokio::test]
async fn it_is_told_whatever_ends_the_session() {
    let (world, receivers, app) = world().await;
    let subject = People::subject("somebody").key(world.engine.number());
    // Somebody else signs in with the browser.
    let (mut visitor, _) = signed_in(&world, &app, at(10)).await;
    let again = Ask::new(&app, "openid").with("prompt", "login");
    let Next::Login(request) = world.authorize(&visitor, &again, at(11)).await.unwrap() else { panic!("no page") };
    world.sign_in(&mut visitor, &request, "another", at(12)).await.unwrap();
    assert_eq!(waiting(&world, at(12)).await, 1);
    attempt(&world, at(12)).await;

    // An operator ends all of theirs: two sessions, two letters.
    signed_in(&world, &app, at(20)).await;
    signed_in(&world, &app, at(21)).await;
    sign_out_everywhere(&world.engine, EpochKey::Subject(subject), at(22)).await.unwrap();
    assert_eq!(waiting(&world, at(22)).await, 2);
    for _ in 0..2 {
        attempt(&world, at(22)).await;
    }
    let sids: Vec<_> =
        receivers.got.lock().unwrap().iter().map(|(_, body)| read(&world, body)["sid"].clone()).collect();
    assert!(sids.len() == 3 && sids[0] != sids[1] && sids[1] != sids[2]);

    // A refresh token was copied, and the policy is to end everything.
    let (_, tokens) = signed_in(&world, &app, at(30)).await;
    let old = refresh_token(&tokens);
    world.refresh(&app, &old, at(31)).await.unwrap();
    world.refresh(&app, &old, at(3000)).await.map(|_| ()).unwrap_err();
    assert_eq!(waiting(&world, at(3000)).await, 1);
}

// OpenID Connect Back-Channel Logout §2.3.
#[tokio::test]
async fn it_is_told_when_an_operator_edits_an_account_so_that_it_is_signed_out() {
    let local = Local::new().await;
    let (world, engine) = (&local.world, &local.world.engine);
    let app = world.app_with("app", |new| new.metadata.logout.backchannel_logout_uri = Some(TOLD.to_owned())).await;
    let made = local.create("somebody", PASSWORD).await.unwrap();
    for (told, second) in [(1, 10), (2, 20), (3, 30), (4, 40)] {
        signed_in(world, &app, at(second)).await;
        let account = account_edits::find(engine, made.id).await.unwrap();
        match told {
            1 => account_edits::sign_out(engine, &account, at(second)).await.unwrap(),
            2 => drop(account_edits::reset_factors(engine, &account, at(second)).await.unwrap()),
            3 => drop(local.set_password("somebody", PASSWORD).await.unwrap()),
            _ => {
                let (username, claims) = (account.username.clone(), account.claims.clone());
                let edit = account_edits::Edit { username, enabled: false, claims };
                account_edits::edit(engine, &account, edit, at(second)).await.unwrap();
            }
        }
        assert_eq!(waiting(world, at(second)).await, told);
    }
}

#[tokio::test]
async fn who_does_not_want_to_know_or_is_gone_is_not_told() {
    let (world, receivers, app) = world().await;
    let untold = world.app("untold").await;
    let (visitor, _) = signed_in(&world, &untold, at(10)).await;
    sign_out(&world, &visitor, at(11)).await;
    assert_eq!(waiting(&world, at(11)).await, 0);

    let (visitor, _) = signed_in(&world, &app, at(20)).await;
    sign_out(&world, &visitor, at(21)).await;
    firman_engine::admin::clients::delete(&world.engine, "app", at(22)).await.unwrap();
    let (_, outcome, state) = attempt(&world, at(23)).await;
    assert!(matches!(outcome, Outcome::GiveUp(_)) && matches!(state, Some(DeliveryState::GivenUp { .. })));
    assert!(receivers.got.lock().unwrap().is_empty());
}
