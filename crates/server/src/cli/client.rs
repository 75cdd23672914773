//! `firman client`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use firman_engine::admin::clients::{self, NewClient};
use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::jose;
use firman_proto::jws::Algorithm;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Page;
use firman_store::record::{Client as Record, ClientPolicy, ExchangePolicy, RefreshPolicy, ReuseReaction, TokenFormat};
use serde_json::{Value, json};

use super::apply::Apply;
use super::export::Export;
use super::output::{Failed, Printer, table};
use crate::start::Running;

#[derive(Subcommand)]
pub(super) enum Client {
    /// Create a client; its secret is printed once and never again.
    Create(Box<Create>),
    /// Make the clients what a file says.
    Apply(Apply),
    /// List clients.
    List,
    /// Write all clients as a file that `apply` reads, without secrets.
    Export(Export),
    /// Show a client. Its secret cannot be shown: nobody has it.
    Show {
        /// The client's id.
        client_id: String,
    },
    /// Change what people are told of a client, and who owns it.
    Edit(Edit),
    /// Delete a client; everything issued to it is dead at once.
    Delete {
        /// The client's id.
        client_id: String,
    },
    /// Give a client a new secret, printed once.
    RotateSecret {
        /// The client's id.
        client_id: String,
        /// For how long the old secret goes on working, in seconds.
        #[arg(long, default_value_t = 0, value_name = "SECONDS")]
        overlap: u32,
    },
}

#[derive(Args)]
pub(super) struct Edit {
    /// The client's id.
    client_id: String,
    /// Whether you have made sure who it is: the consent page says so.
    #[arg(long, value_name = "BOOL")]
    verified: Option<bool>,
    /// The subject (`firman user list`) who may edit it on the account page; empty: nobody.
    #[arg(long, value_name = "SUBJECT")]
    owner: Option<String>,
}

#[derive(Args)]
pub(super) struct Create {
    /// A name for people.
    #[arg(long)]
    name: String,
    /// Its id; a random one without this.
    #[arg(long)]
    client_id: Option<String>,
    /// Where browsers may be sent back to; may be repeated.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// What it may ask for, separated by spaces.
    #[arg(long, default_value = "openid profile email offline_access")]
    scope: String,
    /// What it may use; may be repeated.
    #[arg(long = "grant-type", value_enum, default_values_t = [Grant::AuthorizationCode, Grant::RefreshToken])]
    grant_types: Vec<Grant>,
    /// A client without a secret: an app on people's own devices. It must use PKCE.
    #[arg(long)]
    public: bool,
    /// How it proves itself to the token endpoint: client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt,
    /// tls_client_auth, self_signed_tls_client_auth.
    #[arg(long, value_name = "METHOD", conflicts_with = "public", default_value = "client_secret_basic")]
    auth_method: String,
    /// File with its public keys, as a JWK set.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Where it publishes its keys.
    #[arg(long, value_name = "URI", conflicts_with = "jwks")]
    jwks_uri: Option<String>,
    /// The subject of its certificate, for tls_client_auth, such as "CN=client,O=Example".
    #[arg(long, value_name = "DN")]
    certificate_subject: Option<String>,
    /// A DNS name in its certificate, for tls_client_auth.
    #[arg(long, value_name = "NAME")]
    certificate_dns: Option<String>,
    /// Bind its access tokens to its certificate (RFC 8705).
    #[arg(long)]
    certificate_bound: bool,
    /// Take its assertions also if they are for an endpoint of ours, and not for the issuer.
    #[arg(long)]
    endpoint_audience: bool,
    /// How its ID tokens are signed: ES256, EdDSA, RS256 or PS256; without this as the server prefers.
    #[arg(long, value_name = "ALG")]
    id_token_alg: Option<String>,
    /// Do not ask people for consent: a first-party application.
    #[arg(long)]
    skip_consent: bool,
    /// You have made sure who it is: the consent page says so.
    #[arg(long)]
    verified: bool,
    /// Refuse its authorization requests without PKCE.
    #[arg(long)]
    require_pkce: bool,
    /// What becomes of its refresh tokens when they are used: rotate or reuse; without this as the server says.
    #[arg(long, value_name = "POLICY")]
    refresh: Option<String>,
    /// What is revoked when one of its old refresh tokens is presented again: grant, subject or ignore.
    #[arg(long, value_name = "WHAT")]
    on_refresh_reuse: Option<String>,
    /// It may exchange the tokens of the client with this id, "*" for everybody's, and is then named as who acts; may be repeated.
    #[arg(long = "exchange-tokens-of", value_name = "CLIENT_ID")]
    exchange_tokens_of: Vec<String>,
    /// Where browsers may be sent back to after signing out; may be repeated.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// What browsers load in a frame to sign out there.
    #[arg(long, value_name = "URI")]
    frontchannel_logout_uri: Option<String>,
    /// Where it is told that somebody has signed out.
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// A resource server: it may introspect the tokens of every client.
    #[arg(long)]
    introspect_any: bool,
    /// How its access tokens look where their resource does not say: opaque or jwt; without this as the server says.
    #[arg(long, value_name = "FORMAT")]
    access_token_format: Option<String>,
    /// A resource that it may have tokens for; may be repeated; without this any.
    #[arg(long = "resource", value_name = "URI")]
    resources: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    AuthorizationCode,
    RefreshToken,
    ClientCredentials,
    /// Tokens through the browser, where the server allows that.
    Implicit,
    /// Devices without a browser (RFC 8628).
    DeviceCode,
    /// Tokens for tokens (RFC 8693).
    TokenExchange,
    /// Assertions of trusted issuers (RFC 7523).
    JwtBearer,
    /// People's passwords (RFC 6749 §4.3), where settings allow it.
    Password,
    /// People who are asked elsewhere (OpenID Connect CIBA), where settings allow it.
    Ciba,
}

