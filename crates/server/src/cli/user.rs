//! `firman user`.

use std::io::Read as _;

use clap::{Args, Subcommand};
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::admin::{AdminError, account_factors};
use firman_engine::mail;
use firman_proto::time::Timestamp;
use firman_store::Page;
use firman_store::record::Account;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::output::{Failed, Printer, table};
use crate::http;
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
    /// Say which e-mail address is somebody's.
    SetEmail {
        /// Whose.
        username: String,
        /// The address; without it there is none.
        address: Option<String>,
        /// It was proved to be theirs: mail about their password may go there.
        #[arg(long, requires = "address")]
        verified: bool,
    },
    /// Make a link with which somebody chooses another password, within half an hour.
    ResetLink {
        /// Whose.
        username: String,
    },
    /// Take the authenticator app away, and the recovery codes with it; the account is signed out everywhere.
    RemoveApp {
        /// Whose.
        username: String,
    },
    /// Make new recovery codes, shown this once; the old ones are good no more.
    RecoveryCodes {
        /// Whose.
        username: String,
    },
    /// List somebody's passkeys.
    Passkeys {
        /// Whose.
        username: String,
    },
    /// Take a passkey away; the account is signed out everywhere.
    RemovePasskey {
        /// Whose.
        username: String,
        /// Its id, as `firman user passkeys` shows it.
        passkey: String,
    },
    /// Forget the failed attempts to sign in to an account, at the password and at the second step, for all nodes.
    Unlock {
        /// Whose.
        username: String,
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
            Self::SetEmail { username, address, verified } => {
                let seen = accounts::find(engine, &username, now).await?;
                let account = account_factors::set_email(engine, &seen, address.as_deref(), verified, now).await?;
                printer.done(&view(&account), || match &address {
                    Some(address) if verified => format!("{address} is proved to be of {}", account.username),
                    Some(address) => format!("{} says that {address} is theirs", account.username),
                    None => format!("{} has no e-mail address", account.username),
                })
            }
            Self::ResetLink { username } => {
                let account = accounts::find(engine, &username, now).await?;
                let made =
                    mail::reset_link(engine, &account, http::mail::RESET, now).await.map_err(AdminError::from)?;
                let value = json!({"link": made.link, "expires_at": made.expires_at.seconds()});
                printer.done(&value, || made.link.clone())
            }
            Self::RemoveApp { username } => {
                let seen = accounts::find(engine, &username, now).await?;
                let account = account_factors::remove_app(engine, &seen, now).await?;
                printer.done(&view(&account), || {
                    format!("{} has no authenticator app and is signed out everywhere", account.username)
                })
            }
            Self::RecoveryCodes { username } => {
                let account = accounts::find(engine, &username, now).await?;
                let codes = account_factors::new_recovery_codes(engine, &account, now).await?;
                printer.done(&json!({"recovery_codes": *codes}), || codes.join("\n"))
            }
            Self::Passkeys { username } => {
                let account = accounts::find(engine, &username, now).await?;
                passkeys(&account, printer)
            }
            Self::RemovePasskey { username, passkey } => {
                let seen = accounts::find(engine, &username, now).await?;
                let account = account_factors::remove_passkey(engine, &seen, &passkey, now).await?;
                printer.done(&view(&account), || {
                    format!("the passkey is removed, and {} is signed out everywhere", account.username)
                })
            }
            Self::Unlock { username } => {
                let account = accounts::find(engine, &username, now).await?;
                account_factors::unlock(engine, &account, now).await?;
                printer.done(&view(&account), || format!("{} may try again", account.username))
            }
        }
    }
}

fn passkeys(account: &Account, printer: Printer) -> Result<(), Failed> {
    let all = &account.factors.passkeys;
    let values = all.iter().map(|passkey| {
        let used = passkey.last_used_at.map(Timestamp::seconds);
        json!({"id": passkey.id, "name": passkey.name, "added_at": passkey.added_at.seconds(), "last_used_at": used})
    });
    let values: Vec<Value> = values.collect();
    printer.done(&values, || {
        let rows: Vec<_> = all.iter().map(|passkey| vec![passkey.name.clone(), passkey.id.clone()]).collect();
        table(&["NAME", "ID"], &rows)
    })
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
