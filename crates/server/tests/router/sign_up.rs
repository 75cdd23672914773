//! The pages on which people make an account, and go back to the client that sent them.

use axum::http::StatusCode;
use firman_engine::mail::About;

use crate::endpoints::{get, hidden};
use crate::mail::letters;
use crate::people::{leads_to, open, send};
use crate::world::{CALLBACK, CLIENT, PASSWORD, Reply, World, encoded};

const SIGN_UP: &str = "/login/sign-up";

async fn with_sign_up(mail: bool) -> World {
    World::with(|parts, _| (parts.policy.sign_up, parts.policy.mail) = (true, mail)).await
}

/// Where a client's request with this prompt leads.
async fn sent(world: &World, prompt: &str) -> Reply {
    let parameters = [
        ("client_id", CLIENT),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
        ("prompt", prompt),
    ];
    let pairs: Vec<_> = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let away = world.browse(&get(format!("/oauth2/authorize?{}", encoded(&pairs)))).await;
    open(world, leads_to(&away)).await
}

fn posted<'t>(page: &'t Reply, fields: &'t [(&'t str, &'t str)]) -> Vec<(&'t str, String)> {
    let mut all: Vec<_> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    for name in ["request", "asked"] {
        if page.body.contains(&format!("name=\"{name}\"")) {
            all.push((name, hidden(&page.body, name)));
        }
    }
    all
}

async fn presses(world: &World, page: &Reply, fields: &[(&str, &str)]) -> Reply {
    let all = posted(page, fields);
    let all: Vec<_> = all.iter().map(|(name, value)| (*name, &**value)).collect();
    send(world, page, SIGN_UP, &all).await
}

// Initiating User Registration §4, §4.1.1.
#[tokio::test]
async fn create_leads_to_an_account_whose_address_is_proved_and_on_to_consent() {
    let world = with_sign_up(true).await;
    let metadata = world.browse(&get("/.well-known/openid-configuration")).await.body;
    assert!(metadata.contains("\"create\""));
    let first = sent(&world, "create").await;
    let second = presses(&world, &first, &[("email", "new@people.example")]).await;
    assert_eq!(second.status, StatusCode::OK);
    let taken = presses(&world, &first, &[("email", "ada@people.example")]).await;
    let shape = |page: &Reply| page.body.split(['<', '>']).filter(|tag| tag.starts_with("input")).count();
    assert_eq!((taken.status, shape(&taken)), (second.status, shape(&second)), "whether it has an account or not");
    let mut mails = letters(&world).await;
    mails.sort_by_key(|mail| mail.to.clone());
    let about: Vec<_> = mails.iter().map(|mail| mail.about).collect();
    assert_eq!(about, [About::HasAccount, About::SignUp]);
    let (code, typed) = (&*mails[1].link, [("username", "newcomer"), ("new", PASSWORD), ("again", PASSWORD)]);
    let wrong = presses(&world, &second, &[&[("code", "AAAA-AAAA")], &typed[..]].concat()).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("value=\"newcomer\"") && !wrong.body.contains(PASSWORD));
    let weak = [("code", code), ("username", "newcomer"), ("new", "password1"), ("again", "password1")];
    assert_eq!(presses(&world, &second, &weak).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = presses(&world, &second, &[&[("code", code)], &typed[..]].concat()).await;
    assert!(leads_to(&done).starts_with("/consent?"), "{}", leads_to(&done));
    let again =
        presses(&world, &second, &[("code", code), ("username", "b"), ("new", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a code makes one account");
}

#[tokio::test]
async fn without_mail_a_name_and_a_password_are_enough_and_the_login_page_leads_there() {
    let world = with_sign_up(false).await;
    let login = sent(&world, "login").await;
    let (_, after) = login.body.split_once("id=\"sign-up\" href=\"https://login.example").expect("the way there");
    let page = open(&world, &after.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")).await;
    assert!(page.body.contains("id=\"has-account\"") && !page.body.contains("name=\"email\""));
    let typed = [("username", "reader"), ("new", PASSWORD), ("again", PASSWORD)];
    assert_eq!(presses(&world, &page, &typed).await.status, StatusCode::UNPROCESSABLE_ENTITY, "it is taken");
    let typed = [("username", "newcomer"), ("new", PASSWORD), ("again", "something else")];
    assert_eq!(presses(&world, &page, &typed).await.status, StatusCode::UNPROCESSABLE_ENTITY, "they differ");
    let typed = [("username", "newcomer"), ("new", PASSWORD), ("again", PASSWORD)];
    assert!(leads_to(&presses(&world, &page, &typed).await).starts_with("/consent?"));
    for number in 0..9 {
        let name = format!("newcomer{number}");
        presses(&world, &page, &[("username", &name), ("new", PASSWORD), ("again", PASSWORD)]).await;
    }
    let late = presses(&world, &page, &[("username", "late"), ("new", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
}
