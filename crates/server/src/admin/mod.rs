//! What operators use: an API on a listener of its own, and a console that uses nothing but that API.

mod about;
mod accounts;
mod clients;
mod console;
mod deliveries;
pub mod document;
mod etag;
mod events;
pub mod figures;
mod flows;
mod gate;
mod grants;
mod keys;
mod members;
mod page;
mod problem;
mod read;
mod resources;
mod sessions;
mod trust;
mod upstreams;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use firman_engine::accounts::Passwords;
use firman_engine::{Clock, Engine};
use firman_proto::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::Settings;
use crate::metrics::Metrics;
use crate::start::Running;
use figures::Counter;
use gate::Gate;
use problem::Problem;

/// Where the API is, below the address of the listener.
pub const PREFIX: &str = "/admin/v1";

/// What every handler has at hand.
pub struct Admin {
    /// What decides.
    pub engine: Arc<Engine>,
    /// The clock, read once per request.
    pub clock: Arc<dyn Clock>,
    /// Hashes passwords.
    pub passwords: Arc<Passwords>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What counts rows, where there is a database.
    pub counter: Option<Arc<Counter>>,
    /// The largest request body that is read, in bytes.
    pub max_body: usize,
    /// Since when it serves.
    pub started: Timestamp,
}

impl Admin {
    /// Of what runs.
    pub fn of(running: &Running, settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            engine: Arc::clone(&running.engine),
            clock: Arc::clone(&running.clock),
            passwords: Arc::clone(&running.passwords),
            metrics: Arc::clone(&running.metrics),
            counter: Some(Counter::new(Arc::clone(&running.database))),
            max_body: settings.server.max_body_bytes as usize,
            started: running.now(),
        })
    }

    /// The time of a request that has just come in.
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

type Shared = Arc<Admin>;

/// Everything on the listener of operators.
pub fn router(admin: Shared) -> Router {
    let (api, document) = api().split_for_parts();
    let document = Arc::new(document::finished(document));
    let gate = Arc::new(Gate::new(&document, Arc::clone(&admin)));
    let api = api.layer(middleware::from_fn_with_state(gate, gate::admit));
    let shown = Arc::clone(&document);
    let document = get(async move || ([(CONTENT_TYPE, "application/json")], shown.to_string()));
    let health = Router::new().route("/health/live", get(live)).route("/health/ready", get(ready));
    Router::new()
        .merge(api)
        .merge(console::router())
        .route(&format!("{PREFIX}/openapi.json"), document)
        .merge(health)
        .fallback(async || Problem::not_found("there is nothing at this address"))
        .layer(middleware::from_fn(guarded))
        .with_state(admin)
}

/// Every operation of the API, and the document about them.
fn api() -> OpenApiRouter<Shared> {
    let areas = OpenApiRouter::new()
        .routes(routes!(about::version))
        .routes(routes!(about::me))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::show, accounts::edit))
        .routes(routes!(accounts::set_password))
        .routes(routes!(accounts::reset_factors))
        .routes(routes!(accounts::reset_link))
        .routes(routes!(accounts::unlock))
        .routes(routes!(accounts::sign_out))
        .routes(routes!(accounts::make_operator, accounts::withdraw_operator))
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::show, clients::edit, clients::remove))
        .routes(routes!(clients::rotate_secret))
        .routes(routes!(clients::sign_out))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::show))
        .routes(routes!(events::list))
        .routes(routes!(figures::show))
        .routes(routes!(flows::list))
        .routes(routes!(flows::show))
        .routes(routes!(grants::list))
        .routes(routes!(grants::show))
        .routes(routes!(grants::revoke))
        .routes(routes!(grants::revoke_all))
        .routes(routes!(keys::list))
        .routes(routes!(keys::rotate_signing))
        .routes(routes!(keys::revoke_signing))
        .routes(routes!(keys::rotate_sealing))
        .routes(routes!(keys::revoke_sealing))
        .routes(routes!(resources::list, resources::create))
        .routes(routes!(resources::show, resources::edit, resources::remove))
        .routes(routes!(resources::rotate_secret))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::show))
        .routes(routes!(sessions::end))
        .routes(routes!(trust::show))
        .routes(routes!(upstreams::show));
    OpenApiRouter::with_openapi(document::base()).nest(PREFIX, areas)
}

/// What every answer says to browsers.
async fn guarded(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(admin): State<Shared>) -> Response {
    match admin.engine.store().check().await {
        Ok(()) => "ok\n".into_response(),
        Err(fault) => Problem::from(firman_engine::Fault::from(fault)).into_response(),
    }
}
