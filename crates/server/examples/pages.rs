//! Writes a sample of every page into a folder, to be looked at: `cargo run --example pages -- FOLDER`.

use std::path::Path;

use firman_proto::authorization_details::Described;

use firman::pages::{
    Client, Consent, Device, ErrorPage, Home, Login, Message, Requests, ScopeLine, Waiting, assets, texts::ENGLISH,
};

const LOGO: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 56 56'%3E%3Crect width='56' \
                    height='56' rx='10' fill='%23215c5c'/%3E%3Cpath d='M16 14h8v22h16v8H16z' fill='%23fff'/%3E%3C/svg%3E";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("say which folder: cargo run --example pages -- FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder.join("assets"))?;
    for asset in assets::paths().into_iter().filter_map(assets::find) {
        std::fs::write(folder.join(asset.path.trim_start_matches('/')), asset.body)?;
    }
    for (name, html) in samples()? {
        // Opened as files, there is no root to link from.
        std::fs::write(folder.join(format!("{name}.html")), html.replace("\"/assets/", "\"assets/"))?;
    }
    Ok(())
}

fn details() -> Vec<Described> {
    let facts = [("actions", "initiate"), ("Amount: currency", "EUR"), ("Amount: value", "12.50")];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    vec![Described { title: "Make a payment".to_owned(), facts }]
}

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
        client: full,
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
    };
    let failed = Login { client: plain, login_hint: Some("alice"), problem: Some(ENGLISH.wrong_credentials), ..login };
    let consent = Consent {
        client: full,
        redirect_host: "ledger.example",
        user_code: None,
        username: "alice",
        scopes: ["openid", "profile", "email", "offline_access", "invoices:read"].map(ScopeLine::of).to_vec(),
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
    let payment = Consent { scopes: vec![], details: details(), ..consent.clone() };
    let tv = Consent { user_code: Some("WDJB-MJHT"), ..consent.clone() };
    let qr = firman::qr::image("https://id.example/device").ok_or("no QR code")?;
    let device = Device { user_code: "", problem: None, qr: &qr, csrf: "token", action: "/device" };
    let unknown = Device { user_code: "WDJB-MJHT", problem: Some(ENGLISH.device_unknown), ..device };
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
    let requests = Requests { username: Some("alice"), requests: &waiting, news: None, problem: None, csrf, action };
    let answered = Requests { requests: &[], news: Some(ENGLISH.requests_allowed), ..requests };
    let stranger = Requests { username: None, requests: &[], ..requests };
    let error = ErrorPage { code: "invalid_request", text, incident: Some("0199c3f2-7a41") };
    Ok(vec![
        ("login", login.render()?),
        ("login-failed", failed.render()?),
        ("consent", consent.render()?),
        ("consent-crowded", crowded.render()?),
        ("consent-payment", payment.render()?),
        ("consent-device", tv.render()?),
        ("device", device.render()?),
        ("device-unknown", unknown.render()?),
        ("requests", requests.render()?),
        ("requests-answered", answered.render()?),
        ("requests-sign-in", stranger.render()?),
        ("error", error.render()?),
        ("home", Home { issuer: "https://id.example" }.render()?),
        ("message", Message { title: ENGLISH.not_found_title, text: ENGLISH.not_found_text }.render()?),
    ])
}
