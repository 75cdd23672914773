//! Samples of signing in at other providers.

use firman::pages::{Login, RenderError, Upstream, UpstreamTrouble, texts::ENGLISH};

use super::LOGO;

/// The login page with providers beside the password and alone, and each thing that can go wrong at one.
pub(super) fn samples(login: &Login<'_>) -> Result<Vec<(&'static str, String)>, RenderError> {
    let offered = [
        Upstream { name: "uni", label: "University of Somewhere", logo: Some(LOGO) },
        Upstream { name: "lab", label: "The lab", logo: None },
    ];
    let beside = Login { upstreams: &offered, password_needed: false, ..*login };
    let alone = Login { by_name: false, password: false, ..beside };
    let mut pages = vec![("login-upstreams", beside.render()?), ("login-only-upstreams", alone.render()?)];
    let t = &ENGLISH.upstream;
    for (name, text, code, choose) in [
        ("upstream-unreachable", t.unreachable, "temporarily_unavailable", Some("/login?choose=1")),
        ("upstream-refused", t.refused, "access_denied", Some("/login?choose=1")),
        ("upstream-unproved", t.unproved, "access_denied", None),
        ("upstream-not-admitted", t.not_admitted, "access_denied", None),
    ] {
        let trouble = UpstreamTrouble {
            provider: "University of Somewhere",
            name: "uni",
            text,
            code,
            request: "sealed",
            csrf: "token",
            again: "/login/upstream",
            leave: "/login/upstream/leave",
            choose,
        };
        pages.push((name, trouble.render()?));
    }
    Ok(pages)
}