impl Client {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let (engine, now) = (&running.engine, running.now());
        match self {
            Self::Create(create) => {
                let (client, secret) = clients::create(engine, create.into_new()?, now).await?;
                with_secret(printer, &client, secret.as_ref().map(|secret| secret.as_str()))
            }
            Self::Apply(apply) => apply.run(running, printer).await,
            Self::List => list(running, printer).await,
            Self::Export(export) => export.run(running, printer).await,
            Self::Show { client_id } => {
                let shown = view(&*clients::find(engine, &client_id).await?);
                printer.done(&shown, || serde_json::to_string_pretty(&shown).unwrap_or_default())
            }
            Self::Edit(Edit { client_id, verified, owner }) => {
                let change =
                    clients::Amend { verified, owner: owner.map(|owner| Some(owner).filter(|o| !o.is_empty())) };
                let shown = view(&clients::amend(engine, &client_id, change, now).await?);
                printer.done(&shown, || serde_json::to_string_pretty(&shown).unwrap_or_default())
            }
            Self::Delete { client_id } => {
                clients::delete(engine, &client_id, now).await?;
                printer.done(&json!({"client_id": client_id, "deleted": true}), || format!("deleted {client_id}"))
            }
            Self::RotateSecret { client_id, overlap } => {
                let overlap = Lifetime::from_seconds(i64::from(overlap));
                let (client, secret) = clients::rotate_secret(engine, &client_id, overlap, now).await?;
                with_secret(printer, &client, Some(secret.as_str()))
            }
        }
    }
}

