//! From bytes to typed requests and back; nothing is decided here.

pub mod account;
pub mod answer;
mod asked;
pub mod asker;
pub mod authorize;
pub mod backchannel;
pub mod check_session;
pub mod consent;
pub mod cookies;
pub mod device;
pub mod discovery;
pub mod health;
pub mod home;
pub mod introspect;
pub mod login;
pub mod login_app;
pub mod logout;
pub mod look;
pub mod mail;
pub mod origin;
pub mod page;
pub mod par;
pub mod passkey;
pub mod passkeys;
pub mod read;
pub mod register;
pub mod revocations;
pub mod revoke;
pub mod security;
pub mod select;
pub mod sign_in;
pub mod sign_up;
pub mod token;
pub mod upstream;
pub mod userinfo;

use std::sync::Arc;

use firman_engine::{Clock, Engine};
use firman_proto::time::Timestamp;

use crate::pages::brand::Brand;

/// What every handler has at hand.
#[derive(Clone)]
pub struct App {
    /// What decides.
    pub engine: Arc<Engine>,
    /// The clock, read once per request.
    pub clock: Arc<dyn Clock>,
    /// The largest request body that is read, in bytes.
    pub max_body: usize,
    /// Whether cookies are for TLS only.
    pub secure_cookies: bool,
    /// Whether a proxy in front says who asked it, in X-Forwarded-For.
    pub forwarded: bool,
    /// Whose pages people see.
    pub brand: Arc<Brand>,
}

impl App {
    /// The time of a request that has just come in.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
