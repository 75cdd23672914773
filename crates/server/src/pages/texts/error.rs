//! The page of what cannot go on, and of addresses that are nobody's.

/// The page of what cannot go on, and of addresses that are nobody's.
#[derive(Clone, Copy, Debug)]
pub struct Error {
    pub title: &'static str,
    pub next: &'static str,
    pub steps: &'static [&'static str],
    pub code: &'static str,
    pub incident: &'static str,
    /// The public text of a fault of the server itself.
    pub internal: &'static str,
    pub not_found_title: &'static str,
    pub not_found_text: &'static str,
}

/// In English.
pub(super) const ENGLISH: Error = Error {
    title: "This request cannot continue",
    next: "What you can do",
    steps: &[
        "Go back to the application you came from and start again.",
        "If it happens again, tell the people who run that application, and give them what stands below.",
    ],
    code: "Error",
    incident: "Incident",
    internal: "Something went wrong on this server. It is not your fault.",
    not_found_title: "Nothing here",
    not_found_text: "There is no page at this address.",
};

/// In German.
pub(super) const GERMAN: Error = Error {
    title: "Hier geht es nicht weiter",
    next: "Was Sie tun können",
    steps: &[
        "Gehen Sie zurück zu der Anwendung, von der Sie kommen, und beginnen Sie von vorn.",
        "Wenn es wieder geschieht, sagen Sie es den Leuten, die diese Anwendung betreiben, und nennen Sie ihnen, was unten steht.",
    ],
    code: "Fehler",
    incident: "Vorfall",
    internal: "Auf diesem Server ist etwas schiefgegangen. Es liegt nicht an Ihnen.",
    not_found_title: "Hier ist nichts",
    not_found_text: "Unter dieser Adresse gibt es keine Seite.",
};
