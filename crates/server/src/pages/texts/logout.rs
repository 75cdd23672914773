//! The pages that sign out.

use super::Phrase;

/// The pages that sign out.
#[derive(Clone, Copy, Debug)]
pub struct Logout {
    pub title: &'static str,
    pub lead: &'static str,
    pub client: Phrase,
    pub another: &'static str,
    pub problem: &'static str,
    pub submit: &'static str,
    pub cancel: &'static str,
    pub stayed_title: &'static str,
    pub stayed_text: &'static str,
    pub done_title: &'static str,
    pub done_text: &'static str,
    pub done_frames: &'static str,
    pub done_frame: &'static str,
    pub done_stays: Phrase,
    pub done_next: Phrase,
}

/// In English.
pub(super) const ENGLISH: Logout = Logout {
    title: "Sign out?",
    lead: "You are signed in as",
    client: Phrase("{} asks whether you want to sign out here, too."),
    another: "The application means somebody else, or another sign-in than this one.",
    problem: "Something in the application's request is wrong, so you will stay here afterwards.",
    submit: "Sign out",
    cancel: "Stay signed in",
    stayed_title: "You are still signed in",
    stayed_text: "Nothing has changed. You may close this page.",
    done_title: "You are signed out",
    done_text: "Applications that you have used may still know you for a while; sign out there if others use this device.",
    done_frames: "The applications that you have used are being told.",
    done_frame: "An application that is told",
    done_stays: Phrase(
        "You are still signed in at {}: it could not be asked to sign you out. Sign out there, too, if others use this device.",
    ),
    done_next: Phrase("Go on to {}"),
};

/// In German.
pub(super) const GERMAN: Logout = Logout {
    title: "Abmelden?",
    lead: "Sie sind angemeldet als",
    client: Phrase("{} fragt, ob Sie sich auch hier abmelden möchten."),
    another: "Die Anwendung meint jemand anderen oder eine andere Anmeldung als diese.",
    problem: "Etwas in der Anfrage der Anwendung ist falsch, deshalb bleiben Sie danach hier.",
    submit: "Abmelden",
    cancel: "Angemeldet bleiben",
    stayed_title: "Sie sind noch angemeldet",
    stayed_text: "Nichts hat sich geändert. Sie können diese Seite schließen.",
    done_title: "Sie sind abgemeldet",
    done_text: "Anwendungen, die Sie verwendet haben, kennen Sie vielleicht noch eine Weile; melden Sie sich dort ab, wenn andere dieses Gerät verwenden.",
    done_frames: "Den Anwendungen, die Sie verwendet haben, wird es gerade gesagt.",
    done_frame: "Eine Anwendung, der es gesagt wird",
    done_stays: Phrase(
        "Bei {} sind Sie noch angemeldet: Die Abmeldung dort war von hier aus nicht möglich. Melden Sie sich auch dort ab, wenn andere dieses Gerät verwenden.",
    ),
    done_next: Phrase("Weiter zu {}"),
};
