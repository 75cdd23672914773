//! `firman serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use clap::Args;
use firman_engine::Clock;
use firman_engine::admin::{AdminError, console};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::Common;
use super::output::{Failed, Printer};
use crate::client_certificate::{self, Source};
use crate::config::{Settings, from_process};
use crate::demo::{self, Folder, Ready};
use crate::http::App;
use crate::http::origin::{self, Kept};
use crate::listen::{Limits, serve};
use crate::maintain::{keep_keys, keep_tidy};
use crate::outbox::Courier;
use crate::start::{Running, master_key, start};
use crate::{admin, logging, metrics, router, tls};

/// Where a demo lives if nothing else is said.
const DEMO_FOLDER: &str = "firman-demo";
/// Where a demo listens if nothing else is said.
const DEMO_PORT: u16 = 8080;

/// Run the server.
#[derive(Args)]
pub(super) struct Serve {
    /// Try it out: on loopback, with a demo client and account, all of it in the folder --dir (firman-demo without it).
    #[arg(long)]
    demo: bool,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, conflicts_with = "listen")]
    port: Option<u16>,
    /// The address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) async fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        if self.demo { self.run_demo(common, printer).await } else { self.run_settings(common, printer).await }
    }

    async fn run_settings(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let mut overrides = Vec::new();
        if let Some(address) = self.listen {
            overrides.push(("server.listen", address.to_string()));
        }
        let mut settings = common.settings(&overrides)?;
        if let Some(port) = self.port {
            settings.server.listen.set_port(port);
        }
        logging::start(&settings.log);
        let listener = bind(settings.server.listen).await?;
        let admin = bind_admin(&mut settings).await?;
        let running = start(&settings).await?;
        let address = listener.local_addr().map_err(|error| Failed::broke(error.to_string()))?;
        let (issuer, console) = (running.engine.issuer(), settings.admin_address());
        let ready = json!({"issuer": issuer.as_str(), "listen": address, "admin": console});
        let line = || match &console {
            Some(console) => format!("Firman serves {issuer} on {address}; its console is {console}{}", console::PATH),
            None => format!("Firman serves {issuer} on {address}"),
        };
        let server = Server { settings: &settings, running: &running, listener, admin, extra: Router::new() };
        server.run(|| printer.done(&ready, line)).await
    }

    async fn run_demo(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let port = self.port.unwrap_or(DEMO_PORT);
        let address = self.listen.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        if !address.ip().is_loopback() {
            let text = format!(
                "--demo listens on loopback only, not on {}: its password and secrets are printed",
                address.ip()
            );
            return Err(Failed::refused(text));
        }
        let dir = common.folder().map_or_else(|| PathBuf::from(DEMO_FOLDER), Path::to_path_buf);
        let unwritable = |error| Failed::broke(format!("{}: {error}", dir.display()));
        let folder = Folder::open(&dir).map_err(unwritable)?;
        let listener = bind(address).await?;
        let address = listener.local_addr().map_err(|error| Failed::broke(error.to_string()))?;
        folder.write_settings(address).map_err(unwritable)?;
        let master = [("secrets.master_key", folder.master_key().map_err(unwritable)?.to_string())];
        let mut settings = Settings::load(Some(&folder.settings_file()), from_process(), &master)?;
        logging::start(&settings.log);
        let admin = match settings.admin.listen {
            Some(_) => bind_admin(&mut settings).await?,
            None => Some(bind_beside(address, self.port, &mut settings).await?),
        };
        let running = start(&settings).await?;
        let master = master_key(&settings)?;
        let ready = demo::prepare(&running.engine, &running.passwords, &master, running.now()).await?;
        let extra = crate::http::home::demo_callback();
        let server = Server { settings: &settings, running: &running, listener, admin, extra };
        server.run(|| printer.done(&ready, || what_to_try(&ready, &dir))).await
    }
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failed> {
    TcpListener::bind(address).await.map_err(|error| {
        Failed::broke(format!("cannot listen on {address}: {error}; another --port (0 takes a free one) may do"))
    })
}

