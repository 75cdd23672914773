//! Every page, with the same text wherever there is one.

use firman_proto::authorization_details::Described;
use firman_proto::time::Timestamp;

use crate::pages::account::{
    Allowed, AllowedApp, AllowedApps, ApiKeyEntry, ApiKeys, Choice, ClientForm, Form, HeldGrant, Here, Menu, NewApiKey,
    NewSecret, OwnClient, OwnClients, Place, RememberedAt, Sessions,
};
use crate::pages::when::When;
use crate::pages::{
    Client, Consent, Device, ErrorPage, Home, Login, Logout, Message, PasskeyForm, Post, Requests, ScopeLine,
    SignedOut, Upstream, Waiting,
};

fn client(text: &str) -> Client<'_> {
    Client {
        name: text,
        logo: Some(text),
        uri: Some(text),
        policy_uri: Some(text),
        tos_uri: Some(text),
        verified: false,
    }
}

pub(super) fn login(text: &str) -> String {
    login_with(text, None)
}

pub(super) fn login_with<'t>(text: &'t str, passkey: Option<PasskeyForm<'t>>) -> String {
    let (login_hint, problem) = (Some(text), Some(text));
    let offered = [Upstream { name: "uni", label: text, logo: None }];
    Login {
        client: Some(client(text)),
        again: false,
        login_hint,
        problem,
        request: text,
        csrf: text,
        action: text,
        upstreams: &offered,
        upstream_action: text,
        upstream_csrf: text,
        by_name: true,
        password: true,
        password_needed: true,
        forgot: Some("/login/forgot"),
        sign_up: Some("/login/sign-up"),
        passkey,
    }
    .render()
    .unwrap()
}

pub(super) fn passkey(text: &str) -> PasskeyForm<'_> {
    PasskeyForm { kind: "get", options: text, question: text, hidden: &[], csrf: text, action: text }
}

pub(super) fn details(text: &str) -> Vec<Described> {
    vec![Described { title: text.to_owned(), facts: vec![(format!("{text} of"), text.to_owned())] }]
}

pub(super) fn consent(text: &str, scopes: Vec<ScopeLine<'_>>) -> String {
    let (redirect_host, username, user_code) = (text, text, None);
    let (client, resources) = (client(text), vec![text.to_owned()]);
    Consent {
        client,
        redirect_host,
        user_code,
        username,
        scopes,
        known: vec![],
        details: vec![],
        resources,
        request: text,
        csrf: text,
        action: text,
    }
    .render()
    .unwrap()
}

pub(super) fn consent_to_a_device(text: &str) -> String {
    let (redirect_host, username, user_code) = ("not shown", text, Some(text));
    let (client, scopes) = (client(text), vec![]);
    Consent {
        client,
        redirect_host,
        user_code,
        username,
        scopes,
        known: vec![],
        details: details(text),
        resources: vec![],
        request: text,
        csrf: text,
        action: text,
    }
    .render()
    .unwrap()
}

pub(super) fn post(text: &str) -> String {
    Post { action: text, host: text, members: &[("code", text.to_owned())] }.render().unwrap()
}

fn requests(text: &str) -> String {
    let scopes = vec![ScopeLine { name: text, text: None }];
    let waiting = [Waiting {
        id: text.to_owned(),
        client_name: text,
        scopes,
        details: &details(text),
        resources: &[],
        binding_message: Some(text),
    }];
    let menu = menu(text);
    Requests { menu: &menu, requests: &waiting, news: Some(text), csrf: text, action: text }.render().unwrap()
}

pub(super) fn logout(text: &str) -> String {
    Logout {
        client: Some(client(text)),
        username: text,
        means_another: true,
        problem: Some(text),
        request: text,
        csrf: text,
        action: text,
    }
    .render()
    .unwrap()
}

pub(super) fn signed_out(text: &str) -> String {
    SignedOut { problem: Some(text), frames: &[text, text], to: Some((text, text)), stays: None }.render().unwrap()
}

