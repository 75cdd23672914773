//! What a passer-by sees.

use super::Phrase;

/// What a passer-by sees.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    pub title: Phrase,
    pub lead: &'static str,
    pub person: &'static str,
    pub account: &'static str,
    pub developers: &'static str,
    pub issuer: &'static str,
    pub discovery: &'static str,
    pub discovery_link: &'static str,
    pub demo_title: &'static str,
    pub demo_text: &'static str,
}

/// In English.
pub(super) const ENGLISH: Home = Home {
    title: Phrase("This is {}"),
    lead: "It signs people in to applications, and keeps what they allowed those applications to do.",
    person: "Start in the application that you want to use: it sends you here when it is time to sign in. Here you see what you have allowed, and where you are signed in.",
    account: "Your account",
    developers: "For developers",
    issuer: "Issuer",
    discovery: "OpenID Connect discovery",
    discovery_link: "openid-configuration",
    demo_title: "You are back in the demo application",
    demo_text: "It would now exchange the code in the address of this page for tokens. To see that done, run firman login in a terminal.",
};

/// In German.
pub(super) const GERMAN: Home = Home {
    title: Phrase("Das ist {}"),
    lead: "Hier melden sich Menschen bei Anwendungen an, und hier steht, was sie diesen Anwendungen erlaubt haben.",
    person: "Beginnen Sie in der Anwendung, die Sie verwenden möchten: Sie schickt Sie hierher, wenn es Zeit ist, sich anzumelden. Hier sehen Sie, was Sie erlaubt haben und wo Sie angemeldet sind.",
    account: "Ihr Konto",
    developers: "Für Entwicklung",
    issuer: "Issuer",
    discovery: "OpenID Connect Discovery",
    discovery_link: "openid-configuration",
    demo_title: "Sie sind zurück in der Demo-Anwendung",
    demo_text: "Jetzt würde sie den Code in der Adresse dieser Seite gegen Tokens tauschen. Um das zu sehen, führen Sie in einem Terminal firman login aus.",
};
