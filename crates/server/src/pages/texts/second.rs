//! The page that asks for a second step.

/// The page that asks for a second step.
#[derive(Clone, Copy, Debug)]
pub struct Second {
    pub title: &'static str,
    pub lead: &'static str,
    pub code: &'static str,
    pub submit: &'static str,
    pub wrong: &'static str,
    pub wait: &'static str,
    pub lead_passkey: &'static str,
}

/// In English.
pub(super) const ENGLISH: Second = Second {
    title: "One more step",
    lead: "Type the code that your authenticator app shows, or one of your recovery codes.",
    code: "Code",
    submit: "Continue",
    wrong: "This code is wrong, or was used before. Wait for the next one.",
    wait: "Too many codes were wrong. Wait five minutes, then try again.",
    lead_passkey: "Show one of your passkeys.",
};

/// In German.
pub(super) const GERMAN: Second = Second {
    title: "Noch ein Schritt",
    lead: "Geben Sie den Code ein, den Ihre Authenticator-App zeigt, oder einen Ihrer Wiederherstellungscodes.",
    code: "Code",
    submit: "Weiter",
    wrong: "Dieser Code ist falsch oder wurde schon verwendet. Warten Sie auf den nächsten.",
    wait: "Zu viele Codes waren falsch. Warten Sie fünf Minuten und versuchen Sie es dann noch einmal.",
    lead_passkey: "Zeigen Sie einen Ihrer Passkeys.",
};
