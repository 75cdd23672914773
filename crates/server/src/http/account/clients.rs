//! `/account/clients`: the clients that somebody owns.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use firman_engine::account::clients::{self, Held, Wanted};
use firman_engine::account::{Fresh, Listed};
use firman_proto::error::{Denied, invalid_request};
use firman_proto::form::Form;
use firman_proto::id::RecordId;
use firman_proto::scope::Scope;
use firman_store::record::Client;

use super::super::page::Away;
use super::super::{App, page, read};
use super::{Visit, after, back, chosen_scope, enter, lines, news, next, post, problem, status};
use crate::pages::account::{self as pages, Choice, ClientForm, HeldGrant, Here, NewSecret, OwnClient, OwnClients};
use crate::pages::look;
use crate::pages::when::When;

/// Below the issuer.
pub const PATH: &str = "/account/clients";
/// Where one is made.
pub const NEW: &str = "/account/clients/new";
/// Where one is shown and changed.
pub const ONE: &str = "/account/clients/one";

/// Shows them.
pub async fn page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, list(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn list(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(query)?;
    let visit = enter(app, headers, PATH).await?;
    let listed = clients::list(&app.engine, &visit.person, after(&form)?).await?;
    let new = app.engine.issuer().endpoint(NEW);
    let html = OwnClients {
        menu: visit.menu(app, Here::Clients),
        clients: listed.items.iter().map(|client| line(app, client)).collect(),
        new: &new,
        next: next(app, PATH, listed.next),
        news: news(&form, &[("deleted", look::texts().clients.deleted)]),
    }
    .render();
    Ok(page::page(app, StatusCode::OK, html))
}

fn line(app: &App, client: &Client) -> (String, String, String) {
    (client.metadata.client_name.clone(), client.client_id.clone(), address(app, &client.client_id))
}

fn address(app: &App, client_id: &str) -> String {
    let mut address = format!("{}?", app.engine.issuer().endpoint(ONE));
    firman_proto::form::append(&mut address, "client", client_id);
    address
}

/// What one page of a client shows beside its fields.
#[derive(Default)]
struct Beside<'a> {
    /// Where the list of what people allowed it goes on.
    after: Option<RecordId>,
    secret: Option<&'a str>,
    news: Option<&'a str>,
    problem: Option<&'a str>,
}

/// Asks what a new one is to be.
pub async fn new_page(State(app): State<App>, headers: HeaderMap) -> Response {
    page::answered(&app, ask(&app, &headers).await)
}

async fn ask(app: &App, headers: &HeaderMap) -> Result<Response, Away> {
    let visit = enter(app, headers, NEW).await?;
    visit.fresh(app, NEW).await?;
    let fields = Fields { confidential: true, scope: Scope::parse("openid").unwrap_or_default(), ..Fields::default() };
    Ok(render_new(app, &visit, &fields, None))
}

/// Makes one, and shows its secret this once.
pub async fn create(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| made(&app, head, body).await).await
}

async fn made(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(body)?;
    let visit = post(app, head, &form, NEW).await?;
    let person = visit.fresh(app, NEW).await?;
    let fields = Fields::read(&form)?;
    match clients::create(&app.engine, person, &fields.wanted(), app.now()).await {
        Ok((client, secret)) => {
            let secret = secret.as_ref().map(|secret| secret.as_str());
            one(app, &visit, &client, &Beside { secret, ..Beside::default() }).await
        }
        Err(failure) => Ok(render_new(app, &visit, &fields, Some(&problem(failure)?))),
    }
}

/// Shows one.
pub async fn one_page(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    page::answered(&app, show_one(&app, &headers, query.unwrap_or_default().as_bytes()).await)
}

async fn show_one(app: &App, headers: &HeaderMap, query: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(query)?;
    // Whoever has to sign in first begins at the list: which client it was is not carried along.
    let visit = enter(app, headers, PATH).await?;
    let client = clients::find(&app.engine, &visit.person, form.required("client")?).await?;
    one(app, &visit, &client, &Beside { after: after(&form)?, ..Beside::default() }).await
}

/// Changes one.
pub async fn submit(State(app): State<App>, request: Request) -> Response {
    page::taken(&app, request, async |head, body| change(&app, head, body).await).await
}

async fn change(app: &App, head: &read::Head, body: &[u8]) -> Result<Response, Away> {
    let form = Form::parse(body)?;
    let visit = post(app, head, &form, ONE).await?;
    let person = visit.fresh(app, PATH).await?;
    let client_id = form.required("client")?;
    match form.required("action")? {
        "save" => save(app, &visit, person, client_id, &form).await,
        "rotate" => {
            let (client, secret) = clients::rotate_secret(&app.engine, person, client_id, app.now()).await?;
            one(app, &visit, &client, &Beside { secret: Some(&secret), ..Beside::default() }).await
        }
        "delete" => {
            clients::delete(&app.engine, person, client_id, app.now()).await?;
            Ok(back(app, PATH, "deleted"))
        }
        _ => Err(invalid_request("action: save, rotate or delete").into()),
    }
}

