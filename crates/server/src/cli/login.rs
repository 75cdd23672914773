//! `firman login`: the code flow with PKCE from a terminal (RFC 8252), against a Firman server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Args;
use firman_engine::{Clock as _, Entropy as _, SystemClock, SystemEntropy};
use firman_proto::digest::same;
use firman_proto::form::{self, Form};
use firman_proto::id_token::{IdToken, half_hash};
use firman_proto::jws::{Algorithm, JwkSet};
use firman_proto::pkce::Challenge;
use firman_proto::{jws, metadata::path};
use serde_json::Value;

use super::output::{Failed, Printer};
use super::{Common, device};
use crate::{demo, fetch, start};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Sign in from this terminal through a browser, and print the tokens.
#[derive(Args)]
pub(super) struct Login {
    /// The server; with --dir the demo's.
    #[arg(long, required_unless_present = "dir")]
    issuer: Option<String>,
    /// The client; with --dir the demo's. It must have the redirect URI http://127.0.0.1/callback.
    #[arg(long, required_unless_present = "dir")]
    client_id: Option<String>,
    /// Its secret, if it has one.
    #[arg(long, env = "FIRMAN_CLIENT_SECRET", hide_env_values = true)]
    client_secret: Option<String>,
    /// What to ask for, separated by spaces.
    #[arg(long, default_value = "openid profile email offline_access")]
    scope: String,
    /// PEM file with authorities to trust beside those of the system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print the address instead of opening a browser.
    #[arg(long)]
    no_browser: bool,
    /// Show a code to type in a browser on any machine, and wait.
    #[arg(long, conflicts_with = "no_browser")]
    device: bool,
}

/// A server, and who talks to it.
pub(super) struct Session {
    agent: ureq::Agent,
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    /// The discovery document.
    document: Value,
}

impl Login {
    pub(super) fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let session = self.discover(common)?;
        if self.device {
            let tokens = device::sign_in(&session, &self.scope, printer)?;
            let claims = session.verify(&tokens, None)?;
            return printer.done(&tokens, || describe(&tokens, claims.as_ref()));
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| broke(&error))?;
        let port = listener.local_addr().map_err(|error| broke(&error))?.port();
        let redirect_uri = format!("http://127.0.0.1:{port}/callback");
        let (verifier, state, nonce) = (random()?, random()?, random()?);
        let mut query = String::new();
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", &session.client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", &self.scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &Challenge::s256(&verifier)),
            ("code_challenge_method", "S256"),
        ] {
            form::append(&mut query, name, value);
        }
        let address = format!("{}?{query}", session.authorization_endpoint);
        if self.no_browser || !open_browser(&address) {
            printer.note(&format!("Open this in a browser:\n\n  {address}\n"));
        } else {
            printer.note(&format!("Waiting for your browser. If it did not open:\n\n  {address}\n"));
        }
        let code = session.wait_for_code(&listener, &state)?;
        let tokens = session.redeem(&code, &redirect_uri, &verifier)?;
        let claims = session.verify(&tokens, Some(&nonce))?;
        printer.done(&tokens, || describe(&tokens, claims.as_ref()))
    }

    fn discover(&self, common: &Common) -> Result<Session, Failed> {
        let (issuer, client_id, client_secret) = self.parties(common)?;
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(fetch::trust_of_commands(self.ca_file.as_deref()).map_err(Failed::refused)?)
            .build()
            .into();
        let document = get(&agent, &format!("{issuer}{}", path::OPENID_CONFIGURATION))?;
        // OpenID Connect Discovery §4.3: the issuer is the one that was asked.
        if document.get("issuer").and_then(Value::as_str) != Some(&issuer) {
            return Err(Failed::refused(format!("{issuer}: its discovery document names another issuer")));
        }
        let endpoint = |name| endpoint(&document, name);
        Ok(Session {
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            jwks_uri: endpoint("jwks_uri")?,
            document,
            agent,
            issuer,
            client_id,
            client_secret,
        })
    }

    /// Who talks to whom: as the flags say, or as the demo has it.
    fn parties(&self, common: &Common) -> Result<(String, String, Option<String>), Failed> {
        if common.folder().is_none() {
            let missing = || Failed::refused("give --issuer and --client-id, or --dir of a demo");
            let issuer = self.issuer.clone().ok_or_else(missing)?;
            return Ok((issuer, self.client_id.clone().ok_or_else(missing)?, self.client_secret.clone()));
        }
        let settings = common.settings(&[])?;
        let issuer = self.issuer.clone().unwrap_or(settings.issuer()?.to_string());
        match &self.client_id {
            Some(client_id) => Ok((issuer, client_id.clone(), self.client_secret.clone())),
            None => Ok((issuer, demo::CLIENT.to_owned(), Some(demo::client_secret(&start::master_key(&settings)?)?))),
        }
    }
}

impl Session {
    /// Answers the browser when it comes back, and takes the code it brings.
    fn wait_for_code(&self, listener: &TcpListener, state: &str) -> Result<String, Failed> {
        for stream in listener.incoming() {
            let stream = stream.map_err(|error| broke(&error))?;
            let Some(query) = read_query(&stream) else {
                answer(stream, "404 Not Found", "Nothing here.");
                continue;
            };
            let form = Form::parse(query.as_bytes()).map_err(|denied| Failed::refused(denied.text))?;
            // RFC 6749 §10.12: what does not carry our state is not our answer.
            if !form.get("state").is_some_and(|given| same(given.as_bytes(), state.as_bytes())) {
                answer(stream, "400 Bad Request", "This is not the answer that was asked for.");
                continue;
            }
            // RFC 9207 §2.4: the answer comes from the issuer that was asked.
            if form.get("iss") != Some(&self.issuer) {
                answer(stream, "400 Bad Request", "This answer comes from another server.");
                return Err(Failed::refused("the answer names another issuer: somebody mixes servers up"));
            }
            if let Some(error) = form.get("error") {
                answer(stream, "200 OK", "You are not signed in. You may close this page.");
                let text = form.get("error_description").unwrap_or_default();
                return Err(Failed::refused(format!("{error}: {text}")));
            }
            let code = form.required("code").map_err(|denied| Failed::refused(denied.text))?.to_owned();
            answer(stream, "200 OK", "You are signed in. You may close this page and go back to the terminal.");
            return Ok(code);
        }
        Err(Failed::broke("the listener ended"))
    }

