//! `firman login`: a sign-in from a terminal at any server (RFC 8252, RFC 8628), whose tokens are kept.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use firman_client::flow::code::Wish;
use firman_client::flow::device::Answered;
use firman_client::flow::discovery::First;
use firman_client::flow::introspection::Hint;
use firman_client::flow::metadata::ServerMetadata;
use firman_client::flow::token::{Target, Tokens};
use firman_client::loopback::Loopback;
use firman_client::manager::FileKeeper;
use firman_client::secret::Secret;
use firman_client::wire::{Asked, Desk, Wire};
use firman_proto::scope::Scope;
use serde_json::{Value, json};

use super::Common;
use super::held::{self, Means, Place, SignIn};
use super::output::{Failed, Printer};
use crate::{demo, qr, start};

/// A client's id, and its secret if it has one.
type Named = (String, Option<String>);

/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// Whoever signed in at a server that does not say who they are.
const NAMELESS: &str = "(not told)";
/// What is asked for if nothing is said, as far as the server says that it knows it.
const USUAL: &str = "openid profile email offline_access";

pub(super) const AFTER_HELP: &str = "\
A client that is not named registers itself, where the server lets it. Its id may also be the address of its document.

  firman login --issuer https://login.example              through a browser on this machine
  firman login --issuer https://login.example --device     through a browser on any machine
  firman login --issuer https://login.example --dpop       with tokens that nobody else can use
  firman login --issuer https://login.example --client-id app --client-key app.pem    as a client that has a key
  curl -H \"Authorization: Bearer $(firman token)\" https://api.example/
  firman logout";

/// Sign in from this terminal through a browser, and keep the tokens: `firman token` gives them out.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Login {
    /// The server; with --dir the demo's.
    #[arg(long, required_unless_present = "dir")]
    issuer: Option<String>,
    /// The client; with --dir the demo's. It must have the redirect URI http://127.0.0.1/callback.
    #[arg(long)]
    client_id: Option<String>,
    /// What to ask for, separated by spaces [default: openid profile email offline_access]
    #[arg(long)]
    scope: Option<String>,
    /// The resource server that the token is for; may be repeated.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// What the server should ask the person: login, consent or select_account.
    #[arg(long, conflicts_with = "device")]
    prompt: Option<String>,
    /// Bind the tokens to a new key (DPoP), which is kept with them: nobody else can use them.
    #[arg(long)]
    dpop: bool,
    /// Print the address instead of opening a browser.
    #[arg(long)]
    no_browser: bool,
    /// Show a code to type in a browser on any machine, and wait.
    #[arg(long, conflicts_with = "no_browser")]
    device: bool,
    /// How far the server's clock may be from this machine's, for the times in ID tokens [default: 60, at most 300]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=300))]
    clock_skew: Option<u32>,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    place: Place,
}

impl Login {
    pub(super) async fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let keeper = self.place.open(common)?;
        if let Some(notice) = keeper.notice() {
            printer.note(notice);
        }
        let (issuer, named) = self.parties(common)?;
        let means = self.means.clone().located();
        let mut who = SignIn { issuer, means, clock_skew: self.clock_skew, ..SignIn::default() };
        let manager = held::manager(&keeper, &who)?;
        let wire = manager.wire();
        let server = wire.server(&who.issuer, First::OpenId).await?;
        (who.client_id, who.means.client_secret) = match named {
            Some(named) => named,
            None => registered(wire, &keeper, &server).await?,
        };
        if self.dpop {
            who.bind()?;
        }
        let desk = who.at(Arc::clone(&server))?;
        let target = self.target(&server)?;
        let (tokens, nonce) = if self.device {
            (by_code(wire, &desk, &target, printer).await?, None)
        } else {
            self.by_browser(wire, &desk, &target, printer).await?
        };
        let claims = wire.verified(&desk, &tokens, Asked { nonce: nonce.as_ref(), max_age: None }).await?;
        let subject = match claims.and_then(|claims| claims.sub) {
            Some(subject) => subject,
            None => subject_of(wire, &desk, &tokens).await?,
        };
        manager.register(&desk, &tokens, &target, Some(&subject)).await?;
        let shown = shown(&tokens, &subject, &server.issuer);
        held::remember(&keeper, SignIn { subject: Some(subject), ..who }).await?;
        printer.done(&shown, || describe(&shown))
    }

    /// The server, and the client if one is named: as the flags say, or as the demo has it.
    fn parties(&self, common: &Common) -> Result<(String, Option<Named>), Failed> {
        let named = self.client_id.clone().map(|id| (id, self.means.client_secret.clone()));
        if common.folder().is_none() {
            let issuer = self.issuer.clone().ok_or_else(|| Failed::refused("give --issuer, or --dir of a demo"))?;
            return Ok((issuer, named));
        }
        let settings = common.settings(&[])?;
        let issuer = self.issuer.clone().unwrap_or(settings.issuer()?.to_string());
        let of_demo =
            || Ok::<_, Failed>((demo::CLIENT.to_owned(), Some(demo::client_secret(&start::master_key(&settings)?)?)));
        Ok((issuer, Some(named.map_or_else(of_demo, Ok)?)))
    }

    fn target(&self, server: &ServerMetadata) -> Result<Target, Failed> {
        let wrong = |error: firman_proto::scope::ScopeError| Failed::refused(error.to_string());
        let scope = match &self.scope {
            Some(scope) => Scope::parse(scope).map_err(wrong)?,
            None if server.scopes_supported.is_empty() => Scope::parse(USUAL).map_err(wrong)?,
            None => {
                let known = Scope::parse(&server.scopes_supported.join(" ")).map_err(wrong)?;
                Scope::parse(USUAL).map_err(wrong)?.intersect(&known)
            }
        };
        Ok(Target { scope: Some(scope).filter(|scope| !scope.is_empty()), resource: self.resource.clone() })
    }

    async fn by_browser(
        &self,
        wire: &Wire,
        desk: &Desk,
        target: &Target,
        printer: Printer,
    ) -> Result<(Tokens, Option<Secret>), Failed> {
        let broke = |error: &dyn std::fmt::Display| Failed::broke(error.to_string());
        let loopback = Loopback::open().map_err(|error| broke(&error))?;
        let more = self.prompt.iter().map(|prompt| ("prompt".to_owned(), prompt.clone())).collect();
        let wish =
            Wish { target: target.clone(), redirect_uri: loopback.redirect_uri(), max_age: None, push: false, more };
        let (errand, address) = wire.begin(desk, &wish).await?;
        if self.no_browser || !open_browser(&address) {
            printer.note(&format!("Open this in a browser:\n\n  {address}\n"));
        } else {
            printer.note(&format!("Waiting for your browser. If it did not open:\n\n  {address}\n"));
        }
        let waiting = tokio::task::spawn_blocking(move || {
            let code = loopback.wait(&errand, PATIENCE);
            code.map(|code| (code, errand))
        });
        let (code, errand) = waiting.await.map_err(|error| broke(&error))??;
        let tokens = wire.tokens(desk, &errand.presented(&code), target).await?;
        Ok((tokens, errand.nonce))
    }
}

