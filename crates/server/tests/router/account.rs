//! The pages of the account, as a browser sees them.

use std::collections::BTreeMap;

use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode};
use firman_engine::account::Owners;
use firman_proto::client::GrantType;
use firman_proto::scope::Scope;

use crate::endpoints::{get, redeem};
use crate::world::{Ask, ISSUER, PASSWORD, Reply, USERNAME, World};

const PATHS: [&str; 7] = [
    "/account",
    "/account/sessions",
    "/account/keys",
    "/account/keys/new",
    "/account/clients",
    "/account/clients/new",
    "/account/clients/one?client=x",
];

async fn world() -> World {
    World::with(|parts, _| {
        parts.policy.account.api_key_scope = Scope::parse("profile read").unwrap();
        parts.policy.account.client_owners = Owners::Everybody;
        parts.policy.registration.scope = Scope::parse("openid profile").unwrap();
        parts.policy.registration.grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    })
    .await
}

/// Looks at an address as the browser does.
async fn look(world: &World, path: &str) -> Reply {
    let path = path.strip_prefix(ISSUER).unwrap_or(path);
    world.browse(&Ask { headers: vec![world.cookie()], ..get(path) }).await
}

fn sent_to(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    reply.headers[LOCATION].to_str().unwrap().to_owned()
}

fn hidden(page: &str, name: &str) -> String {
    let (_, rest) =
        page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    rest.split_once('"').unwrap().0.to_owned()
}

async fn post(world: &World, path: &str, fields: &[(&str, &str)]) -> Reply {
    let form = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let headers = vec![world.cookie()];
    world.browse(&Ask { method: Method::POST, path: path.to_owned(), form, json: None, headers }).await
}

