//! The page of the browsers that one is signed in with.

/// The page of the browsers that one is signed in with.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    pub title: &'static str,
    pub lead: &'static str,
    pub this_browser: &'static str,
    pub other_browser: &'static str,
    pub last_seen: &'static str,
    pub ways: &'static str,
    pub end: &'static str,
    pub end_here: &'static str,
    pub end_others: &'static str,
    pub end_all: &'static str,
    pub ended: &'static str,
    pub ended_others: &'static str,
    /// The ways to sign in (RFC 8176) in words.
    pub amr: &'static [(&'static str, &'static str)],
}

/// In English.
pub(super) const ENGLISH: Sessions = Sessions {
    title: "Sign-ins",
    lead: "The browsers that you are signed in with. End what you do not know.",
    this_browser: "This browser",
    other_browser: "Another browser",
    last_seen: "Last seen",
    ways: "Signed in by",
    end: "Sign out",
    end_here: "Sign out here",
    end_others: "Sign out everywhere else",
    end_all: "Sign out everywhere",
    ended: "That browser is signed out.",
    ended_others: "All other browsers are signed out.",
    amr: &[
        ("pwd", "Password"),
        ("otp", "One-time code"),
        ("hwk", "Passkey"),
        ("swk", "Passkey"),
        ("fed", "Another service"),
    ],
};

/// In German.
pub(super) const GERMAN: Sessions = Sessions {
    title: "Anmeldungen",
    lead: "Die Browser, in denen Sie angemeldet sind. Beenden Sie, was Sie nicht kennen.",
    this_browser: "Dieser Browser",
    other_browser: "Ein anderer Browser",
    last_seen: "Zuletzt gesehen",
    ways: "Angemeldet mit",
    end: "Abmelden",
    end_here: "Hier abmelden",
    end_others: "Überall sonst abmelden",
    end_all: "Überall abmelden",
    ended: "Dieser Browser ist abgemeldet.",
    ended_others: "Alle anderen Browser sind abgemeldet.",
    amr: &[
        ("pwd", "Passwort"),
        ("otp", "Einmalcode"),
        ("hwk", "Passkey"),
        ("swk", "Passkey"),
        ("fed", "Ein anderer Dienst"),
    ],
};
