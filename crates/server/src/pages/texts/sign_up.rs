//! The pages on which people make an account.

/// The pages on which people make an account.
#[derive(Clone, Copy, Debug)]
pub struct SignUp {
    pub link: &'static str,
    pub title: &'static str,
    pub address_lead: &'static str,
    pub code_lead: &'static str,
    pub code: &'static str,
    pub lead: &'static str,
    pub submit: &'static str,
    pub wrong: &'static str,
    pub expired: &'static str,
    pub wait: &'static str,
    pub has_account: &'static str,
}

/// In English.
pub(super) const ENGLISH: SignUp = SignUp {
    link: "Make an account",
    title: "Make an account",
    address_lead: "First, a code goes to your e-mail address.",
    code_lead: "A mail is on its way to this address. Type its code, and choose how you will sign in.",
    code: "Code from the mail",
    lead: "Choose how you will sign in.",
    submit: "Make the account",
    wrong: "The code is wrong.",
    expired: "The code is no longer good. Have another one sent.",
    wait: "Too many accounts are being made, or too many codes were wrong. Wait a few minutes, then try again.",
    has_account: "I have an account",
};

/// In German.
pub(super) const GERMAN: SignUp = SignUp {
    link: "Konto anlegen",
    title: "Konto anlegen",
    address_lead: "Zuerst geht ein Code an Ihre E-Mail-Adresse.",
    code_lead: "Eine E-Mail ist unterwegs an diese Adresse. Geben Sie ihren Code ein, und wählen Sie, wie Sie sich anmelden werden.",
    code: "Code aus der E-Mail",
    lead: "Wählen Sie, wie Sie sich anmelden werden.",
    submit: "Konto anlegen",
    wrong: "Der Code ist falsch.",
    expired: "Der Code gilt nicht mehr. Lassen Sie sich einen neuen schicken.",
    wait: "Zu viele Konten werden angelegt, oder zu viele Codes waren falsch. Warten Sie ein paar Minuten, und versuchen Sie es dann noch einmal.",
    has_account: "Ich habe ein Konto",
};