/// Who a token is about, where no ID token tells.
async fn subject_of(wire: &Wire, desk: &Desk, tokens: &Tokens) -> Result<String, Failed> {
    if desk.server.introspection_endpoint.is_none() {
        return Ok(NAMELESS.to_owned());
    }
    let told = wire.introspect(desk, &tokens.access_token, Hint::AccessToken).await;
    // Many servers answer resource servers alone.
    Ok(told.ok().and_then(|told| told.sub).unwrap_or_else(|| NAMELESS.to_owned()))
}

/// RFC 8628: shows a code, and waits until somebody has typed it elsewhere.
async fn by_code(wire: &Wire, desk: &Desk, target: &Target, printer: Printer) -> Result<Tokens, Failed> {
    let mut waiting = wire.device(desk, target).await?;
    let (address, code) = (&waiting.verification_uri, &waiting.user_code);
    let complete = waiting.verification_uri_complete.as_ref();
    let qr = complete.and_then(|complete| qr::lines(complete)).unwrap_or_default();
    let or = complete.map(|complete| format!("\nor open\n\n  {complete}\n")).unwrap_or_default();
    printer.note(&format!(
        "{qr}\nOpen this in a browser, on any machine:\n\n  {address}\n\nand type the code {code}\n{or}"
    ));
    loop {
        tokio::time::sleep(Duration::from_millis(waiting.interval.millis().unsigned_abs())).await;
        let answer = wire.tokens(desk, &waiting.presented(), target).await;
        if let Answered::Tokens(tokens) = waiting.heard(answer, wire.now())? {
            return Ok(*tokens);
        }
    }
}

/// The client that was registered here before, or a new one.
async fn registered(wire: &Wire, keeper: &FileKeeper, server: &ServerMetadata) -> Result<Named, Failed> {
    let note = format!("client at {}", server.issuer);
    if let Some(known) = keeper.note(&note).await?
        && let Ok(known) = serde_json::from_str(known.reveal())
    {
        return Ok(known);
    }
    if server.registration_endpoint.is_none() {
        let text = format!(
            "{} registers no clients by itself: give --client-id, which may be the address of a document",
            server.issuer
        );
        return Err(Failed::refused(text));
    }
    let offered = |grant: &&str| server.grant_types_supported.iter().any(|known| known == grant);
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let grants: Vec<_> =
        ["authorization_code", "refresh_token"].into_iter().chain(Some(device).filter(offered)).collect();
    let mut metadata = json!({
        "client_name": "firman", "application_type": "native", "token_endpoint_auth_method": "none",
        "redirect_uris": [format!("http://127.0.0.1{}", Loopback::PATH)], "response_types": ["code"], "grant_types": grants,
    });
    if !server.scopes_supported.is_empty() {
        let scope = server.scopes_supported.join(" ");
        metadata.as_object_mut().map(|members| members.insert("scope".to_owned(), scope.into()));
    }
    let registered = wire.register(server, &metadata, None).await?;
    let secret = registered.client_secret.map(|secret| secret.reveal().to_owned());
    let pair = (registered.client_id, secret);
    let text = serde_json::to_string(&pair).map_err(|error| Failed::broke(error.to_string()))?;
    keeper.edit_note(&note, |_| Some(Secret::from(text))).await?;
    Ok(pair)
}

fn open_browser(address: &str) -> bool {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started =
        Command::new(opener).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    started.is_ok()
}

/// What a script reads.
fn shown(tokens: &Tokens, subject: &str, issuer: &str) -> Value {
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.reveal().to_owned());
    json!({
        "issuer": issuer, "subject": subject, "scope": tokens.scope, "token_type": tokens.token_type.as_str(),
        "expires_at": tokens.expires_at.map(firman_proto::time::Timestamp::seconds),
        "access_token": tokens.access_token.reveal(),
        "refresh_token": text(&tokens.refresh_token), "id_token": text(&tokens.id_token),
    })
}

fn describe(shown: &Value) -> String {
    let text = |name: &str| shown.get(name).and_then(Value::as_str).unwrap_or("not told").to_owned();
    format!(
        "subject        {}\nscope          {}\naccess_token   {}\n\nThe tokens are kept: `firman token` prints a fresh one, `firman logout` ends them.",
        text("subject"),
        text("scope"),
        text("access_token"),
    )
}
