//! `firman user`.

use std::io::Read as _;

use clap::{Args, Subcommand};
use firman_engine::admin::accounts::{self, NewAccount};
use firman_store::Page;
use firman_store::record::Account;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::output::{Failed, Printer, table};
use crate::start::Running;

#[derive(Subcommand)]
pub(super) enum User {
    /// Create an account.
    Create {
        /// What the person types to sign in.
        username: String,
        #[command(flatten)]
        password: Password,
        /// A standard claim such as email=a@b.example; may be repeated. Values true, false and numbers are taken as such.
        #[arg(long = "claim", value_name = "NAME=VALUE")]
        claims: Vec<String>,
    },
    /// List accounts.
    List,
    /// Set a password; the account is signed out everywhere.
    SetPassword {
        /// Whose.
        username: String,
        #[command(flatten)]
        password: Password,
    },
}

/// Where a password comes from: never from the command line, where others could read it.
#[derive(Args)]
pub(super) struct Password {
    /// Read the password from standard input, up to the first line end.
    #[arg(long, required = true)]
    password_stdin: bool,
}

impl Password {
    #[allow(clippy::unused_self, reason = "that the flag was given is what it proves")]
    fn read(&self) -> Result<Zeroizing<String>, Failed> {
        let mut text = Zeroizing::new(String::new());
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failed::broke(format!("standard input: {error}")))?;
        Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
    }
}

impl User {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let (engine, passwords, now) = (&running.engine, &running.passwords, running.now());
        match self {
            Self::Create { username, password, claims } => {
                let new =
                    NewAccount { username, password: password.read()?.to_string(), claims: parse_claims(&claims)? };
                let account = accounts::create(engine, passwords, new, now).await?;
                printer.done(&view(&account), || format!("created {}, subject {}", account.username, account.id))
            }
            Self::List => list(running, printer).await,
            Self::SetPassword { username, password } => {
                let password = password.read()?.to_string();
                let account = accounts::set_password(engine, passwords, &username, password, now).await?;
                printer.done(&view(&account), || {
                    format!("{} has a new password and is signed out everywhere", account.username)
                })
            }
        }
    }
}

async fn list(running: &Running, printer: Printer) -> Result<(), Failed> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = accounts::list(&running.engine, Page { after, limit: 500 }).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        all.extend(page);
    }
    let views: Vec<_> = all.iter().map(view).collect();
    printer.done(&views, || {
        let enabled = |account: &Account| if account.enabled { "enabled" } else { "disabled" }.to_owned();
        let rows: Vec<_> = all.iter().map(|a| vec![a.username.clone(), a.id.to_string(), enabled(a)]).collect();
        table(&["USER NAME", "SUBJECT", "STATE"], &rows)
    })
}

fn view(account: &Account) -> Value {
    json!({
        "username": account.username,
        "subject": account.id,
        "enabled": account.enabled,
        "claims": account.claims,
        "created_at": account.created_at.seconds(),
    })
}

fn parse_claims(texts: &[String]) -> Result<Map<String, Value>, Failed> {
    let read = |text: &String| {
        let (name, value) =
            text.split_once('=').ok_or_else(|| Failed::refused(format!("claim {text:?}: write NAME=VALUE")))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok((name.to_owned(), value))
    };
    texts.iter().map(read).collect()
}
