//! What the pages of an account have in common.

/// What the pages of an account have in common.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub menu: &'static str,
    pub security: &'static str,
    pub requests: &'static str,
    pub next: &'static str,
    pub problem: &'static str,
    pub since: &'static str,
    pub last_used: &'static str,
    pub never_used: &'static str,
    pub until: &'static str,
    pub name: &'static str,
    pub create: &'static str,
    pub save: &'static str,
    pub once: &'static str,
}

/// In English.
pub(super) const ENGLISH: Account = Account {
    menu: "Your account",
    security: "Security",
    requests: "Requests",
    next: "More",
    problem: "That did not work",
    since: "Since",
    last_used: "Last used",
    never_used: "not yet",
    until: "Until",
    name: "Name",
    create: "Create",
    save: "Save",
    once: "Copy it now: it is shown this once and never again.",
};

/// In German.
pub(super) const GERMAN: Account = Account {
    menu: "Ihr Konto",
    security: "Sicherheit",
    requests: "Anfragen",
    next: "Mehr",
    problem: "Das hat nicht geklappt",
    since: "Seit",
    last_used: "Zuletzt verwendet",
    never_used: "noch nicht",
    until: "Bis",
    name: "Name",
    create: "Anlegen",
    save: "Speichern",
    once: "Kopieren Sie das jetzt: Es wird nur dieses eine Mal gezeigt.",
};
