//! The pages on which people see to how they sign in.

use firman::pages::account::Here;
use firman::pages::{Field, FormPage, Link, PasskeyForm, PasskeyLine, RenderError, Security, UpstreamLine, look};

use super::{Samples, account};

/// The pages on which people see to their own account.
pub(super) fn samples() -> Result<Samples, RenderError> {
    let t = look::texts();
    let passkeys = [("Telephone", Some(account::at(-7))), ("Security key", None)].map(|(name, used)| PasskeyLine {
        id: name.to_owned(),
        name: name.to_owned(),
        since: account::at(-300),
        used,
    });
    let upstreams = [("https://uni.example", "The University", true), ("https://lab.example", "The lab", false)];
    let upstreams = upstreams.map(|(issuer, label, may_go)| UpstreamLine {
        issuer,
        label,
        person: "alice@uni.example",
        since: account::at(-300),
        may_go,
    });
    let security = Security {
        menu: &account::menu(Here::Security),
        news: None,
        has_password: true,
        app_since: Some(account::at(-300)),
        codes_left: 9,
        email: Some(Some("alice@mail.example")),
        passkeys: Some(&passkeys),
        upstreams: &[],
        csrf: "token",
        action: "/account/security",
    };
    let plain_security = Security {
        app_since: None,
        email: Some(None),
        passkeys: Some(&[]),
        news: Some(t.security.password_changed),
        ..security
    };
    Ok(vec![
        ("second-step", second_step(None)?),
        ("second-step-wrong", second_step(Some(t.second.wrong))?),
        ("security", security.render()?),
        ("security-changed", plain_security.render()?),
        ("security-linked", Security { upstreams: &upstreams, ..security }.render()?),
        ("password", password()?),
        ("passkey", passkey()?),
        ("app", app()?),
        ("recovery-codes", recovery_codes()?),
    ])
}

fn second_step(problem: Option<&str>) -> Result<String, RenderError> {
    let t = look::texts();
    FormPage {
        id: "second",
        title: t.second.title,
        lead: t.second.lead,
        problem,
        hidden: &[("half", "sealed")],
        fields: &[Field::text("code", t.second.code, "one-time-code", "").first()],
        submit: t.second.submit,
        csrf: "token",
        action: "/login/code",
        ..FormPage::default()
    }
    .render()
}

pub(super) fn back() -> Link<'static> {
    Link { id: "security-back", href: "/account/security", text: look::texts().security.back }
}

fn password() -> Result<String, RenderError> {
    let t = look::texts();
    FormPage {
        id: "password",
        title: t.security.password_change,
        lead: t.security.password_lead,
        problem: Some(t.security.password_differ),
        fields: &[
            Field::password("current", t.security.password_current, "current-password").first(),
            Field::password("new", t.security.password_new, "new-password"),
            Field::password("again", t.security.password_again, "new-password"),
        ],
        submit: t.security.password_change,
        csrf: "token",
        action: "/account/security/password",
        links: &[back()],
        ..FormPage::default()
    }
    .render()
}

fn app() -> Result<String, RenderError> {
    let t = look::texts();
    let key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let qr = firman::qr::image(&format!("otpauth://totp/id.example%3Aalice?secret={key}&issuer=id.example"));
    FormPage {
        id: "app",
        title: t.app.title,
        lead: t.app.lead,
        picture: qr.as_deref().map(|qr| (qr, t.app.qr)),
        shown: Some((t.app.secret, &[key.to_owned()])),
        fields: &[Field::text("code", t.app.code, "one-time-code", "").first()],
        submit: t.app.submit,
        csrf: "token",
        action: "/account/security/app",
        links: &[back()],
        ..FormPage::default()
    }
    .render()
}

fn recovery_codes() -> Result<String, RenderError> {
    let t = look::texts();
    let codes: Vec<_> = (0..10).map(|number| format!("K7QX-{number}DWM-RB4T")).collect();
    FormPage {
        id: "recovery",
        title: t.app.recovery_title,
        lead: t.app.recovery_lead,
        shown: Some((t.app.recovery_title, &codes)),
        csrf: "token",
        action: "/account/security",
        links: &[back()],
        ..FormPage::default()
    }
    .render()
}

fn passkey() -> Result<String, RenderError> {
    let t = look::texts();
    FormPage {
        id: "passkeys",
        title: t.passkey.title,
        lead: t.passkey.lead,
        passkey: Some(PasskeyForm {
            kind: "create",
            options: "{}",
            question: "sealed",
            hidden: &[],
            csrf: "token",
            action: "/account/security/passkeys",
        }),
        links: &[back()],
        ..FormPage::default()
    }
    .render()
}