/// Listens where the settings say that the admin API is, and notes the port where any would do.
async fn bind_admin(settings: &mut Settings) -> Result<Option<TcpListener>, Failed> {
    let Some(wanted) = settings.admin.listen else { return Ok(None) };
    let listener = bind(wanted).await?;
    settings.admin.listen = listener.local_addr().ok();
    Ok(Some(listener))
}

/// The same for a demo: on the port after its own if that was chosen and the next is free, or any.
async fn bind_beside(address: SocketAddr, chosen: Option<u16>, settings: &mut Settings) -> Result<TcpListener, Failed> {
    let next = if chosen == Some(0) { 0 } else { address.port().saturating_add(1) };
    let listener = match TcpListener::bind(SocketAddr::new(address.ip(), next)).await {
        Ok(listener) => listener,
        Err(_) => bind(SocketAddr::new(address.ip(), 0)).await?,
    };
    settings.admin.listen = listener.local_addr().ok();
    Ok(listener)
}

struct Server<'a> {
    settings: &'a Settings,
    running: &'a Running,
    listener: TcpListener,
    admin: Option<TcpListener>,
    extra: Router<App>,
}

impl Server<'_> {
    /// Serves until it is told to stop, and closes the database behind the last request.
    async fn run(self, ready: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
        let (settings, running) = (self.settings, self.running);
        let tls = acceptor(settings)?;
        let app = App {
            engine: Arc::clone(&running.engine),
            clock: Arc::clone(&running.clock),
            max_body: settings.server.max_body_bytes as usize,
            secure_cookies: settings.is_behind_tls(),
            forwarded: settings.server.trust_forwarded_proto,
            brand: Arc::new(settings.brand()?),
        };
        let mut routes = router::router(app, self.extra);
        if let Some(source) = certificates(settings, &running.clock)? {
            routes = routes.layer(middleware::from_fn_with_state(Arc::new(source), client_certificate::attach));
        }
        if settings.metrics.listen.is_some() || self.admin.is_some() {
            let counted = Arc::clone(&running.metrics);
            routes = routes.layer(middleware::from_fn_with_state(counted, metrics::count));
        }
        routes = routes.layer(middleware::from_fn_with_state(kept(settings), origin::around));
        let metrics = match settings.metrics.listen {
            Some(address) => Some(metrics_server(bind(address).await?, running)),
            None => None,
        };
        let keeper = {
            let (engine, clock) = (Arc::clone(&running.engine), Arc::clone(&running.clock));
            let (retention, metrics) = (settings.retention.clone(), Arc::clone(&running.metrics));
            // A long sweep must not keep the keys waiting.
            tokio::spawn(async move {
                tokio::join!(keep_keys(&engine, &*clock), keep_tidy(&engine, &*clock, &retention, &metrics))
            })
        };
        let (engine, clock, counted) = (&running.engine, &running.clock, &running.metrics);
        let at_once = settings.outbox.at_once as usize;
        let courier = Courier::new(Arc::clone(engine), Arc::clone(clock), Arc::clone(counted), running.ways(), at_once);
        let (stops, stopped) = watch::channel(());
        let courier = tokio::spawn(courier.run(ended(stopped.clone())));
        let admin = match self.admin {
            Some(listener) => Some(admin_server(listener, (settings, running), tls.clone(), stopped).await?),
            None => None,
        };
        let told = signals()?;
        ready()?;
        // Whoever listens to the feed would listen for ever.
        let stopping = async {
            told.await;
            engine.feed().close();
        };
        serve(self.listener, tls, routes, limits(settings), stopping).await;
        // What the last requests put into the outbox stays there for the next start; what is under way may end.
        drop(stops);
        if let Some(admin) = admin {
            let _ = admin.await;
        }
        if tokio::time::timeout(limits(settings).shutdown, courier).await.is_err() {
            tracing::warn!("some deliveries did not finish in time; they are tried again");
        }
        keeper.abort();
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        running.database.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Serves the admin API until the other side of `stopped` is dropped.
async fn admin_server(
    listener: TcpListener,
    (settings, running): (&Settings, &Running),
    tls: Option<TlsAcceptor>,
    stopped: watch::Receiver<()>,
) -> Result<tokio::task::JoinHandle<()>, Failed> {
    match console::ensure(&running.engine, running.now()).await {
        // Settings that keep such clients out keep the console out; the API is there all the same.
        Err(AdminError::Refused(denied)) => tracing::warn!(why = %denied.text, "there is no console"),
        done => done?,
    }
    let mut routes = admin::router(admin::Admin::of(running, settings));
    if let Some(source) = certificates(settings, &running.clock)? {
        routes = routes.layer(middleware::from_fn_with_state(Arc::new(source), client_certificate::attach));
    }
    routes = routes.layer(middleware::from_fn_with_state(kept(settings), origin::around));
    let limits = limits(settings);
    Ok(tokio::spawn(async move {
        serve(listener, tls, routes, limits, ended(stopped)).await;
    }))
}

/// Completes when the other side is dropped.
async fn ended(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

/// What the audit trail keeps of where requests come from.
fn kept(settings: &Settings) -> Kept {
    let (audit, forwarded) = (&settings.audit, settings.server.trust_forwarded_proto);
    Kept { address: audit.addresses, user_agent: audit.user_agents, forwarded }
}

fn metrics_server(listener: TcpListener, running: &Running) -> tokio::task::JoinHandle<()> {
    let routes = metrics::router(&running.metrics);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "metrics are no longer served");
        }
    })
}

