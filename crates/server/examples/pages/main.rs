//! Writes a sample of every page into a folder, to be looked at: `cargo run --example pages -- FOLDER`.

mod account;
mod mail;

use std::path::Path;

use firman_proto::authorization_details::Described;

use firman::pages::account::Here;
use firman::pages::{
    Client, Consent, Device, ErrorPage, Field, FormPage, Home, Link, Login, Message, PasskeyLine, RenderError,
    Requests, ScopeLine, Security, Select, Waiting, assets, texts::ENGLISH,
};

pub(crate) const LOGO: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 56 56'%3E%3Crect width='56' \
                    height='56' rx='10' fill='%23215c5c'/%3E%3Cpath d='M16 14h8v22h16v8H16z' fill='%23fff'/%3E%3C/svg%3E";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("say which folder: cargo run --example pages -- FOLDER")?;
    write(Path::new(&folder))
}

/// Writes every sample, and what it refers to.
pub(crate) fn write(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder.join("assets"))?;
    for asset in assets::paths().into_iter().filter_map(assets::find) {
        std::fs::write(folder.join(asset.path.trim_start_matches('/')), asset.body)?;
    }
    for (name, html) in samples()?.into_iter().chain(own_samples()?) {
        // Opened as files, there is no root to link from.
        std::fs::write(folder.join(format!("{name}.html")), html.replace("\"/assets/", "\"assets/"))?;
    }
    Ok(())
}

pub(crate) fn details() -> Vec<Described> {
    let facts = [("actions", "initiate"), ("Amount: currency", "EUR"), ("Amount: value", "12.50")];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    vec![Described { title: "Make a payment".to_owned(), facts }]
}

#[allow(clippy::too_many_lines, reason = "one sample after another")]
fn samples() -> Result<Vec<(&'static str, String)>, Box<dyn std::error::Error>> {
    let plain = Client { name: "Ledger", ..Client::default() };
    let full = Client {
        logo: Some(LOGO),
        uri: Some("https://ledger.example/"),
        policy_uri: Some("https://ledger.example/privacy"),
        tos_uri: Some("https://ledger.example/terms"),
        ..plain
    };
    let long =
        Client { name: "The Association of Amalgamated Bookkeepersandauditorsofthewholeworld (Accounting)", ..full };
    let login = Login {
        client: Some(full),
        again: false,
        login_hint: None,
        problem: None,
        request: "sealed",
        csrf: "token",
        action: "/login",
        upstreams: &[],
        upstream_action: "/login/upstream",
        upstream_csrf: "token",
        by_name: true,
        password: true,
        password_needed: true,
        forgot: Some("/login/forgot"),
        sign_up: Some("/login/sign-up"),
        passkey: None,
    };
    let failed = Login { client: Some(plain), login_hint: Some("alice"), problem: Some(ENGLISH.login.wrong), ..login };
    let select = Select { client: full, username: "alice", request: "sealed", csrf: "token", action: "/login/select" };
    let consent = Consent {
        client: full,
        redirect_host: "ledger.example",
        user_code: None,
        username: "alice",
        scopes: ["openid", "profile", "email", "offline_access", "invoices:read"].map(ScopeLine::of).to_vec(),
        known: vec![],
        details: vec![],
        resources: vec![],
        request: "sealed",
        csrf: "token",
        action: "/consent",
    };
    let crowded = Consent {
        client: long,
        redirect_host: "a-rather-long-name-of-a-host.department.of.something.ledger.example",
        username: "alice.with.a.long.name@somewhere.example",
        scopes: vec![],
        resources: vec!["The books".to_owned(), "https://a-rather-long-name-of-a-host.ledger.example/v1".to_owned()],
        ..consent.clone()
    };
    let more = Consent {
        client: Client { verified: true, ..full },
        scopes: ["email", "invoices:read"].map(ScopeLine::of).to_vec(),
        known: ["openid", "profile"].map(ScopeLine::of).to_vec(),
        ..consent.clone()
    };
    let payment = Consent { scopes: vec![], details: details(), ..consent.clone() };
    let tv = Consent { user_code: Some("WDJB-MJHT"), ..consent.clone() };
    let qr = firman::qr::image("https://id.example/device").ok_or("no QR code")?;
    let device = Device { user_code: "", problem: None, qr: &qr, csrf: "token", action: "/device" };
    let unknown = Device { user_code: "WDJB-MJHT", problem: Some(ENGLISH.device.unknown), ..device };
    let text = "The address to return to (redirect_uri) is not one that this application has registered.";
    let paid = details();
    let waiting = |client_name, binding_message| Waiting {
        id: "0199c3f2-7a41".to_owned(),
        client_name,
        scopes: ["openid", "invoices:read"].map(ScopeLine::of).to_vec(),
        details: &paid,
        resources: &[],
        binding_message,
    };
    let waiting = [waiting("Ledger", Some("W4SCT")), waiting("Till 7", None)];
    let (csrf, action) = ("token", "/requests");
    let menu = account::menu(Here::Requests);
    let requests = Requests { menu: &menu, requests: &waiting, news: None, csrf, action };
    let answered = Requests { requests: &[], news: Some(ENGLISH.requests.allowed), ..requests };
    let error = ErrorPage { code: "invalid_request", text, incident: Some("0199c3f2-7a41") };
    let mut pages = vec![
        ("login", login.render()?),
        ("login-failed", failed.render()?),
        ("select", select.render()?),
        ("login-own", Login { client: None, ..login }.render()?),
        ("login-again", Login { client: None, again: true, login_hint: Some("alice"), ..login }.render()?),
        ("consent", consent.render()?),
        ("consent-more", more.render()?),
        ("consent-crowded", crowded.render()?),
        ("consent-payment", payment.render()?),
        ("consent-device", tv.render()?),
        ("device", device.render()?),
        ("device-unknown", unknown.render()?),
        ("requests", requests.render()?),
        ("requests-answered", answered.render()?),
        ("error", error.render()?),
        ("home", Home { issuer: "https://id.example", account: "/account" }.render()?),
        ("message", Message { title: ENGLISH.error.not_found_title, text: ENGLISH.error.not_found_text }.render()?),
    ];
    pages.extend(account::samples()?);
    Ok(pages)
}