pub(super) fn every_page(text: &str) -> Vec<String> {
    let mut pages = vec![
        login(text),
        login_with(text, Some(passkey(text))),
        consent(text, vec![ScopeLine::of(text), ScopeLine { name: "x", text: Some(text) }]),
        Device { user_code: text, problem: Some(text), qr: text, csrf: text, action: text }.render().unwrap(),
        consent_to_a_device(text),
        ErrorPage { code: text, text, incident: Some(text) }.render().unwrap(),
        Home { issuer: text, account: text }.render().unwrap(),
        Message { title: text, text }.render().unwrap(),
        post(text),
        logout(text),
        signed_out(text),
        SignedOut { to: Some((text, text)), stays: Some(text), ..SignedOut::default() }.render().unwrap(),
        requests(text),
        Login {
            client: None,
            passkey: Some(passkey(text)),
            forgot: None,
            sign_up: None,
            again: true,
            login_hint: Some(text),
            problem: None,
            request: text,
            csrf: text,
            action: text,
            upstreams: &[],
            upstream_action: text,
            upstream_csrf: text,
            by_name: true,
            password: true,
            password_needed: true,
        }
        .render()
        .unwrap(),
    ];
    pages.extend(account(text));
    pages
}

fn menu(text: &str) -> Menu {
    let pages = [Here::Apps, Here::Sessions, Here::Security, Here::ApiKeys, Here::Clients];
    let pages = pages.map(|page| (page, text.to_owned())).to_vec();
    Menu { username: text.to_owned(), here: Here::Apps, pages, sign_out: text.to_owned() }
}

/// The pages of the account, with something of everything on them.
fn account(text: &str) -> Vec<String> {
    let (when, line) = (When(Timestamp::from_seconds(0)), ScopeLine { name: text, text: None });
    let form = Form { action: text, csrf: text };
    let (details, resources) = (details(text), vec![text.to_owned()]);
    let allowed = Allowed {
        kind: text,
        scopes: vec![line],
        details: &details,
        resources: &resources,
        since: when,
        last_used: Some(when),
        until: when,
    };
    let remembered = RememberedAt { resource: Some(text), scopes: vec![line], at: when };
    let app = AllowedApp {
        id: text.to_owned(),
        client: client(text),
        open: Some(text.to_owned()),
        grants: vec![allowed],
        remembered: vec![remembered],
    };
    let (next, news, problem) = (Some(text.to_owned()), Some(text), Some(text));
    let apps = AllowedApps { menu: menu(text), apps: vec![app], next: next.clone(), news, form };
    let place = Place { id: text.to_owned(), here: false, since: when, last_seen: when, ways: vec![text.to_owned()] };
    let places = vec![place.clone(), Place { here: true, ..place }];
    let sessions = Sessions { menu: menu(text), places, next: next.clone(), news, form };
    let key = ApiKeyEntry {
        id: text.to_owned(),
        name: text,
        scopes: vec![line],
        resources: &resources,
        since: when,
        last_used: None,
        until: when,
    };
    let made = Some((text, text));
    let keys = ApiKeys { menu: menu(text), keys: vec![key], made, new: text, next: next.clone(), news, form };
    let choice = Choice { value: text, text: Some(text), chosen: true };
    let new_key = NewApiKey {
        menu: menu(text),
        name: text,
        days: text,
        most_days: 366,
        scopes: vec![choice],
        resources: vec![choice],
        problem,
        form,
    };
    let line_of = (text.to_owned(), text.to_owned(), text.to_owned());
    let clients = OwnClients { menu: menu(text), clients: vec![line_of], new: text, next: next.clone(), news };
    let fields =
        ClientForm { name: text, redirect_uris: text, client_uri: text, scopes: vec![choice], confidential: true };
    let held = HeldGrant { scopes: vec![line], since: when, last_used: None };
    let (secret, grants) = (Some(NewSecret(text)), vec![held]);
    let client_id = Some(text);
    let one = OwnClient { menu: menu(text), client_id, fields, secret, grants, next, news, problem, form };
    let new = OwnClient { client_id: None, secret: None, grants: vec![], next: None, ..one.clone() };
    [apps.render(), sessions.render(), keys.render(), new_key.render(), clients.render(), one.render(), new.render()]
        .map(Result::unwrap)
        .to_vec()
}
