//! `firman grant`.

use clap::{Args, Subcommand};
use firman_engine::admin::{clients, grants};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::{Grant as Record, Subject};
use firman_store::{GrantsOf, Page};
use serde_json::{Value, json};

use super::output::{Failed, Printer, table};
use crate::start::Running;

#[derive(Subcommand)]
pub(super) enum Grant {
    /// List grants, oldest first.
    List(List),
    /// Revoke a grant: every token under it is dead at once.
    Revoke {
        /// The grant's id.
        id: String,
    },
}

#[derive(Args)]
pub(super) struct List {
    /// Only what this subject allowed.
    #[arg(long, conflicts_with = "client")]
    subject: Option<String>,
    /// Only what this client has.
    #[arg(long)]
    client: Option<String>,
    /// Go on after the grant with this id.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

impl Grant {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        match self {
            Self::List(list) => list.run(running, printer).await,
            Self::Revoke { id } => {
                let id = parse(&id)?;
                grants::revoke(&running.engine, id, running.now()).await?;
                printer.done(&json!({"id": id, "revoked": true}), || format!("revoked {id}"))
            }
        }
    }
}

impl List {
    async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let engine = &running.engine;
        let of = match (&self.subject, &self.client) {
            (Some(subject), _) => {
                let subject =
                    Subject::new(subject).ok_or_else(|| Failed::refused("subject: 1 to 255 printable characters"))?;
                GrantsOf::Subject(subject.key(engine.number()))
            }
            (None, Some(client)) => GrantsOf::Client(clients::find(engine, client).await?.id),
            (None, None) => GrantsOf::Everybody,
        };
        let after = self.after.as_deref().map(parse).transpose()?;
        let grants = grants::list(engine, of, Page { after, limit: self.limit.clamp(1, 10_000) }).await?;
        let mut views = Vec::with_capacity(grants.len());
        for grant in &grants {
            let client = engine.store().client_by_id(grant.client).await.map_err(firman_engine::Fault::from)?;
            let client = client.map_or_else(|| grant.client.to_string(), |client| client.client_id.clone());
            views.push(view(grant, &client, running.now()));
        }
        printer.done(&views, || lines(&views))
    }
}

fn parse(id: &str) -> Result<RecordId, Failed> {
    RecordId::parse(id).ok_or_else(|| Failed::refused("not a grant id: 8-4-4-4-12 lower-case hex digits"))
}

fn view(grant: &Record, client: &str, now: Timestamp) -> Value {
    let seconds = |time: Timestamp| (time != Timestamp::NEVER).then(|| time.seconds());
    json!({
        "id": grant.id,
        "kind": grant.kind,
        "client_id": client,
        "subject": grant.subject,
        "scope": grant.scope,
        "generation": grant.refresh.as_ref().map(|refresh| refresh.generation),
        "created_at": grant.id.made_at().seconds(),
        "expires_at": seconds(grant.expires_at),
        "revoked_at": grant.revoked_at.map(Timestamp::seconds),
        "reason": grant.reason,
        "live": grant.is_live(now),
    })
}

fn lines(views: &[Value]) -> String {
    let text = |view: &Value, member: &str| match view.get(member) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    let state = |view: &Value| if view.get("live") == Some(&Value::Bool(true)) { "live" } else { "dead" }.to_owned();
    let row = |view: &Value| {
        let mut row: Vec<_> = ["id", "client_id", "subject", "scope", "generation"].map(|m| text(view, m)).into();
        row.push(state(view));
        row
    };
    table(&["ID", "CLIENT", "SUBJECT", "SCOPE", "GENERATION", "STATE"], &views.iter().map(row).collect::<Vec<_>>())
}
