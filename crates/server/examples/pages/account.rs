//! The pages of the account.

use firman_proto::time::Timestamp;

use firman::pages::account::{
    Allowed, AllowedApp, AllowedApps, ApiKeyEntry, ApiKeys, Choice, ClientForm, Form, HeldGrant, Here, Menu, NewApiKey,
    NewSecret, OwnClient, OwnClients, Place, RememberedAt, Sessions,
};
use firman::pages::when::When;
use firman::pages::{Client, ScopeLine, look};

use super::{LOGO, Samples, details};

const FORM: Form<'_> = Form { action: "/account", csrf: "token" };

/// So many hours after the sample's beginning.
pub(super) const fn at(hours: i64) -> When {
    When(Timestamp::from_seconds(1_795_000_000 + hours * 3600))
}

pub(super) fn menu(here: Here) -> Menu {
    let pages = [
        (Here::Apps, "/account"),
        (Here::Sessions, "/account/sessions"),
        (Here::Security, "/account/security"),
        (Here::Requests, "/requests"),
        (Here::ApiKeys, "/account/keys"),
        (Here::Clients, "/account/clients"),
    ];
    let pages = pages.map(|(page, address)| (page, address.to_owned())).to_vec();
    Menu { username: "alice".to_owned(), here, pages, sign_out: "/logout".to_owned() }
}

fn lines(scopes: &[&'static str]) -> Vec<ScopeLine<'static>> {
    scopes.iter().map(|name| ScopeLine::of(name)).collect()
}

pub(super) fn samples() -> Result<Samples, Box<dyn std::error::Error>> {
    let mut pages = allowed()?;
    pages.push(("account-sessions", sessions().render()?));
    pages.extend(keys()?);
    pages.extend(clients()?);
    Ok(pages)
}

fn allowed() -> Result<Samples, Box<dyn std::error::Error>> {
    let ledger = Client { name: "Ledger", logo: Some(LOGO), verified: true, ..Client::default() };
    let (details, books) = (details(), ["The books".to_owned()]);
    let grant = |kind, scopes| Allowed {
        kind,
        scopes: lines(scopes),
        details: &[],
        resources: &[],
        since: at(-700),
        last_used: Some(at(-3)),
        until: at(20),
    };
    let app = grant(look::texts().apps.kind_app, &["openid", "profile", "offline_access"]);
    let device = Allowed { last_used: None, ..grant(look::texts().apps.kind_device, &["openid"]) };
    let agent =
        Allowed { details: &details, resources: &books, ..grant(look::texts().apps.kind_agent, &["invoices:read"]) };
    let known = RememberedAt { resource: Some("The books"), scopes: lines(&["invoices:read"]), at: at(-700) };
    let apps = vec![
        AllowedApp {
            id: "0199c3f2-7a41".to_owned(),
            client: ledger,
            open: Some("https://ledger.example/begin".to_owned()),
            grants: vec![app],
            remembered: vec![known],
        },
        AllowedApp {
            id: "0199c3f2-7a42".to_owned(),
            client: Client { name: "Living room television", ..Client::default() },
            open: None,
            grants: vec![device],
            remembered: vec![],
        },
        AllowedApp {
            id: "0199c3f2-7a43".to_owned(),
            client: Client { name: "Bookkeeping agent", ..Client::default() },
            open: None,
            grants: vec![agent],
            remembered: vec![],
        },
    ];
    let page = AllowedApps { menu: menu(Here::Apps), apps, next: None, news: None, form: FORM };
    let news = Some(look::texts().apps.withdrawn_all);
    let none = AllowedApps { apps: vec![], news, ..page.clone() };
    Ok(vec![("account", page.render()?), ("account-nothing", none.render()?)])
}

fn way(name: &str) -> &str {
    look::texts().sessions.amr.iter().find(|(known, _)| *known == name).map_or(name, |(_, text)| text)
}

fn sessions() -> Sessions<'static> {
    let place = |id: &str, here, ways: &[&str]| Place {
        id: id.to_owned(),
        here,
        since: at(-40),
        last_seen: at(0),
        ways: ways.iter().map(|way| (*way).to_owned()).collect(),
    };
    let places =
        vec![place("0199c3f2-8a41", true, &[way("pwd"), way("otp")]), place("0199c3f2-8a42", false, &[way("hwk")])];
    Sessions { menu: menu(Here::Sessions), places, next: None, news: None, form: FORM }
}

fn keys() -> Result<Samples, Box<dyn std::error::Error>> {
    let books = ["The books".to_owned()];
    let key = |id: &str, name, last_used| ApiKeyEntry {
        id: id.to_owned(),
        name,
        scopes: lines(&["invoices:read"]),
        resources: &books,
        since: at(-300),
        last_used,
        until: at(420),
    };
    let page = ApiKeys {
        menu: menu(Here::ApiKeys),
        keys: vec![key("0199c3f2-9a41", "Nightly report", Some(at(-7))), key("0199c3f2-9a42", "Laptop", None)],
        made: None,
        new: "/account/keys/new",
        next: Some("/account/keys?after=0199c3f2-9a42".to_owned()),
        news: None,
        form: FORM,
    };
    let made = ApiKeys { made: Some(("Laptop", "fm_ak_a-key-is-longer-than-this-and-shown-once")), ..page.clone() };
    let choice = |value, text, chosen| Choice { value, text, chosen };
    let new = NewApiKey {
        menu: menu(Here::ApiKeys),
        name: "Nightly report",
        days: "30",
        most_days: 366,
        scopes: vec![choice("profile", look::texts().scope("profile"), false), choice("invoices:read", None, true)],
        resources: vec![choice("https://books.example", Some("The books"), true)],
        problem: None,
        form: FORM,
    };
    let failed = NewApiKey { problem: Some("scope: something of what API keys may be for"), ..new.clone() };
    Ok(vec![
        ("account-keys", page.render()?),
        ("account-key-made", made.render()?),
        ("account-key-new", new.render()?),
        ("account-key-failed", failed.render()?),
    ])
}

fn clients() -> Result<Samples, Box<dyn std::error::Error>> {
    let list = OwnClients {
        menu: menu(Here::Clients),
        clients: vec![(
            "Ledger".to_owned(),
            "0199c3f2-aa41".to_owned(),
            "/account/clients/one?client=ledger".to_owned(),
        )],
        new: "/account/clients/new",
        next: None,
        news: None,
    };
    let choice = |value: &'static str, chosen| Choice { value, text: look::texts().scope(value), chosen };
    let fields = ClientForm {
        name: "Ledger",
        redirect_uris: "https://ledger.example/callback",
        client_uri: "https://ledger.example/",
        scopes: vec![choice("openid", true), choice("profile", true), choice("email", false)],
        confidential: true,
    };
    let grants = vec![HeldGrant { scopes: lines(&["openid", "profile"]), since: at(-80), last_used: Some(at(-2)) }];
    let one = OwnClient {
        menu: menu(Here::Clients),
        client_id: Some("0199c3f2-aa41"),
        fields,
        secret: None,
        grants,
        next: None,
        news: None,
        problem: None,
        form: FORM,
    };
    let secret = OwnClient { secret: Some(NewSecret("fm_cs_a-secret-is-longer-than-this")), ..one.clone() };
    let blank = ClientForm { name: "", redirect_uris: "", client_uri: "", ..one.fields.clone() };
    let new = OwnClient { client_id: None, fields: blank, grants: vec![], ..one.clone() };
    Ok(vec![
        ("account-clients", list.render()?),
        ("account-client", one.render()?),
        ("account-client-secret", secret.render()?),
        ("account-client-new", new.render()?),
    ])
}