/// Signs in at a page and gives what is shown there.
async fn enter(world: &World, path: &str) -> Reply {
    let login = sent_to(&look(world, path).await);
    assert!(login.starts_with(&format!("{ISSUER}/login?")), "{login}");
    let page = look(world, &login).await.body;
    let fields = [
        ("request", hidden(&page, "request")),
        ("csrf", hidden(&page, "csrf")),
        ("username", USERNAME.to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let back = sent_to(&post(world, "/login", &fields).await);
    assert_eq!(back, format!("{ISSUER}{}", path.split('?').next().unwrap()));
    look(world, &back).await
}

#[tokio::test]
async fn every_page_of_the_account_is_for_whoever_is_signed_in() {
    for path in PATHS {
        let world = world().await;
        let login = sent_to(&look(&world, path).await);
        assert!(login.starts_with(&format!("{ISSUER}/login?")), "{path}: {login}");
    }
    let world = world().await;
    let page = enter(&world, "/account").await;
    assert!(page.body.contains(&format!("id=\"account-username\">{USERNAME}<")), "{}", page.body);
    for path in &PATHS[..6] {
        let reply = look(&world, path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert!(reply.body.contains("aria-current=\"page\""), "{path}");
        assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn what_settings_leave_off_is_not_there() {
    let world = World::new().await;
    let page = enter(&world, "/account").await.body;
    assert!(!page.contains("menu-keys") && !page.contains("menu-clients"), "{page}");
    for path in ["/account/keys", "/account/keys/new", "/account/clients", "/account/clients/new"] {
        assert_eq!(look(&world, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_form_of_the_account_is_taken_from_its_own_page_alone() {
    let world = world().await;
    let page = enter(&world, "/account/sessions").await.body;
    let csrf = hidden(&page, "csrf");
    let forms: [(&str, &[(&str, &str)]); 5] = [
        ("/account", &[("withdraw", "all")]),
        ("/account/sessions", &[("end", "others")]),
        ("/account/keys/new", &[("name", "x"), ("scope.read", "1")]),
        ("/account/clients/new", &[("name", "x")]),
        ("/account/clients/one", &[("client", "x"), ("action", "delete")]),
    ];
    for (path, fields) in forms {
        assert_eq!(post(&world, path, fields).await.status, StatusCode::BAD_REQUEST, "{path} without");
        let with_another = [fields, &[("csrf", csrf.as_str())][..]].concat();
        let expected = if path == "/account/sessions" { StatusCode::SEE_OTHER } else { StatusCode::BAD_REQUEST };
        assert_eq!(post(&world, path, &with_another).await.status, expected, "{path} with that of /account/sessions");
    }
}

#[tokio::test]
async fn all_sign_ins_are_ended_at_once_and_this_one_with_them() {
    let world = world().await;
    enter(&world, "/account").await;
    let first = world.change_browser(BTreeMap::new());
    let page = enter(&world, "/account/sessions").await.body;
    assert!(page.contains("id=\"end-all\""), "{page}");
    let ended = post(&world, "/account/sessions", &[("csrf", &hidden(&page, "csrf")), ("end", "all")]).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER, "{}", ended.body);
    for browser in [None, Some(first)] {
        if let Some(cookies) = browser {
            world.change_browser(cookies);
        }
        let login = sent_to(&look(&world, "/account").await);
        assert!(login.starts_with(&format!("{ISSUER}/login?")), "{login}");
    }
}

#[tokio::test]
async fn an_api_key_is_made_shown_once_and_revoked() {
    let world = world().await;
    let page = enter(&world, "/account/keys/new").await.body;
    let csrf = hidden(&page, "csrf");
    let wrong = post(&world, "/account/keys/new", &[("csrf", &csrf), ("name", "<b>Laptop"), ("days", "7")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("role=\"alert\"") && wrong.body.contains("value=\"&#60;b&#62;Laptop\""),
        "{}",
        wrong.body
    );

    let fields =
        [("csrf", csrf.as_str()), ("name", "<b>Laptop"), ("days", "7"), ("scope.read", "1"), ("scope.profile", "1")];
    let made = post(&world, "/account/keys/new", &fields).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    let (_, key) = made.body.split_once("id=\"api-key\" type=\"text\" value=\"").unwrap();
    let key = key.split_once('"').unwrap().0.to_owned();
    assert!(key.starts_with("fm_ak_") && made.body.contains("&#60;b&#62;Laptop") && !made.body.contains("<b>Laptop"));

    let list = look(&world, "/account/keys").await.body;
    assert!(!list.contains(&key) && list.contains("&#60;b&#62;Laptop"), "{list}");
    let (csrf, id) = (hidden(&list, "csrf"), hidden(&list, "revoke"));
    let back = sent_to(&post(&world, "/account/keys", &[("csrf", &csrf), ("revoke", &id)]).await);
    let list = look(&world, &back).await.body;
    assert!(list.contains("id=\"account-none\"") && list.contains("role=\"status\""), "{list}");
}

#[tokio::test]
async fn a_client_of_ones_own_is_made_changed_and_deleted() {
    let world = world().await;
    let page = enter(&world, "/account/clients/new").await.body;
    let csrf = hidden(&page, "csrf");
    let fields = [
        ("csrf", csrf.as_str()),
        ("name", "\"><script>x</script>"),
        ("redirect_uris", "https://a.example/back\r\nhttps://b.example/back"),
        ("scope.openid", "1"),
        ("confidential", "1"),
    ];
    let made = post(&world, "/account/clients/new", &fields).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert!(made.body.contains("value=\"fm_cs_") && !made.body.contains("<script>"), "{}", made.body);
    let (csrf, id) = (hidden(&made.body, "csrf"), hidden(&made.body, "client"));

    let list = look(&world, "/account/clients").await.body;
    assert!(list.contains(&id) && !list.contains("<script>"), "{list}");
    let shown = look(&world, &format!("/account/clients/one?client={id}")).await.body;
    assert!(!shown.contains("fm_cs_") && shown.contains("https://a.example/back\nhttps://b.example/back"), "{shown}");
    let one = |action: &'static str| [("csrf", csrf.as_str()), ("client", id.as_str()), ("action", action)];
    let rotated = post(&world, "/account/clients/one", &one("rotate")).await.body;
    assert!(rotated.contains("value=\"fm_cs_"), "{rotated}");
    let wrong = post(&world, "/account/clients/one", &one("save")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.body);
    let back = sent_to(&post(&world, "/account/clients/one", &one("delete")).await);
    assert!(look(&world, &back).await.body.contains("id=\"account-none\""));
    let gone = look(&world, &format!("/account/clients/one?client={id}")).await;
    assert_eq!(gone.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_is_signed_out_here_is_asked_again() {
    let world = world().await;
    let page = enter(&world, "/account/sessions").await.body;
    let (csrf, id) = (hidden(&page, "csrf"), hidden(&page, "end"));
    let reply = post(&world, "/account/sessions", &[("csrf", &csrf), ("end", &id)]).await;
    assert_eq!(sent_to(&reply), format!("{ISSUER}/logout/done"));
    assert!(sent_to(&look(&world, "/account").await).contains("/login?"));
}

#[tokio::test]
async fn the_menu_leads_to_every_page_there_is_and_out() {
    let world = World::with(|parts, _| {
        parts.policy.account.api_key_scope = Scope::parse("read").unwrap();
        parts.policy.account.client_owners = Owners::Named(vec![USERNAME.to_owned()]);
        parts.policy.backchannel.enabled = true;
    })
    .await;
    enter(&world, "/requests").await;
    let pages =
        ["/account", "/account/sessions", "/account/security", "/requests", "/account/keys", "/account/clients"];
    for page in pages {
        let reply = look(&world, page).await;
        assert_eq!(reply.status, StatusCode::OK, "{page}");
        for other in pages {
            assert!(reply.body.contains(&format!(" href=\"{ISSUER}{other}\"")), "from {page} to {other}");
        }
        assert!(reply.body.contains(&format!("id=\"sign-out\" href=\"{ISSUER}/logout\"")), "from {page}");
    }
    let asked = look(&world, &sent_to(&look(&world, "/logout").await)).await.body;
    assert!(asked.contains("id=\"logout-confirm\""), "{asked}");
}

#[tokio::test]
async fn an_address_that_says_nonsense_is_refused_with_a_page() {
    let world = world().await;
    enter(&world, "/account").await;
    for path in ["/account?after=x", "/account/sessions?after=1", "/account/clients?after=x"] {
        assert_eq!(look(&world, path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    let page = look(&world, "/account?news=%3Cscript%3E").await;
    assert!(page.status == StatusCode::OK && !page.body.contains("account-news"), "{}", page.body);
}

// OpenID Connect Core §4.
#[tokio::test]
async fn an_application_that_begins_sign_ins_itself_is_opened_from_the_account() {
    let world = World::with(|_, client| {
        client.metadata.about.initiate_login_uri = Some("https://app.example/begin?from=us".to_owned());
    })
    .await;
    redeem(&world).await;
    let page = look(&world, "/account").await.body;
    let link = "href=\"https://app.example/begin?from=us&#38;iss=https%3A%2F%2Flogin.example\"";
    assert!(page.contains(link) && page.contains(">Open</a>"), "{page}");

    let world = World::new().await;
    redeem(&world).await;
    assert!(!look(&world, "/account").await.body.contains(">Open</a>"));
}
