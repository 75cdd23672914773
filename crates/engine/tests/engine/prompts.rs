//! Whom an answer is about: hints, and which account somebody goes on with (OpenID Connect Core §3.1.2.1).

use firman_engine::Failure;
use firman_engine::authorize::{Account, Next, select};
use firman_proto::authorize::Display;

use crate::support::{App, Ask, Visitor, World, at, parameter, refused};

async fn world() -> (World, App, Visitor) {
    let world = World::new().await;
    let app = world.app("app").await;
    let (visitor, _) = world.walk(&Ask::new(&app, "openid"), "somebody", at(0)).await;
    (world, app, visitor)
}

/// The error that was sent to the client; empty where it got a code.
fn error(next: Result<Next, Failure>) -> String {
    let Ok(Next::Client(url)) = next else { panic!("not sent back: {next:?}") };
    assert!(parameter(&url, "code").is_some() != parameter(&url, "error").is_some(), "{url}");
    parameter(&url, "error").unwrap_or_default()
}

async fn id_token_of(world: &World, app: &App, username: &str) -> String {
    let (_, url) = world.walk(&Ask::new(app, "openid"), username, at(0)).await;
    world.redeem(app, &parameter(&url, "code").unwrap(), at(0)).await.unwrap().id_token.unwrap()
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn an_id_token_says_whom_the_answer_must_be_about_even_after_its_end() {
    let (world, app, visitor) = world().await;
    let (own, others) = (id_token_of(&world, &app, "somebody").await, id_token_of(&world, &app, "anybody").await);
    let silent = Ask::new(&app, "openid").with("prompt", "none");
    // Each is good for five minutes.
    for now in [at(1), at(3600)] {
        assert_eq!(error(world.authorize(&visitor, &silent.clone().with("id_token_hint", &*own), now).await), "");
        let next = world.authorize(&visitor, &silent.clone().with("id_token_hint", &*others), now).await;
        assert_eq!(error(next), "login_required");
    }
    // With a page, the one who is meant may sign in, and nobody else.
    let asking = Ask::new(&app, "openid").with("id_token_hint", &*others);
    for (username, expected) in [("anybody", ""), ("somebody", "login_required")] {
        let mut visitor = visitor.clone();
        let Ok(Next::Login(request)) = world.authorize(&visitor, &asking, at(1)).await else { panic!("not asked") };
        assert_eq!(error(world.sign_in(&mut visitor, &request, username, at(2)).await), expected, "{username}");
    }
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn what_is_no_id_token_of_ours_for_this_client_is_no_hint() {
    let (world, app, visitor) = world().await;
    let foreign = World::elsewhere().await;
    let foreign = id_token_of(&foreign, &foreign.app("app").await, "somebody").await;
    let others = id_token_of(&world, &world.app("other").await, "somebody").await;
    let own = id_token_of(&world, &app, "somebody").await;
    let (head, rest) = own.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", rest.split('.').next().unwrap());
    let damaged = format!("{head}.e{rest}");
    for hint in ["x", &foreign, &others, &unsigned, &damaged] {
        let ask = Ask::new(&app, "openid").with("prompt", "none").with("id_token_hint", hint);
        assert_eq!(error(world.authorize(&visitor, &ask, at(1)).await), "invalid_request", "{hint}");
    }
    let claims = r#"{"id_token":{"sub":{"value":"another"}}}"#;
    let ask = Ask::new(&app, "openid").with("id_token_hint", own).with("claims", claims);
    assert_eq!(error(world.authorize(&visitor, &ask, at(1)).await), "invalid_request");
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn somebody_who_is_signed_in_goes_on_so_or_with_another_account() {
    let (world, app, visitor) = world().await;
    let ask = Ask::new(&app, "openid").with("prompt", "select_account");
    let chosen = async |visitor: &Visitor, request: &str, account| {
        select(&world.engine, &visitor.browser(), request, account, at(2)).await
    };
    let Ok(Next::Select(request)) = world.authorize(&visitor, &ask, at(1)).await else { panic!("not asked") };
    assert_eq!(error(chosen(&visitor, &request, Account::Same).await), "");
    assert_eq!(error(chosen(&visitor, &request, Account::Neither).await), "access_denied");
    let mut other = visitor.clone();
    let Ok(Next::Login(request)) = chosen(&visitor, &request, Account::Another).await else { panic!("no login") };
    let Ok(Next::Consent(_)) = world.sign_in(&mut other, &request, "anybody", at(3)).await else {
        panic!("no consent")
    };
    // Nobody else's page, and nobody's for ever.
    let Ok(Next::Select(request)) = world.authorize(&other, &ask, at(4)).await else { panic!("not asked") };
    refused(chosen(&Visitor::new(&world), &request, Account::Same).await);
    let late = select(&world.engine, &other.browser(), &request, Account::Same, at(4 + 900)).await;
    refused(late);
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn whoever_signs_in_for_a_request_has_chosen() {
    let (world, app, mut visitor) = world().await;
    let ask = Ask::new(&app, "openid").with("prompt", "select_account");
    let mut nobody = Visitor::new(&world);
    let Ok(Next::Login(request)) = world.authorize(&nobody, &ask, at(1)).await else { panic!("no login") };
    assert_eq!(error(world.sign_in(&mut nobody, &request, "somebody", at(2)).await), "");
    // The page was open while somebody else signed in beside it: then they are asked, too.
    let Ok(Next::Select(request)) = world.authorize(&visitor, &ask, at(10)).await else { panic!("not asked") };
    let both = Ask::new(&app, "openid").with("prompt", "select_account login");
    let Ok(Next::Select(again)) = world.authorize(&visitor, &both, at(10)).await else { panic!("not asked") };
    let next = select(&world.engine, &visitor.browser(), &again, Account::Same, at(11)).await;
    let Ok(Next::Login(again)) = next else { panic!("login was asked for, too") };
    assert_eq!(error(world.sign_in(&mut visitor, &again, "somebody", at(12)).await), "");
    assert_eq!(error(select(&world.engine, &visitor.browser(), &request, Account::Same, at(13)).await), "");
}

// Initiating User Registration §4.1.1.
#[tokio::test]
async fn create_leads_to_where_accounts_are_made_if_there_is_such_a_place() {
    let (world, app, visitor) = world().await;
    let ask = Ask::new(&app, "openid").with("prompt", "create");
    assert_eq!(error(world.authorize(&visitor, &ask, at(1)).await), "invalid_request");
    let open = World::with(|parts| parts.policy.sign_up = true).await;
    let app = open.app("app").await;
    let (mut visitor, _) = open.walk(&Ask::new(&app, "openid"), "somebody", at(0)).await;
    let ask = Ask::new(&app, "openid").with("prompt", "create");
    let Ok(Next::SignUp(request)) = open.authorize(&visitor, &ask, at(1)).await else { panic!("not there") };
    // Whoever comes back from there has an account, a new one or one they had.
    assert_eq!(error(open.sign_in(&mut visitor, &request, "somebody", at(2)).await), "");
    let with_none = ask.with("prompt", "none create");
    assert_eq!(error(open.authorize(&visitor, &with_none, at(3)).await), "invalid_request");
}

// OpenID Connect Core §3.1.2.1.
#[tokio::test]
async fn how_pages_should_be_is_carried_to_them() {
    let (world, app, _) = world().await;
    let visitor = Visitor::new(&world);
    let ask = Ask::new(&app, "openid").with("ui_locales", "de-CH  de en").with("display", "popup");
    let Ok(Next::Login(request)) = world.authorize(&visitor, &ask, at(1)).await else { panic!("no login") };
    let view = firman_engine::authorize::Interaction::view(&world.engine, &visitor.browser(), &request, at(1)).await;
    let hints = view.unwrap().interaction.request.hints;
    assert_eq!(
        (hints.ui_locales, hints.display),
        (["de-CH", "de", "en"].map(str::to_owned).to_vec(), Some(Display::Popup))
    );
    let odd = Ask::new(&app, "openid").with("ui_locales", "se").with("display", "hologram");
    assert!(matches!(world.authorize(&visitor, &odd, at(1)).await, Ok(Next::Login(_))));
}
