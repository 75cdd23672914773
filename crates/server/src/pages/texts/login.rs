//! The page that asks who you are.

use super::Phrase;

/// The page that asks who you are.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    pub title: &'static str,
    pub lead: Phrase,
    pub username: &'static str,
    pub password: &'static str,
    pub submit: &'static str,
    pub cancel: &'static str,
    pub wrong: &'static str,
    pub wait: &'static str,
    pub own_lead: &'static str,
    pub own_again: &'static str,
}

/// In English.
pub(super) const ENGLISH: Login = Login {
    title: "Sign in",
    lead: Phrase("to continue to {}"),
    username: "User name",
    password: "Password",
    submit: "Sign in",
    cancel: "Cancel",
    wrong: "User name or password is wrong.",
    wait: "Too many sign-ins went wrong. Wait a minute, then try again.",
    own_lead: "to continue to your account",
    own_again: "Sign in again to change this.",
};

/// In German.
pub(super) const GERMAN: Login = Login {
    title: "Anmelden",
    lead: Phrase("weiter zu {}"),
    username: "Benutzername",
    password: "Passwort",
    submit: "Anmelden",
    cancel: "Abbrechen",
    wrong: "Benutzername oder Passwort ist falsch.",
    wait: "Zu viele Anmeldungen sind fehlgeschlagen. Warten Sie eine Minute und versuchen Sie es dann noch einmal.",
    own_lead: "weiter zu Ihrem Konto",
    own_again: "Melden Sie sich noch einmal an, um das zu ändern.",
};
