//! The pages on which people are asked: who they are, what an application may, whether they want to leave.

use firman::pages::account::Here;
use firman::pages::{
    Client, Consent, Device, ErrorPage, Home, Login, Logout, Message, PasskeyForm, Post, Requests, ScopeLine, Select,
    SignedOut, Upstream, UpstreamTrouble, Waiting, look,
};

use super::{LOGO, Samples, account, details};

#[allow(clippy::too_many_lines, reason = "one sample after another")]
pub(super) fn samples() -> Result<Samples, Box<dyn std::error::Error>> {
    let t = look::texts();
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
    let failed = Login { client: Some(plain), login_hint: Some("alice"), problem: Some(t.login.wrong), ..login };
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
    let unknown = Device { user_code: "WDJB-MJHT", problem: Some(t.device.unknown), ..device };
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
    let answered = Requests { requests: &[], news: Some(t.requests.allowed), ..requests };
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
        (
            "form-post",
            Post { action: "https://ledger.example/callback", host: "ledger.example", members: &[] }.render()?,
        ),
    ];
    pages.extend(sign_in(&login)?);
    pages.extend(sign_out(full)?);
    pages.extend(messages()?);
    Ok(pages)
}

/// Other ways than by a password.
fn sign_in(login: &Login<'_>) -> Result<Samples, Box<dyn std::error::Error>> {
    let t = look::texts();
    let passkey = PasskeyForm {
        kind: "get",
        options: "{}",
        question: "sealed",
        hidden: &[],
        csrf: "token",
        action: "/login/passkey",
    };
    let upstreams = [("uni", "The University", Some(LOGO)), ("work", "The Association of Bookkeepers", None)]
        .map(|(name, label, logo)| Upstream { name, label, logo });
    let elsewhere = Login {
        upstreams: &upstreams,
        by_name: false,
        password: false,
        password_needed: false,
        forgot: None,
        sign_up: None,
        ..*login
    };
    let trouble = UpstreamTrouble {
        provider: "The University",
        name: "uni",
        text: t.upstream.not_admitted,
        code: "access_denied",
        request: "sealed",
        csrf: "token",
        again: "/login/upstream",
        leave: "/login/upstream/leave",
        choose: Some("/login"),
    };
    Ok(vec![
        ("login-passkey", Login { passkey: Some(passkey), ..*login }.render()?),
        ("login-upstream", Login { upstreams: &upstreams, passkey: Some(passkey), ..*login }.render()?),
        ("login-elsewhere", elsewhere.render()?),
        ("upstream-trouble", trouble.render()?),
    ])
}

fn sign_out(client: Client<'_>) -> Result<Samples, Box<dyn std::error::Error>> {
    let ask = Logout {
        client: Some(client),
        username: "alice",
        means_another: false,
        problem: None,
        request: "sealed",
        csrf: "token",
        action: "/logout",
    };
    let problem = Some("post_logout_redirect_uri: not registered for this client");
    let telling = SignedOut { frames: &["about:blank"], to: Some(("#", "ledger.example")), ..SignedOut::default() };
    Ok(vec![
        ("logout", ask.render()?),
        ("logout-problem", Logout { means_another: true, problem, ..ask }.render()?),
        ("signed-out", SignedOut::default().render()?),
        ("signed-out-telling", telling.render()?),
        ("signed-out-stays", SignedOut { frames: &[], stays: Some("University"), ..telling }.render()?),
    ])
}

/// Pages that say one thing.
fn messages() -> Result<Samples, Box<dyn std::error::Error>> {
    let t = look::texts();
    let pages = [
        ("not-found", t.error.not_found_title, t.error.not_found_text),
        ("device-allowed", t.device.allowed_title, t.device.allowed_text),
        ("device-denied", t.device.denied_title, t.device.denied_text),
        ("logout-stayed", t.logout.stayed_title, t.logout.stayed_text),
        ("security-elsewhere", t.security.title, t.security.elsewhere),
    ];
    let pages = pages.map(|(name, title, text)| Ok((name, Message { title, text }.render()?)));
    pages.into_iter().collect()
}
