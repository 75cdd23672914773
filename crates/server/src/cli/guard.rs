//! `firman guard`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderName;
use axum::middleware;
use clap::Args;
use firman_client::exchange::Transport;
use firman_client::guard::Guard as Gate;
use firman_client::guard::feed::{FeedOverReqwest, Follow};
use firman_client::over_reqwest::OverReqwest;
use firman_client::world::System;
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use super::output::{Failed, Printer};
use super::serve::{bind, signals};
use crate::client_certificate::{self, Source};
use crate::fetch::{Network, Networks};
use crate::guard::rules::{File, Rules};
use crate::guard::{Behind, Place, To, router};
use crate::listen::{Limits, serve};
use crate::tls;

const AFTER_HELP: &str = "\
Try it, beside `firman serve --demo`:
  firman resource add http://127.0.0.1:8090 --scope books.read --dir firman-demo      prints a secret: put it into a file
  python3 -m http.server 3000 &
  firman guard --issuer http://127.0.0.1:8080 --resource http://127.0.0.1:8090 --secret-file secret \\
      --scope books.read --to http://127.0.0.1:3000
  curl -i http://127.0.0.1:8090/                                                      401, and where to get a token
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8090/                       through, if it has books.read

Before a service (--to), requests that are let through reach it with X-Firman-Subject, -Client, -Scope, -Acr and -Issuer, and without the
token. Beside a proxy that is there already (--behind), that asks at /auth before it lets a request through:
  nginx:    auth_request to http://127.0.0.1:8090/auth, with X-Original-Method and X-Original-URI set
  Traefik:  forwardAuth.address=http://127.0.0.1:8090/auth
  Caddy:    forward_auth 127.0.0.1:8090 { uri /auth }

Tokens that are bound to a certificate (RFC 8705) need to be seen with it: --tls-certificate, --tls-key and --ask-certificates where the guard
itself ends TLS, --front-header and --fronts where a proxy does.

How tokens are checked:
  JWTs (RFC 9068)     here, with the keys that the issuer publishes; with --follow, revocations are known within a second
  all other tokens    by asking the issuer (RFC 7662) with --secret-file; answers are remembered for ten seconds

A file (--file) has the same settings, and rules for paths; options go before it. docs/guard.md shows one.";

