//! Where requests come from, for the audit trail.

use axum::extract::{Request, State};
use axum::http::header::USER_AGENT;
use axum::middleware::Next;
use axum::response::Response;
use firman_engine::acting::{Origin, coming_from};

use super::read::Head;

/// What the audit trail keeps of where requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The address.
    pub address: bool,
    /// What the program calls itself.
    pub user_agent: bool,
    /// Whether a proxy in front says who asked it.
    pub forwarded: bool,
}

/// Has what a request changes say where it came from.
pub async fn around(State(kept): State<Kept>, request: Request, next: Next) -> Response {
    let from = kept.of(&request);
    coming_from(from, next.run(request)).await
}

impl Kept {
    fn of(self, request: &Request) -> Origin {
        let address = if self.address { Head::of(request).address_behind(self.forwarded) } else { None };
        let program = || request.headers().get(USER_AGENT)?.to_str().ok().map(str::to_owned);
        Origin { address, user_agent: if self.user_agent { program() } else { None } }
    }
}
