//! `firman resource`.

use clap::{Args, Subcommand};
use firman_engine::admin::resources::{self, NewResource, Settings};
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Page;
use firman_store::record::{ClientSecret, Resource as Record, TokenFormat};
use serde_json::{Value, json};

use super::client::word;
use super::output::{Failed, Printer, table};
use crate::start::Running;

#[derive(Subcommand)]
pub(super) enum Resource {
    /// Register a resource; its secret is printed once and never again.
    Add(Add),
    /// List resources.
    List,
    /// Show a resource. Its secret cannot be shown: nobody has it.
    Show {
        /// Its identifier.
        identifier: String,
    },
    /// Change what is said of a resource; what is not named stays.
    Edit(Edit),
    /// Give a resource a new secret, printed once.
    RotateSecret {
        /// Its identifier.
        identifier: String,
        /// For how long the old secret goes on working, in seconds.
        #[arg(long, default_value_t = 0, value_name = "SECONDS")]
        overlap: u32,
    },
    /// Remove a resource: nothing is issued for it any more, and it is told nothing.
    Remove {
        /// Its identifier.
        identifier: String,
    },
}

#[derive(Args)]
pub(super) struct Add {
    /// What clients call it: an absolute URI, such as https://api.example.
    identifier: String,
    #[command(flatten)]
    said: Said,
    /// It asks nothing of this server: it verifies JWT access tokens by itself.
    #[arg(long)]
    no_secret: bool,
}

#[derive(Args)]
pub(super) struct Edit {
    /// Its identifier, which stays.
    identifier: String,
    #[command(flatten)]
    said: Said,
    /// It is no target any more, and is told nothing.
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// It is one again.
    #[arg(long)]
    enable: bool,
}

/// What may be said of a resource.
#[derive(Args)]
struct Said {
    /// A name for people.
    #[arg(long)]
    name: Option<String>,
    /// What may be asked for there, separated by spaces; empty: anything.
    #[arg(long)]
    scope: Option<String>,
    /// How its access tokens look: opaque, jwt, or default for the client's or the server's way.
    #[arg(long, value_name = "FORMAT")]
    token_format: Option<String>,
    /// Lifetime of its access tokens, in seconds; 0 for the client's or the server's.
    #[arg(long, value_name = "SECONDS")]
    access_token_seconds: Option<u32>,
    /// A caveat that it checks itself: method or path; may be repeated; none for none.
    #[arg(long, value_name = "CAVEAT")]
    enforces: Vec<String>,
}

impl Resource {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let (engine, now) = (&running.engine, running.now());
        match self {
            Self::Add(Add { identifier, said, no_secret }) => {
                let settings = said.over(Settings::default())?;
                let new = NewResource { identifier, settings, secret: !no_secret };
                let (resource, secret) = resources::add(engine, new, now).await?;
                with_secret(printer, &resource, secret.as_ref().map(|secret| secret.as_str()))
            }
            Self::List => list(running, printer).await,
            Self::Show { identifier } => shown(printer, &*resources::find(engine, &identifier).await?),
            Self::Edit(Edit { identifier, said, disable, enable }) => {
                let known = resources::find(engine, &identifier).await?;
                let settings = said.over(Settings::of(&known))?;
                let enabled = (known.enabled || enable) && !disable;
                shown(printer, &resources::edit(engine, &known, settings, enabled, now).await?)
            }
            Self::RotateSecret { identifier, overlap } => {
                let overlap = Lifetime::from_seconds(i64::from(overlap));
                let (resource, secret) = resources::rotate_secret(engine, &identifier, overlap, now).await?;
                with_secret(printer, &resource, Some(secret.as_str()))
            }
            Self::Remove { identifier } => {
                resources::remove(engine, &identifier, now).await?;
                let done = json!({"identifier": identifier, "removed": true});
                printer.done(&done, || format!("removed {identifier}"))
            }
        }
    }
}

impl Said {
    /// What was known, with what is said over it.
    fn over(self, known: Settings) -> Result<Settings, Failed> {
        let scope = match self.scope {
            None => known.scope,
            Some(text) => Scope::parse(&text).map_err(|error| Failed::refused(error.to_string()))?,
        };
        let token_format = match self.token_format.as_deref() {
            None => known.token_format,
            Some("default") => None,
            given => word("token-format", given, TokenFormat::ALL, TokenFormat::as_str)?,
        };
        let enforces = match self.enforces.as_slice() {
            [] => known.enforces,
            [none] if none == "none" => Vec::new(),
            named => named.to_vec(),
        };
        Ok(Settings {
            name: self.name.unwrap_or(known.name),
            scope,
            token_format,
            access_token_seconds: match self.access_token_seconds {
                None => known.access_token_seconds,
                Some(0) => None,
                Some(seconds) => Some(i64::from(seconds)),
            },
            enforces,
        })
    }
}

async fn list(running: &Running, printer: Printer) -> Result<(), Failed> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = resources::list(&running.engine, Page { after, limit: 500 }).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        all.extend(page);
    }
    let views: Vec<_> = all.iter().map(view).collect();
    printer.done(&views, || {
        let row = |resource: &Record| {
            vec![
                resource.identifier.clone(),
                resource.name.clone(),
                resource.token_format.map_or("default", TokenFormat::as_str).to_owned(),
                resource.scope.to_string(),
                if resource.enabled { "yes" } else { "no" }.to_owned(),
            ]
        };
        table(&["IDENTIFIER", "NAME", "TOKENS", "SCOPE", "ENABLED"], &all.iter().map(row).collect::<Vec<_>>())
    })
}

fn shown(printer: Printer, resource: &Record) -> Result<(), Failed> {
    let shown = view(resource);
    printer.done(&shown, || serde_json::to_string_pretty(&shown).unwrap_or_default())
}

fn with_secret(printer: Printer, resource: &Record, secret: Option<&str>) -> Result<(), Failed> {
    let mut shown = view(resource);
    if let (Some(secret), Value::Object(members)) = (secret, &mut shown) {
        members.insert("secret".to_owned(), secret.into());
    }
    printer.done(&shown, || match secret {
        Some(secret) => format!(
            "identifier  {}\nsecret      {secret}\n\nKeep the secret: it is not shown again. With both the resource asks \
             about tokens, as a client does with its id and secret.",
            resource.identifier
        ),
        None => format!("identifier  {}", resource.identifier),
    })
}

/// What may be shown of a resource, and of its secrets only when they were made and when they end.
fn view(resource: &Record) -> Value {
    let secret = |secret: &ClientSecret| json!({"created_at": secret.created_at.seconds(), "expires_at": secret.expires_at.map(Timestamp::seconds)});
    json!({
        "id": resource.id,
        "identifier": resource.identifier,
        "name": resource.name,
        "enabled": resource.enabled,
        "scope": resource.scope,
        "token_format": resource.token_format,
        "access_token_seconds": resource.access_token_seconds,
        "enforces": resource.enforces,
        "created_at": resource.created_at.seconds(),
        "secrets": resource.secrets.iter().map(secret).collect::<Vec<_>>(),
    })
}
