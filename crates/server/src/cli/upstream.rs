//! `firman upstream`.

use clap::Subcommand;
use firman_engine::upstream::{self, Grade, Provider, post_logout_redirect_uri, redirect_uri};
use serde_json::{Value, json};

use super::output::{Failed, Printer, table};
use crate::start::Running;

/// What the codes mean.
pub(super) const AFTER_HELP: &str = "Exit codes of check: 0 people can sign in there; 5 they cannot.";

#[derive(Subcommand)]
pub(super) enum Upstream {
    /// List the identity providers whose people may sign in here, with what to register at each.
    List,
    /// Ask each provider, or one, whether people could sign in there: discovery, keys, redirect URI, credentials.
    Check {
        /// What it is called here.
        name: Option<String>,
    },
}

impl Upstream {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let providers = &running.engine.policy().upstream.providers;
        match self {
            Self::List => {
                let all: Vec<_> = providers.iter().map(|provider| shown(running, provider)).collect();
                printer.done(&json!({"upstreams": all}), || lines(&all))
            }
            Self::Check { name } => {
                let wanted: Vec<&Provider> = providers
                    .iter()
                    .filter(|provider| name.as_ref().is_none_or(|name| *name == provider.name))
                    .collect();
                if wanted.is_empty() {
                    return Err(Failed::refused(match name {
                        Some(name) => format!("no such provider: {name}"),
                        None => "login.upstreams names no provider".to_owned(),
                    }));
                }
                check(running, printer, &wanted).await
            }
        }
    }
}

fn shown(running: &Running, provider: &Provider) -> Value {
    json!({"name": provider.name, "issuer": provider.issuer, "client_id": provider.client_id,
        "redirect_uri": redirect_uri(&running.engine, provider),
        "post_logout_redirect_uri": post_logout_redirect_uri(&running.engine, provider)})
}

fn lines(all: &[Value]) -> String {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let names = ["name", "issuer", "client_id", "redirect_uri", "post_logout_redirect_uri"];
    let rows: Vec<Vec<String>> = all.iter().map(|one| names.map(|name| text(one, name)).to_vec()).collect();
    table(&["NAME", "ISSUER", "CLIENT ID", "REDIRECT URI", "POST-LOGOUT REDIRECT URI"], &rows)
}

async fn check(running: &Running, printer: Printer, wanted: &[&Provider]) -> Result<(), Failed> {
    let (mut all, mut lines, mut wrong) = (Vec::new(), Vec::new(), 0_usize);
    for provider in wanted {
        let seen = upstream::check(&running.engine, provider, running.now()).await;
        for one in &seen {
            let word = match one.grade {
                Grade::Good => "good   ",
                Grade::Warning => "WARNING",
                Grade::Wrong => "WRONG  ",
            };
            wrong += usize::from(one.grade == Grade::Wrong);
            lines.push(format!("{word}  {:<12}  {:<14}  {}", provider.name, one.check, one.what));
        }
        let findings: Vec<_> =
            seen.iter().map(|one| json!({"level": word(one.grade), "check": one.check, "what": one.what})).collect();
        all.push(json!({"name": provider.name, "findings": findings}));
    }
    printer.done(&json!({"upstreams": all}), || lines.join("\n"))?;
    if wrong > 0 { Err(Failed::refused(format!("{wrong} wrong"))) } else { Ok(()) }
}

const fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "good",
        Grade::Warning => "warning",
        Grade::Wrong => "wrong",
    }
}
