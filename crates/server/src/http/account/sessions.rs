//! `/account/sessions`: where somebody is signed in.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::account::sessions;
use firman_proto::form::Form;

use super::super::page::Away;
use super::super::{App, logout, page, read};
use super::{after, back, enter, id, news, next, post};
use crate::pages::account::{self as pages, Here, Place, Sessions};
use crate::pages::look;
use crate::pages::when::When;

/// Below the issuer.
pub const PATH: &str = "/account/sessions";

/// Shows it.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(query)?;
    let visit = enter(app, headers, PATH).await?;
    let listed = sessions::places(&app.engine, &visit.person, after(&form)?, app.now()).await?;
    let csrf = visit.csrf(app, PATH);
    let action = app.engine.issuer().endpoint(PATH);
    let t = look::texts();
    let html = Sessions {
        menu: visit.menu(app, Here::Sessions),
        places: listed.items.iter().map(shown).collect(),
        next: next(app, PATH, listed.next),
        news: news(&form, &[("ended", t.sessions.ended), ("others", t.sessions.ended_others)]),
        form: pages::Form { action: &action, csrf: &csrf },
    }
    .render();
    Ok(page::page(app, StatusCode::OK, html))
}

fn shown(of: &sessions::Place) -> Place {
    let words = look::texts().sessions.amr;
    let mut ways: Vec<String> = Vec::new();
    for (_, text) in words.iter().filter(|(name, _)| of.amr.iter().any(|amr| amr == name)) {
        if !ways.iter().any(|known| known == text) {
            ways.push((*text).to_owned());
        }
    }
    let (since, last_seen) = (When(of.since), When(of.last_seen));
    Place { id: of.id.to_string(), here: of.here, since, last_seen, ways }
}

/// Ends one, all others, or all.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| end(&app, head, body).await).await
}

async fn end(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(body)?;
    let visit = post(app, head, &form, PATH).await?;
    let which = form.get("end");
    if matches!(which, Some("others" | "all")) {
        sessions::end_others(&app.engine, &visit.person, app.now()).await?;
    }
    if which == Some("others") {
        return Ok(back(app, PATH, "others"));
    }
    let here = visit.person.session();
    let id = if which == Some("all") { here } else { id(&form, "end")? };
    if id == here {
        let left = sessions::end_here(&app.engine, &visit.browser, &visit.person, app.now()).await?;
        return Ok(logout::gone(app, head, &left)?);
    }
    sessions::end(&app.engine, &visit.person, id, app.now()).await?;
    Ok(back(app, PATH, "ended"))
}