    fn redeem(&self, code: &str, redirect_uri: &str, verifier: &str) -> Result<Value, Failed> {
        let asked = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let tokens = self.post(&self.token_endpoint, &asked)?;
        if tokens.get("error").is_none() {
            return Ok(tokens);
        }
        let text = |name: &str| tokens.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(Failed::refused(format!("{}: {}", text("error"), text("error_description"))))
    }

    /// An endpoint that not every server has.
    pub(super) fn endpoint(&self, name: &str) -> Result<String, Failed> {
        endpoint(&self.document, name)
    }

    /// Posts a form as the client; the answer, or the error in it.
    pub(super) fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Value, Failed> {
        let mut body = String::new();
        for (name, value) in form {
            form::append(&mut body, name, value);
        }
        let mut request = self.agent.post(url).header("Content-Type", "application/x-www-form-urlencoded");
        match &self.client_secret {
            Some(secret) => {
                let mut pair = String::new();
                form::encode(&mut pair, &self.client_id);
                pair.push(':');
                form::encode(&mut pair, secret);
                request = request.header("Authorization", format!("Basic {}", STANDARD.encode(pair)));
            }
            None => form::append(&mut body, "client_id", &self.client_id),
        }
        let mut response = request.send(body).map_err(|error| broke(&error))?;
        let answer =
            response.body_mut().read_to_string().map_err(|error| broke(&error)).and_then(|text| parse(&text))?;
        if response.status().is_success() || answer.get("error").is_some() {
            return Ok(answer);
        }
        Err(Failed::refused(format!("{url}: answered {}", response.status())))
    }

    /// OpenID Connect Core §3.1.3.7, §3.1.3.8: signature, issuer, audience, time, nonce, and the hash of the access token.
    fn verify(&self, tokens: &Value, nonce: Option<&str>) -> Result<Option<IdToken>, Failed> {
        let Some(token) = tokens.get("id_token").and_then(Value::as_str) else { return Ok(None) };
        let keys: JwkSet = serde_json::from_value(get(&self.agent, &self.jwks_uri)?).map_err(|error| broke(&error))?;
        let claims: IdToken =
            jws::verify(token, &keys).map_err(|error| Failed::refused(format!("ID token: {error}")))?;
        let access = tokens.get("access_token").and_then(Value::as_str).unwrap_or_default();
        let hashes = Algorithm::ALL.iter().map(|algorithm| half_hash(access, *algorithm));
        let good = claims.iss == self.issuer
            && claims.aud == self.client_id
            && SystemClock.now().seconds() < claims.exp
            && claims.nonce.as_deref() == nonce
            && claims.at_hash.as_ref().is_none_or(|hash| hashes.into_iter().any(|known| known == *hash));
        if good { Ok(Some(claims)) } else { Err(Failed::refused("the ID token is not for this sign-in")) }
    }
}

fn endpoint(document: &Value, name: &str) -> Result<String, Failed> {
    let url = document.get(name).and_then(Value::as_str).map(str::to_owned);
    url.ok_or_else(|| Failed::refused(format!("the discovery document has no {name}")))
}

fn get(agent: &ureq::Agent, url: &str) -> Result<Value, Failed> {
    let mut response =
        agent.get(url).call().map_err(|error| Failed::broke(format!("{url}: {error}; is the server running?")))?;
    let text = response.body_mut().read_to_string().map_err(|error| Failed::broke(format!("{url}: {error}")))?;
    if !response.status().is_success() {
        return Err(Failed::refused(format!("{url}: answered {}", response.status())));
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Value, Failed> {
    serde_json::from_str(text).map_err(|_| Failed::refused("the server's answer is not JSON"))
}

fn read_query(stream: &TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut line = String::new();
    BufReader::new(std::io::Read::take(stream, 16_384)).read_line(&mut line).ok()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    target.strip_prefix("/callback?").map(str::to_owned)
}

fn answer(mut stream: TcpStream, status: &str, text: &str) {
    let page = format!("<!doctype html><html lang=en><meta charset=utf-8><title>Firman</title><p>{text}</p></html>");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        page.len()
    );
    // The person may have closed the page already.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(page.as_bytes()));
}

fn open_browser(address: &str) -> bool {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started =
        Command::new(opener).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    started.is_ok()
}

fn random() -> Result<String, Failed> {
    let mut bytes = [0; 32];
    SystemEntropy::default().fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn broke(error: &dyn std::fmt::Display) -> Failed {
    Failed::broke(error.to_string())
}

fn describe(tokens: &Value, claims: Option<&IdToken>) -> String {
    let text = |name: &str| {
        tokens.get(name).map_or_else(String::new, |value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    let who = claims.map_or_else(String::new, |claims| format!("subject        {}\n", claims.sub));
    format!(
        "{who}scope          {}\nexpires in     {} s\naccess_token   {}\nrefresh_token  {}\nid_token       {}",
        text("scope"),
        text("expires_in"),
        text("access_token"),
        text("refresh_token"),
        text("id_token"),
    )
}