impl Create {
    fn into_new(self) -> Result<NewClient, Failed> {
        let wrong = |error: &dyn std::fmt::Display| Failed::refused(error.to_string());
        let method = if self.public { Some(AuthMethod::None) } else { AuthMethod::parse(&self.auth_method) };
        let method = method.ok_or_else(|| wrong(&"auth-method: not one of those in --help"))?;
        let mut metadata = ClientMetadata::new(&self.name, method);
        metadata.scope = Scope::parse(&self.scope).map_err(|error| wrong(&error))?;
        for uri in &self.redirect_uris {
            metadata.redirect_uris.push(RedirectUri::parse(uri).map_err(|error| wrong(&error))?);
        }
        metadata.grant_types = self.grant_types.iter().map(|grant| grant.into_type()).collect();
        if let Some(file) = &self.jwks {
            let text = std::fs::read(file).map_err(|error| wrong(&format!("{}: {error}", file.display())))?;
            let set = jose::object(&text).map_err(|error| wrong(&format!("{}: {error}", file.display())))?;
            metadata.jwks = Some(Value::Object(set));
        }
        metadata.jwks_uri = self.jwks_uri;
        metadata.logout.post_logout_redirect_uris = self.post_logout_redirect_uris;
        metadata.logout.frontchannel_logout_session_required = self.frontchannel_logout_uri.is_some();
        metadata.logout.frontchannel_logout_uri = self.frontchannel_logout_uri;
        metadata.logout.backchannel_logout_session_required = self.backchannel_logout_uri.is_some();
        metadata.logout.backchannel_logout_uri = self.backchannel_logout_uri;
        metadata.tls.tls_client_auth_subject_dn = self.certificate_subject;
        metadata.tls.tls_client_auth_san_dns = self.certificate_dns;
        metadata.tls.tls_client_certificate_bound_access_tokens = self.certificate_bound;
        if let Some(name) = &self.id_token_alg {
            let algorithm = Algorithm::parse(name);
            metadata.id_token_signed_response_alg =
                Some(algorithm.ok_or_else(|| wrong(&"id-token-alg: ES256, EdDSA, RS256 or PS256"))?);
        }
        let policy = ClientPolicy {
            refresh: word("refresh", self.refresh.as_deref(), RefreshPolicy::ALL, RefreshPolicy::as_str)?,
            on_refresh_reuse: word(
                "on-refresh-reuse",
                self.on_refresh_reuse.as_deref(),
                ReuseReaction::ALL,
                ReuseReaction::as_str,
            )?,
            require_pkce: self.require_pkce.then_some(true),
            skip_consent: self.skip_consent,
            verified: self.verified,
            introspect_any: self.introspect_any,
            exchange: (!self.exchange_tokens_of.is_empty())
                .then(|| ExchangePolicy { tokens_of: self.exchange_tokens_of.clone(), ..ExchangePolicy::default() }),
            access_token_format: word(
                "access-token-format",
                self.access_token_format.as_deref(),
                TokenFormat::ALL,
                TokenFormat::as_str,
            )?,
            resources: (!self.resources.is_empty()).then_some(self.resources),
            endpoint_audience: self.endpoint_audience,
            ..ClientPolicy::default()
        };
        Ok(NewClient { client_id: self.client_id, metadata, policy, owner: None, secret: None })
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(
    option: &str,
    given: Option<&str>,
    all: &[T],
    text: fn(T) -> &'static str,
) -> Result<Option<T>, Failed> {
    let Some(given) = given else { return Ok(None) };
    let found = all.iter().copied().find(|word| text(*word) == given);
    let known = || all.iter().copied().map(text).collect::<Vec<_>>().join(", ");
    found.map(Some).ok_or_else(|| Failed::refused(format!("--{option} {given}: give one of {}", known())))
}

impl Grant {
    const fn into_type(self) -> GrantType {
        match self {
            Self::AuthorizationCode => GrantType::AuthorizationCode,
            Self::RefreshToken => GrantType::RefreshToken,
            Self::ClientCredentials => GrantType::ClientCredentials,
            Self::Implicit => GrantType::Implicit,
            Self::DeviceCode => GrantType::DeviceCode,
            Self::TokenExchange => GrantType::TokenExchange,
            Self::JwtBearer => GrantType::JwtBearer,
            Self::Password => GrantType::Password,
            Self::Ciba => GrantType::Backchannel,
        }
    }
}

/// Every client, page by page.
pub(super) async fn all(running: &Running) -> Result<Vec<Record>, Failed> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = clients::list(&running.engine, Page { after, limit: 500 }).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.id);
        all.extend(page);
    }
}

async fn list(running: &Running, printer: Printer) -> Result<(), Failed> {
    let all = all(running).await?;
    let views: Vec<_> = all.iter().map(view).collect();
    printer.done(&views, || {
        let row = |client: &Record| {
            vec![
                client.client_id.clone(),
                client.metadata.client_name.clone(),
                client.metadata.token_endpoint_auth_method.as_str().to_owned(),
                client.metadata.scope.to_string(),
            ]
        };
        table(&["CLIENT ID", "NAME", "AUTHENTICATION", "SCOPE"], &all.iter().map(row).collect::<Vec<_>>())
    })
}

fn with_secret(printer: Printer, client: &Record, secret: Option<&str>) -> Result<(), Failed> {
    let mut shown = view(client);
    if let (Some(secret), Value::Object(members)) = (secret, &mut shown) {
        members.insert("client_secret".to_owned(), secret.into());
    }
    printer.done(&shown, || match secret {
        Some(secret) => format!(
            "client_id      {}\nclient_secret  {secret}\n\nKeep the secret: it is not shown again.",
            client.client_id
        ),
        None => format!("client_id      {}", client.client_id),
    })
}

/// What may be shown of a client: its metadata, and of its secrets only when they were made and when they end.
fn view(client: &Record) -> Value {
    let mut shown = serde_json::to_value(&client.metadata).unwrap_or_default();
    if let Value::Object(members) = &mut shown {
        members.insert("id".to_owned(), json!(client.id));
        members.insert("client_id".to_owned(), json!(client.client_id));
        members.insert("enabled".to_owned(), json!(client.enabled));
        members.insert("owner".to_owned(), json!(client.owner));
        members.insert("created_at".to_owned(), json!(client.created_at.seconds()));
        members.insert("policy".to_owned(), json!(client.policy));
        let secret = |secret: &firman_store::record::ClientSecret| json!({"created_at": secret.created_at.seconds(), "expires_at": secret.expires_at.map(Timestamp::seconds)});
        members.insert("secrets".to_owned(), client.secrets.iter().map(secret).collect());
    }
    shown
}
