//! The page of how one signs in, and of its password.

/// The page of how one signs in, and of its password.
#[derive(Clone, Copy, Debug)]
pub struct Security {
    pub title: &'static str,
    pub lead: &'static str,
    pub elsewhere: &'static str,
    pub back: &'static str,
    pub password_section: &'static str,
    pub password_change: &'static str,
    pub password_set: &'static str,
    pub password_none: &'static str,
    pub password_lead: &'static str,
    pub password_current: &'static str,
    pub password_new: &'static str,
    pub password_again: &'static str,
    pub password_differ: &'static str,
    pub password_wrong: &'static str,
    pub password_changed: &'static str,
}

/// In English.
pub(super) const ENGLISH: Security = Security {
    title: "How you sign in",
    lead: "What proves that it is you. To change any of it, you may have to sign in again first.",
    elsewhere: "Your account is kept by another service. There you change how you sign in.",
    back: "Back",
    password_section: "Password",
    password_change: "Change the password",
    password_set: "Set a password",
    password_none: "You have no password.",
    password_lead: "You are signed out everywhere but here, and applications have to ask you again.",
    password_current: "Password until now",
    password_new: "New password",
    password_again: "New password once more",
    password_differ: "The two new passwords are not the same.",
    password_wrong: "The password until now is wrong.",
    password_changed: "You have a new password. Everywhere else you are signed out.",
};

/// In German.
pub(super) const GERMAN: Security = Security {
    title: "Wie Sie sich anmelden",
    lead: "Was beweist, dass Sie es sind. Um etwas davon zu ändern, müssen Sie sich vielleicht erst noch einmal anmelden.",
    elsewhere: "Ihr Konto führt ein anderer Dienst. Dort ändern Sie, wie Sie sich anmelden.",
    back: "Zurück",
    password_section: "Passwort",
    password_change: "Passwort ändern",
    password_set: "Passwort festlegen",
    password_none: "Sie haben kein Passwort.",
    password_lead: "Sie werden überall außer hier abgemeldet, und Anwendungen müssen Sie neu fragen.",
    password_current: "Bisheriges Passwort",
    password_new: "Neues Passwort",
    password_again: "Neues Passwort noch einmal",
    password_differ: "Die beiden neuen Passwörter sind nicht gleich.",
    password_wrong: "Das bisherige Passwort ist falsch.",
    password_changed: "Sie haben ein neues Passwort. Überall sonst sind Sie abgemeldet.",
};
