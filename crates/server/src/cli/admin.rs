//! `firman admin`.

use clap::Subcommand;
use firman_engine::admin::{accounts, operators};
use firman_engine::operator::role_of;
use firman_proto::scope::Scope;
use firman_store::Page;
use firman_store::record::Account;
use serde_json::{Value, json};

use super::output::{Failed, Printer, table};
use crate::start::Running;

/// How many accounts are looked at in one page.
const PAGE: u32 = 500;

#[derive(Subcommand)]
pub(super) enum Admin {
    /// Make somebody an operator: they may use the admin API and its console.
    GrantOperator {
        /// Their user name.
        username: String,
        /// What they may do, such as "firman.clients.read firman.events.read"; without it, everything.
        #[arg(long, value_parser = |text: &str| Scope::parse(text).map_err(|error| error.to_string()))]
        scope: Option<Scope>,
    },
    /// Make somebody an operator no more: at once, whatever tokens they hold.
    RevokeOperator {
        /// Their user name.
        username: String,
    },
    /// List accounts whose people are operators.
    Operators,
    /// Print the OpenAPI document of the admin API.
    Openapi,
}

impl Admin {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let (engine, now) = (&running.engine, running.now());
        match self {
            Self::GrantOperator { username, scope } => {
                let account = accounts::find(engine, &username, now).await?;
                let account = operators::grant(engine, &account, scope.as_ref(), now).await?;
                printer.done(&shown(&account), || format!("{} is an operator now", account.username))
            }
            Self::RevokeOperator { username } => {
                let account = accounts::find(engine, &username, now).await?;
                let account = operators::withdraw(engine, &account, now).await?;
                printer.done(&shown(&account), || format!("{} is no operator any more", account.username))
            }
            Self::Openapi => openapi(printer),
            Self::Operators => {
                let mut found = Vec::new();
                let mut after = None;
                loop {
                    let page = accounts::list(engine, Page { after, limit: PAGE }).await?;
                    let Some(last) = page.last() else { break };
                    after = Some(last.id);
                    found.extend(page.into_iter().filter(|account| !role_of(account).is_empty()));
                }
                let row = |account: &Account| {
                    vec![account.username.clone(), account.id.to_string(), role_of(account).to_string()]
                };
                let list: Vec<Value> = found.iter().map(shown).collect();
                printer.done(&list, || {
                    table(&["USER NAME", "SUBJECT", "SCOPE"], &found.iter().map(row).collect::<Vec<_>>())
                })
            }
        }
    }
}

/// The document, for which no store is needed.
pub(super) fn openapi(printer: Printer) -> Result<(), Failed> {
    let document = crate::admin::document::document();
    printer.done(&document, || serde_json::to_string_pretty(&document).unwrap_or_default())
}

fn shown(account: &Account) -> Value {
    json!({"username": account.username, "subject": account.id.to_string(), "scope": role_of(account).as_str()})
}