async fn save(app: &App, visit: &Visit, person: Fresh<'_>, client_id: &str, form: &Form<'_>) -> Result<Response, Away> {
    let fields = Fields::read(form)?;
    match clients::edit(&app.engine, person, client_id, &fields.wanted(), app.now()).await {
        Ok(client) => {
            let news = Some(look::texts().clients.saved);
            one(app, visit, &client, &Beside { news, ..Beside::default() }).await
        }
        Err(failure) => {
            let client = clients::find(&app.engine, &visit.person, client_id).await?;
            let problem = problem(failure)?;
            let fields = Fields { confidential: !client.metadata.is_public(), ..fields };
            let beside = Beside { problem: Some(&problem), ..Beside::default() };
            filled(app, visit, &client, &fields, &beside).await
        }
    }
}

/// What is filled in.
#[derive(Default)]
struct Fields {
    name: String,
    redirect_uris: String,
    client_uri: String,
    scope: Scope,
    confidential: bool,
}

impl Fields {
    fn read(form: &Form<'_>) -> Result<Self, Denied> {
        let text = |name| form.get(name).unwrap_or_default().to_owned();
        Ok(Self {
            name: text("name"),
            redirect_uris: text("redirect_uris"),
            client_uri: text("client_uri"),
            scope: chosen_scope(form)?,
            confidential: form.get("confidential").is_some(),
        })
    }

    fn of(client: &Client) -> Self {
        let metadata = &client.metadata;
        let redirects: Vec<_> = metadata.redirect_uris.iter().map(ToString::to_string).collect();
        Self {
            name: metadata.client_name.clone(),
            redirect_uris: redirects.join("\n"),
            client_uri: metadata.client_uri.clone().unwrap_or_default(),
            scope: metadata.scope.clone(),
            confidential: !metadata.is_public(),
        }
    }

    fn wanted(&self) -> Wanted {
        let redirects = self.redirect_uris.lines().map(str::trim).filter(|line| !line.is_empty());
        Wanted {
            name: self.name.clone(),
            confidential: self.confidential,
            redirect_uris: redirects.map(str::to_owned).collect(),
            client_uri: Some(self.client_uri.trim().to_owned()).filter(|uri| !uri.is_empty()),
            scope: self.scope.clone(),
        }
    }

    fn shown<'f>(&'f self, app: &'f App) -> ClientForm<'f> {
        let offered = lines(clients::most_scope(&app.engine)).into_iter();
        let scopes =
            offered.map(|line| Choice { value: line.name, text: line.text, chosen: self.scope.contains(line.name) });
        ClientForm {
            name: &self.name,
            redirect_uris: &self.redirect_uris,
            client_uri: &self.client_uri,
            scopes: scopes.collect(),
            confidential: self.confidential,
        }
    }
}

async fn one(app: &App, visit: &Visit, client: &Client, beside: &Beside<'_>) -> Result<Response, Away> {
    filled(app, visit, client, &Fields::of(client), beside).await
}

async fn filled(
    app: &App,
    visit: &Visit,
    client: &Client,
    fields: &Fields,
    beside: &Beside<'_>,
) -> Result<Response, Away> {
    let grants = clients::grants(&app.engine, &visit.person, &client.client_id, beside.after, app.now()).await?;
    Ok(render(app, visit, Some((client, &grants)), fields, beside))
}

fn render_new(app: &App, visit: &Visit, fields: &Fields, problem: Option<&str>) -> Response {
    render(app, visit, None, fields, &Beside { problem, ..Beside::default() })
}

fn render(
    app: &App,
    visit: &Visit,
    of: Option<(&Client, &Listed<Held>)>,
    fields: &Fields,
    beside: &Beside<'_>,
) -> Response {
    let path = if of.is_some() { ONE } else { NEW };
    let (csrf, action) = (visit.csrf(app, path), app.engine.issuer().endpoint(path));
    let grants = of.iter().flat_map(|(_, grants)| &grants.items).map(|grant| HeldGrant {
        scopes: lines(&grant.scope),
        since: When(grant.since),
        last_used: grant.last_used.map(When),
    });
    let next =
        of.and_then(|(client, grants)| grants.next.map(|id| format!("{}&after={id}", address(app, &client.client_id))));
    let html = OwnClient {
        menu: visit.menu(app, Here::Clients),
        client_id: of.map(|(client, _)| client.client_id.as_str()),
        fields: fields.shown(app),
        secret: beside.secret.map(NewSecret),
        grants: grants.collect(),
        next,
        news: beside.news,
        problem: beside.problem,
        form: pages::Form { action: &action, csrf: &csrf },
    }
    .render();
    page::page(app, status(beside.problem.is_some()), html)
}
