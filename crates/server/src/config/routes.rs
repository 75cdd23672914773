//! Where endpoints and pages are.

use firman_proto::metadata::path;
use firman_proto::routes::{Route, Routes};

use super::Settings;
use super::check::problem;
use super::error::Problem;
use crate::http::{account, consent, login, logout};

/// What else is served: nothing may be moved there.
const TAKEN: [&str; 3] = ["/.well-known", "/assets", "/health"];

impl Settings {
    /// Every route: its key, where it usually is, and where it is.
    fn all_routes(&self) -> [(&'static str, &'static str, &Route); 18] {
        let routes = &self.routes;
        [
            ("routes.authorize", path::AUTHORIZE, &routes.authorize),
            ("routes.token", path::TOKEN, &routes.token),
            ("routes.par", path::PAR, &routes.par),
            ("routes.device_authorization", path::DEVICE_AUTHORIZATION, &routes.device_authorization),
            ("routes.backchannel", path::BACKCHANNEL, &routes.backchannel),
            ("routes.requests", path::REQUESTS, &routes.requests),
            ("routes.device", path::DEVICE, &routes.device),
            ("routes.register", path::REGISTER, &routes.register),
            ("routes.introspect", path::INTROSPECT, &routes.introspect),
            ("routes.revoke", path::REVOKE, &routes.revoke),
            ("routes.end_session", path::END_SESSION, &routes.end_session),
            ("routes.check_session", path::CHECK_SESSION, &routes.check_session),
            ("routes.userinfo", path::USERINFO, &routes.userinfo),
            ("routes.jwks", path::JWKS, &routes.jwks),
            ("routes.login", login::PATH, &routes.login),
            ("routes.consent", consent::PATH, &routes.consent),
            ("routes.logout", logout::PATH, &routes.logout),
            ("routes.account", account::PATH, &routes.account),
        ]
    }

    /// The routes that are not where they usually are.
    pub fn moved(&self) -> Routes {
        Routes::new(self.all_routes().map(|(_, usual, now)| (usual, now.clone())))
    }
}

/// The first route that another one is in the way of.
pub(super) fn clash(settings: &Settings) -> Option<Problem> {
    let routes = settings.all_routes();
    let cure = "give every route a path of its own, and none below another";
    routes.iter().enumerate().find_map(|(place, (key, _, route))| {
        let taken = TAKEN.iter().filter_map(|text| Route::parse(text)).any(|taken| taken.meets(route));
        let rival = routes.iter().take(place).find(|(_, _, other)| other.meets(route)).map(|(rival, ..)| *rival);
        let what = match rival {
            Some(rival) => format!("{} is in the way of {rival}", route.as_str()),
            None if taken => format!("{} is taken by something else", route.as_str()),
            None => return None,
        };
        Some(problem(settings.source(key).clone(), key, &what, cure))
    })
}
