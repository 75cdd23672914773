//! The pages that mails lead to, and those that send them.

use firman::pages::{Field, FormPage, Link, Message, RenderError, look};

use super::Samples;
use super::security::back;

pub(super) fn samples() -> Result<Samples, RenderError> {
    let t = &look::texts().mail;
    Ok(vec![
        ("forgot", forgot()?),
        ("forgot-sent", {
            let links = [Link { id: "forgot-back", href: "/login", text: t.forgot_back }];
            Message { title: t.forgot_title, text: t.forgot_sent }.leading_to(&links)?
        }),
        ("reset-elsewhere", Message { title: t.reset_title, text: t.reset_back }.render()?),
        ("reset", reset()?),
        ("email", address()?),
        ("confirm", confirm()?),
        ("sign-up", sign_up()?),
        ("sign-up-code", sign_up_code()?),
    ])
}

fn forgot() -> Result<String, RenderError> {
    let t = &look::texts().mail;
    FormPage {
        id: "forgot",
        title: t.forgot_title,
        lead: t.forgot_lead,
        fields: &[Field::text("username", t.forgot_name, "username", "").first()],
        submit: t.send,
        csrf: "token",
        action: "/login/forgot",
        ..FormPage::default()
    }
    .render()
}

fn reset() -> Result<String, RenderError> {
    let t = look::texts();
    FormPage {
        id: "reset",
        title: t.mail.reset_title,
        lead: t.mail.reset_lead,
        problem: Some(t.security.password_differ),
        shown: Some((t.login.username, &["alice".to_owned()])),
        hidden: &[("token", "sealed")],
        fields: &[
            Field::password("new", t.security.password_new, "new-password").first(),
            Field::password("again", t.security.password_again, "new-password"),
        ],
        submit: t.security.password_set,
        csrf: "token",
        action: "/login/reset",
        ..FormPage::default()
    }
    .render()
}

fn email() -> Field<'static> {
    Field { kind: "email", ..Field::text("email", look::texts().mail.address, "email", "alice@mail.example").first() }
}

fn address() -> Result<String, RenderError> {
    let t = &look::texts().mail;
    FormPage {
        id: "email",
        title: t.address,
        lead: t.address_lead,
        fields: &[email()],
        submit: t.send,
        csrf: "token",
        action: "/account/security/email",
        links: &[back()],
        ..FormPage::default()
    }
    .render()
}

fn confirm() -> Result<String, RenderError> {
    let t = &look::texts().mail;
    FormPage {
        id: "confirm",
        title: t.confirm_title,
        lead: t.confirm_lead,
        shown: Some((t.confirm_what, &["alice@mail.example".to_owned(), "alice".to_owned()])),
        hidden: &[("token", "sealed")],
        submit: t.confirm_submit,
        csrf: "token",
        action: "/account/email",
        ..FormPage::default()
    }
    .render()
}

fn login() -> Link<'static> {
    Link { id: "has-account", href: "/login", text: look::texts().sign_up.has_account }
}

fn sign_up() -> Result<String, RenderError> {
    let t = look::texts();
    FormPage {
        id: "sign-up",
        title: t.sign_up.title,
        lead: t.sign_up.address_lead,
        hidden: &[("request", "sealed")],
        fields: &[email()],
        submit: t.mail.send,
        csrf: "token",
        action: "/login/sign-up",
        links: &[login()],
        ..FormPage::default()
    }
    .render()
}

fn sign_up_code() -> Result<String, RenderError> {
    let t = look::texts();
    FormPage {
        id: "sign-up",
        title: t.sign_up.title,
        lead: t.sign_up.code_lead,
        problem: Some(t.sign_up.wrong),
        shown: Some((t.mail.address, &["alice@mail.example".to_owned()])),
        hidden: &[("request", "sealed"), ("asked", "sealed")],
        fields: &[
            Field::text("code", t.sign_up.code, "one-time-code", "").first(),
            Field::text("username", t.login.username, "username", "alice"),
            Field::password("new", t.login.password, "new-password"),
            Field::password("again", t.security.password_again, "new-password"),
        ],
        submit: t.sign_up.submit,
        csrf: "token",
        action: "/login/sign-up",
        links: &[login()],
        ..FormPage::default()
    }
    .render()
}
