//! How pages look: under whose name, and that nobody frames them.

use axum::http::StatusCode;
use firman::pages::brand::{Brand, Colour};

use crate::endpoints::get;
use crate::world::World;

/// Breaks out of text and of a quoted attribute wherever it is not escaped.
const HOSTILE: &str = "\"><script>x</script>";

fn acme() -> Brand {
    Brand {
        name: format!("Acme {HOSTILE}"),
        footer: "Acme identity".to_owned(),
        terms: Some("https://acme.example/terms".to_owned()),
        privacy: None,
        support: Some("mailto:help@acme.example".to_owned()),
        logo: None,
        style: Brand::style(Colour::parse("#1b5fae").as_ref(), None, "main { color: red }"),
    }
}

#[tokio::test]
async fn pages_are_under_the_operators_name() {
    let world = World::branded(acme(), |_, _| {}).await;
    let page = world.send(&get("/")).await.body;
    for text in [
        "This is Acme &#34;&#62;&#60;script&#62;",
        "Acme identity",
        "href=\"https://acme.example/terms\"",
        "href=\"mailto:help@acme.example\"",
        "href=\"/assets/brand.css?v=",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("brand-privacy"), "{page}");

    let style = world.send(&get("/assets/brand.css")).await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert!(style.body.contains("--wax: #1b5fae") && style.body.ends_with("main { color: red }"), "{}", style.body);
    assert_eq!(world.send(&get("/assets/brand-logo")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_that_is_not_there_is_under_the_operators_name_too() {
    let world = World::branded(acme(), |_, _| {}).await;
    let reply = world.send(&get("/nowhere")).await;
    assert!(reply.status == StatusCode::NOT_FOUND && reply.body.contains("Acme identity"), "{}", reply.body);
}

#[tokio::test]
async fn no_page_may_be_framed() {
    let world = World::new().await;
    for path in ["/", "/login", "/consent", "/device", "/device/allowed", "/oauth2/authorize", "/nowhere"] {
        let headers = world.send(&get(path)).await.headers;
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{path}: {policy}");
    }
}