/// The pages on which people see to their own account.
fn own_samples() -> Result<Vec<(&'static str, String)>, RenderError> {
    let passkeys = [("Telephone", Some(account::at(-7))), ("Security key", None)].map(|(name, used)| PasskeyLine {
        id: name.to_owned(),
        name: name.to_owned(),
        since: account::at(-300),
        used,
    });
    let security = Security {
        menu: &account::menu(Here::Security),
        news: None,
        has_password: true,
        app_since: Some(account::at(-300)),
        codes_left: 9,
        email: Some(Some("alice@mail.example")),
        passkeys: Some(&passkeys),
        csrf: "token",
        action: "/account/security",
    };
    let plain_security = Security {
        app_since: None,
        email: Some(None),
        passkeys: Some(&[]),
        news: Some(ENGLISH.security.password_changed),
        ..security
    };
    Ok(vec![
        ("second-step", second_step(None)?),
        ("second-step-wrong", second_step(Some(ENGLISH.second.wrong))?),
        ("security", security.render()?),
        ("security-changed", plain_security.render()?),
        ("password", password()?),
        ("forgot", mail::forgot()?),
        ("reset", mail::reset()?),
        ("email", mail::address()?),
        ("confirm", mail::confirm()?),
        ("sign-up", mail::sign_up()?),
        ("sign-up-code", mail::sign_up_code()?),
        ("app", app()?),
        ("recovery-codes", recovery_codes()?),
    ])
}

fn second_step(problem: Option<&str>) -> Result<String, RenderError> {
    FormPage {
        id: "second",
        title: ENGLISH.second.title,
        lead: ENGLISH.second.lead,
        problem,
        hidden: &[("half", "sealed")],
        fields: &[Field::text("code", ENGLISH.second.code, "one-time-code", "").first()],
        submit: ENGLISH.second.submit,
        csrf: "token",
        action: "/login/code",
        ..FormPage::default()
    }
    .render()
}

const BACK: Link<'_> = Link { id: "security-back", href: "/account/security", text: "Back" };

fn password() -> Result<String, RenderError> {
    FormPage {
        id: "password",
        title: ENGLISH.security.password_change,
        lead: ENGLISH.security.password_lead,
        problem: Some(ENGLISH.security.password_differ),
        fields: &[
            Field::password("current", ENGLISH.security.password_current, "current-password").first(),
            Field::password("new", ENGLISH.security.password_new, "new-password"),
            Field::password("again", ENGLISH.security.password_again, "new-password"),
        ],
        submit: ENGLISH.security.password_change,
        csrf: "token",
        action: "/account/security/password",
        links: &[BACK],
        ..FormPage::default()
    }
    .render()
}

fn app() -> Result<String, RenderError> {
    let key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let qr = firman::qr::image(&format!("otpauth://totp/id.example%3Aalice?secret={key}&issuer=id.example"));
    FormPage {
        id: "app",
        title: ENGLISH.app.title,
        lead: ENGLISH.app.lead,
        picture: qr.as_deref().map(|qr| (qr, ENGLISH.app.qr)),
        shown: Some((ENGLISH.app.secret, &[key.to_owned()])),
        fields: &[Field::text("code", ENGLISH.app.code, "one-time-code", "").first()],
        submit: ENGLISH.app.submit,
        csrf: "token",
        action: "/account/security/app",
        links: &[BACK],
        ..FormPage::default()
    }
    .render()
}

fn recovery_codes() -> Result<String, RenderError> {
    let codes: Vec<_> = (0..10).map(|number| format!("K7QX-{number}DWM-RB4T")).collect();
    FormPage {
        id: "recovery",
        title: ENGLISH.app.recovery_title,
        lead: ENGLISH.app.recovery_lead,
        shown: Some((ENGLISH.app.recovery_title, &codes)),
        csrf: "token",
        action: "/account/security",
        links: &[BACK],
        ..FormPage::default()
    }
    .render()
}
