//! The pages on which people sign out, against those who would have them sign out, or sent elsewhere.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use firman_engine::sessions::SessionGrants;

use crate::endpoints::logout::{confirm, confirm_on, without_hint};
use crate::endpoints::redeem;
use crate::metadata::told;
use crate::world::{Ask, BACK, CLIENT, ISSUER, World, encoded};

fn location(reply: &crate::world::Reply) -> String {
    reply.headers[LOCATION].to_str().unwrap().to_owned()
}

// OpenID Connect RP-Initiated Logout §2.1.
#[tokio::test]
async fn the_endpoint_is_published_and_takes_an_address_and_a_form() {
    let world = World::new().await;
    let told = told(&world).await;
    assert_eq!(told["end_session_endpoint"], format!("{ISSUER}/oauth2/logout"));
    let fields = vec![("client_id".to_owned(), CLIENT.to_owned()), ("state".to_owned(), "s".to_owned())];
    let by_address = Ask {
        method: axum::http::Method::GET,
        path: format!("/oauth2/logout?{}", encoded(&fields)),
        form: vec![],
        json: None,
        headers: vec![],
    };
    // As another site's form comes: without a cookie.
    let by_form = Ask {
        method: axum::http::Method::POST,
        path: "/oauth2/logout".to_owned(),
        form: fields,
        headers: vec![("sec-fetch-site", "cross-site".to_owned())],
        ..by_address.clone()
    };
    for ask in [by_address, by_form] {
        let reply = world.send(&ask).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
        assert!(location(&reply).starts_with(&format!("{ISSUER}/logout?request=")), "{}", location(&reply));
    }
}

#[tokio::test]
async fn a_form_that_is_not_from_our_page_signs_nobody_out() {
    let world = World::new().await;
    let good = confirm(&world).await;
    let with = |name: &str, value: &str| {
        let mut ask = good.clone();
        ask.form.iter_mut().filter(|(known, _)| known == name).for_each(|(_, old)| value.clone_into(old));
        ask
    };
    let mut cross = good.clone();
    cross.headers.push(("sec-fetch-site", "cross-site".to_owned()));
    let mut without_cookies = good.clone();
    without_cookies.headers.clear();
    let another = World::new().await;
    let foreign = confirm(&another).await.form;
    let foreign = foreign.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    for bad in [cross, without_cookies, with("csrf", &foreign), with("csrf", ""), with("request", "x")] {
        let reply = world.send(&bad).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.body);
        assert!(!reply.headers.contains_key(LOCATION));
    }
    let reply = world.send(&good).await;
    assert_eq!(location(&reply), BACK);
}

// OpenID Connect Back-Channel Logout §2.7.
#[tokio::test]
async fn a_code_that_is_not_yet_redeemed_ends_when_its_person_signs_out() {
    for (policy, status) in [(SessionGrants::All, StatusCode::BAD_REQUEST), (SessionGrants::Online, StatusCode::OK)] {
        let world = World::with(|parts, _| parts.policy.session_grants = policy).await;
        let redemption = redeem(&world).await;
        let page = page_with(&world, &[]).await;
        let leave = confirm_on(&world, &page).await;
        assert_eq!(location(&world.send(&leave).await), format!("{ISSUER}/logout/done"));
        let told = world.send(&redemption).await;
        assert_eq!(told.status, status, "{}", told.body);
        if status == StatusCode::BAD_REQUEST {
            assert!(told.body.contains("\"invalid_grant\""), "{}", told.body);
            assert!(!told.body.contains("session"), "the reason is the log's: {}", told.body);
        }
    }
}

#[tokio::test]
async fn who_would_rather_not_stays() {
    let world = World::new().await;
    let mut ask = confirm(&world).await;
    ask.form.push(("cancel".to_owned(), "1".to_owned()));
    let reply = world.send(&ask).await;
    assert_eq!(location(&reply), format!("{ISSUER}/logout/stayed"));
    assert!(!reply.headers.contains_key("set-cookie"));
    // They are asked again: they are still signed in.
    let page = page_with(&world, &[]).await;
    let page = world.send(&Ask { headers: vec![world.cookie()], ..page }).await;
    assert!(page.body.contains("id=\"logout-username\">reader<"), "{}", page.body);
}

// OpenID Connect RP-Initiated Logout §4.
#[tokio::test]
async fn the_pages_are_framed_by_nobody_and_say_what_is_wrong() {
    let world = World::new().await;
    let page = world.send(&without_hint(&world).await).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src"), "{policy}");
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert!(!page.body.contains("logout-problem"), "{}", page.body);

    let fields = [("client_id", CLIENT), ("post_logout_redirect_uri", "https://evil.example/\"><script>")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut ask = page_with(&world, &fields).await;
    ask.headers = vec![world.cookie()];
    let page = world.send(&ask).await;
    assert!(page.body.contains("id=\"logout-problem\"") && !page.body.contains("<script"), "{}", page.body);
    assert!(!page.body.contains("evil.example"), "{}", page.body);
}

async fn page_with(world: &World, fields: &[(String, String)]) -> Ask {
    let ask = Ask {
        method: axum::http::Method::GET,
        path: format!("/oauth2/logout?{}", encoded(fields)),
        form: vec![],
        json: None,
        headers: vec![],
    };
    crate::endpoints::logout::page_of(world, &ask).await
}

// OpenID Connect Front-Channel Logout §3, OpenID Connect Back-Channel Logout §2.1.
#[tokio::test]
async fn the_browser_tells_clients_in_frames_of_their_origins_and_no_others() {
    let frame = "https://app.example/out";
    let world = World::with(|_, new| new.metadata.logout.frontchannel_logout_uri = Some(frame.to_owned())).await;
    let told = told(&world).await;
    for channel in ["frontchannel", "backchannel"] {
        for member in ["logout_supported", "logout_session_supported"] {
            assert_eq!(told[format!("{channel}_{member}")], true, "{channel}_{member}");
        }
    }
    let mut ask = crate::endpoints::logout::with_hint(&world).await;
    ask.headers = vec![world.cookie()];
    let reply = world.send(&ask).await;
    assert_eq!(reply.status, StatusCode::OK);
    let policy = reply.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.ends_with("; frame-src https://app.example") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(policy.contains("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(reply.headers["set-cookie"].to_str().unwrap().starts_with("__Host-fm_session=;"));
    let issuer = "iss=https%3A%2F%2Flogin.example";
    assert!(reply.body.contains(&format!("src=\"{frame}?{issuer}&#38;sid=")), "{}", reply.body);
    let goes_on = format!("content=\"5; url={BACK}?state=s\"");
    assert!(reply.body.contains(&goes_on), "{}", reply.body);
    assert_eq!(reply.headers["x-frame-options"], "DENY");
    // Opened again, it has nothing more to tell.
    let again = world.send(&ask).await;
    assert_eq!(location(&again), format!("{BACK}?state=s"));
}
