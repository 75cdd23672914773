//! What somebody who signs out asks (OpenID Connect RP-Initiated Logout).

use axum::http::header::LOCATION;
use serde_json::Value;

use super::{form, get, hidden, next, redeem};
use crate::world::{Ask, BACK, CLIENT, Reply, World, encoded};

/// Somebody is signed in, and the client has an ID token.
async fn id_token(world: &World) -> String {
    let ask = redeem(world).await;
    let answer: Value = serde_json::from_str(&world.send(&ask).await.body).unwrap();
    let id_token = answer["id_token"].as_str().unwrap().to_owned();
    world.keep_secret(&id_token);
    id_token
}

fn asked(fields: &[(&str, &str)]) -> Ask {
    let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    get(format!("/oauth2/logout?{}", encoded(&fields)))
}

pub(super) async fn begin(world: &World) -> Ask {
    let id_token = id_token(world).await;
    asked(&[("id_token_hint", &id_token), ("post_logout_redirect_uri", BACK), ("state", "s")])
}

/// The page to which a request leads.
pub(crate) async fn page_of(world: &World, ask: &Ask) -> Ask {
    let reply = world.send(ask).await;
    next(world, &reply)
}

pub(crate) async fn with_hint(world: &World) -> Ask {
    let ask = begin(world).await;
    page_of(world, &ask).await
}

pub(crate) async fn without_hint(world: &World) -> Ask {
    id_token(world).await;
    page_of(world, &asked(&[("client_id", CLIENT), ("post_logout_redirect_uri", BACK)])).await
}

pub(crate) async fn confirm(world: &World) -> Ask {
    let page = without_hint(world).await;
    confirm_on(world, &page).await
}

/// The person says yes on the page.
pub(crate) async fn confirm_on(world: &World, page: &Ask) -> Ask {
    let html = world.browse(page).await.body;
    let (request, csrf) = (hidden(&html, "request"), hidden(&html, "csrf"));
    form("/logout", world.cookie(), &[("request", &request), ("csrf", &csrf)])
}

/// Whether the browser is sent to the client, and to nobody else, and forgets its session.
pub(super) fn is_gone(reply: &Reply, state: &str) -> bool {
    let cookie = reply.headers.get("set-cookie").map(|cookie| cookie.to_str().unwrap());
    reply.headers.get(LOCATION).is_some_and(|to| to == &format!("{BACK}{state}"))
        && cookie.is_some_and(|cookie| cookie.starts_with("__Host-fm_session=;") && cookie.ends_with("Max-Age=0"))
}