/// Let requests to a service through whose access token is enough: before it, or beside a proxy.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Guard {
    /// A TOML file with these settings and rules for paths.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Who issues the tokens.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What the service is called: tokens must be for it.
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// The address and port to listen on [default: 127.0.0.1:8090].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The scopes that every request needs that no rule is for.
    #[arg(long)]
    scope: Option<String>,
    /// The service that requests are handed on to: http://HOST:PORT.
    #[arg(long, value_name = "URL", conflicts_with = "behind")]
    to: Option<String>,
    /// The proxy that asks at /auth.
    #[arg(long, value_enum)]
    behind: Option<Behind>,
    /// Hand the token on to the service too.
    #[arg(long)]
    pass_token: bool,
    /// Where clients reach the service, if not at the scheme and host of --resource.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    /// By which name the issuer is asked about tokens [default: the resource].
    #[arg(long)]
    id: Option<String>,
    /// The file with the secret for that; without it, only JWTs are taken.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Follow the issuer's revocation feed.
    #[arg(long, requires = "secret_file")]
    follow: bool,
    /// PEM file with the certificate chain to listen with: TLS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// PEM file with the key of that.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Ask for certificates of clients, to which tokens may be bound (RFC 8705).
    #[arg(long, requires = "tls_certificate")]
    ask_certificates: bool,
    /// The header in which a TLS proxy in front passes the client's certificate on, such as Client-Cert.
    #[arg(long, value_name = "NAME", requires = "fronts")]
    front_header: Option<String>,
    /// Where such proxies are: addresses or networks. From anybody else that header means nothing.
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', requires = "front_header")]
    fronts: Vec<String>,
    /// PEM file with authorities to trust beside those of the system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Guard {
    pub(super) async fn run(self, printer: Printer) -> Result<(), Failed> {
        crate::logging::start_plain();
        let settings = self.merged()?;
        let listen = settings.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8090)));
        let rules = Rules::new(&settings.rules, settings.scope.as_deref()).map_err(Failed::settings)?;
        let place = match (&settings.to, settings.behind) {
            (Some(to), None) => Place::Before(To::parse(to, self.pass_token).map_err(Failed::settings)?),
            (None, Some(behind)) => Place::Beside(behind),
            _ => return Err(Failed::settings("say where requests go: --to a service, or --behind a proxy")),
        };
        let guard = self.guard(&settings)?;
        let tls = acceptor(&settings)?;
        let mut routes = router(&guard, rules, place);
        if let Some(source) = certificates(&settings)? {
            routes = routes.layer(middleware::from_fn_with_state(Arc::new(source), client_certificate::attach));
        }
        let listener = bind(listen).await?;
        let address = listener.local_addr().map_err(|error| Failed::broke(error.to_string()))?;
        let told = signals()?;
        printer.done(&json!({ "listen": address }), || format!("{guard:?} listens on {address}"))?;
        let limits = Limits {
            header: Duration::from_secs(10),
            request: Duration::from_mins(5),
            shutdown: Duration::from_secs(10),
            connections: 10_000,
        };
        serve(listener, tls, routes, limits, told).await;
        Ok(())
    }

    /// The options, and what the file says beside them.
    fn merged(&self) -> Result<File, Failed> {
        let file = self.file.as_deref().map(File::read).transpose().map_err(Failed::settings)?.unwrap_or_default();
        // Who says --to does not mean the proxy of the file, and the other way round.
        let chosen = self.to.is_some() || self.behind.is_some();
        Ok(File {
            issuer: self.issuer.clone().or(file.issuer),
            resource: self.resource.clone().or(file.resource),
            listen: self.listen.or(file.listen),
            to: self.to.clone().or(file.to.filter(|_| !chosen)),
            behind: self.behind.or(file.behind.filter(|_| !chosen)),
            origin: self.origin.clone().or(file.origin),
            id: self.id.clone().or(file.id),
            secret_file: self.secret_file.clone().or(file.secret_file),
            follow: self.follow || file.follow,
            scope: self.scope.clone().or(file.scope),
            tls_certificate: self.tls_certificate.clone().or(file.tls_certificate),
            tls_key: self.tls_key.clone().or(file.tls_key),
            ask_certificates: self.ask_certificates || file.ask_certificates,
            front_header: self.front_header.clone().or(file.front_header),
            fronts: if self.fronts.is_empty() { file.fronts } else { self.fronts.clone() },
            rules: file.rules,
        })
    }

    fn guard(&self, settings: &File) -> Result<Gate, Failed> {
        let missing = |name: &str| Failed::settings(format!("say --{name}, or {name} in a --file"));
        let issuer = settings.issuer.clone().ok_or_else(|| missing("issuer"))?;
        let resource = settings.resource.clone().ok_or_else(|| missing("resource"))?;
        let id = settings.id.clone().unwrap_or_else(|| resource.clone());
        let broke = |error: reqwest::Error| Failed::settings(format!("cannot set up requests: {error}"));
        let transport: Arc<dyn Transport> = Arc::new(OverReqwest::new(self.requests()?).map_err(broke)?);
        let mut builder = Gate::of(resource, issuer).verifies(Arc::clone(&transport));
        if let Some(origin) = &settings.origin {
            builder = builder.origin(origin);
        }
        if let Some(file) = &settings.secret_file {
            let secret = std::fs::read_to_string(file);
            let secret = secret.map_err(|error| Failed::settings(format!("{}: {error}", file.display())))?;
            let secret = secret.trim();
            builder = builder.asks(transport, &id, secret);
            if settings.follow {
                let streams = FeedOverReqwest::new(self.requests()?).map_err(broke)?;
                builder = builder.follows(Follow::new(Arc::new(streams), &id, secret));
            }
        } else if settings.follow {
            return Err(Failed::settings(
                "follow: the feed is told to whom --secret-file proves that they are the resource",
            ));
        }
        builder.build().map_err(|error| Failed::settings(error.to_string()))
    }

    /// What carries requests: TLS with the system's authorities and those of a file.
    fn requests(&self) -> Result<reqwest::ClientBuilder, Failed> {
        let mut builder = reqwest::Client::builder();
        if let Some(file) = &self.ca_file {
            let wrong = |cause: &dyn std::fmt::Display| Failed::settings(format!("{}: {cause}", file.display()));
            let pem = std::fs::read(file).map_err(|error| wrong(&error))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        Ok(builder)
    }
}

fn acceptor(settings: &File) -> Result<Option<TlsAcceptor>, Failed> {
    match (&settings.tls_certificate, &settings.tls_key) {
        (Some(certificate), Some(key)) => {
            tls::acceptor(certificate, key, settings.ask_certificates).map(Some).map_err(Failed::settings)
        }
        (None, None) if !settings.ask_certificates => Ok(None),
        _ => Err(Failed::settings("TLS: say tls_certificate and tls_key both; ask_certificates is of use with them")),
    }
}

/// Where clients' certificates come from, if they come at all.
fn certificates(settings: &File) -> Result<Option<Source>, Failed> {
    let front = match (&settings.front_header, settings.fronts.as_slice()) {
        (None, []) => None,
        (Some(name), [_, ..]) => {
            let name: HeaderName = name.parse().map_err(|_| Failed::settings(format!("front_header: {name}")))?;
            let wrong = |text: &String| Failed::settings(format!("fronts: {text}: write 10.0.0.0/24, or an address"));
            let read = |text: &String| Network::parse(text).ok_or_else(|| wrong(text));
            Some((name, Networks(settings.fronts.iter().map(read).collect::<Result<_, _>>()?)))
        }
        _ => return Err(Failed::settings("say front_header and fronts both: which header, and from whom")),
    };
    let any = settings.ask_certificates || front.is_some();
    Ok(any.then(|| Source { authorities: None, front, clock: Arc::new(System) }))
}