fn acceptor(settings: &Settings) -> Result<Option<TlsAcceptor>, Failed> {
    match (&settings.server.tls_certificate, &settings.server.tls_key) {
        (Some(certificate), Some(key)) => {
            Ok(Some(tls::acceptor(certificate, key, settings.mtls.request).map_err(Failed::settings)?))
        }
        _ => Ok(None),
    }
}

/// Where clients' certificates come from, if they come at all.
fn certificates(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Option<Source>, Failed> {
    if !settings.takes_client_certificates() {
        return Ok(None);
    }
    let mtls = &settings.mtls;
    let authorities = mtls.ca_file.as_deref().map(client_certificate::authorities).transpose();
    let front = mtls.front_header.clone().map(|name| (name, mtls.fronts.clone()));
    Ok(Some(Source { authorities: authorities.map_err(Failed::settings)?, front, clock: Arc::clone(clock) }))
}

pub(super) fn limits(settings: &Settings) -> Limits {
    let server = &settings.server;
    Limits {
        header: server.header_timeout_ms.duration(),
        request: server.request_timeout_ms.duration(),
        shutdown: server.shutdown_timeout_ms.duration(),
        connections: server.max_connections as usize,
    }
}

/// Completes when the process is told to stop.
pub(super) fn signals() -> Result<impl Future<Output = ()>, Failed> {
    use tokio::signal::unix::{SignalKind, signal};
    let broke = |error| Failed::broke(format!("cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(broke)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(broke)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests that have begun are finished");
    })
}

fn what_to_try(ready: &Ready, dir: &Path) -> String {
    let authorize = demo::link(ready);
    let (issuer, dir) = (&ready.issuer, dir.display());
    format!(
        "\
Firman is ready: {issuer}

  Sign in as      {username}
  with password   {password}

Try it:

  1. Open this in a browser, sign in, allow:
     {authorize}

  2. Get a token for a service, and look at it:
     curl -s -u {service}:{service_secret} -d grant_type=client_credentials {issuer}/oauth2/token

  3. Sign in from another terminal, through your browser:
     cargo run --release -- login --dir {dir}

  4. Look at what the server knows, as its operator:
     {console}

  Client          {client}
  with secret     {secret}
  All of it is in {dir}; Ctrl-C stops the server.
",
        username = ready.username,
        password = ready.password,
        service = ready.service_client_id,
        service_secret = ready.service_client_secret,
        console = ready.console,
        client = ready.client_id,
        secret = ready.client_secret,
    )
}
