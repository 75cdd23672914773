//! `firman audit`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use firman_engine::admin::clients;
use firman_engine::admin::events::{EventFilter, search, stretch};
use firman_proto::id::RecordId;
use firman_proto::rfc3339;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Page;
use firman_store::record::{Event, EventKind};
use serde_json::{Value, json};

use super::output::{Failed, Printer, table};
use crate::start::Running;

pub(super) const AFTER_HELP: &str = "\
Examples:
  firman audit list --kind sign_in_failed --since 2026-11-01
  firman audit export --cursor-file /var/lib/siem/firman.cursor >> audit.jsonl

An export goes on where the cursor file says the last one ended, and writes it anew when its lines are out: what is cut off in between is
exported again, and nothing is left out. A line's \"id\" tells what was there already.";

#[derive(Subcommand)]
pub(super) enum Audit {
    /// List events, the newest first.
    List(List),
    /// Print events as JSON lines, the oldest first.
    Export(Export),
}

#[derive(Args)]
pub(super) struct Which {
    /// Only those about the record with this id.
    #[arg(long, value_name = "ID")]
    about: Option<String>,
    /// Only those of this kind, such as `grant_revoked`.
    #[arg(long)]
    kind: Option<String>,
    /// Only those to or by this client: its client_id, or the id of its record where it is gone.
    #[arg(long)]
    client: Option<String>,
    /// Only those to or by this person.
    #[arg(long)]
    subject: Option<String>,
    /// Not before this: a date, or a time such as 2026-11-21T23:05:09Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    which: Which,
    /// Go on where the page before ended: its "next".
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    which: Which,
    /// Go on after the event with this id.
    #[arg(long, value_name = "ID", conflicts_with = "cursor_file")]
    after: Option<String>,
    /// Go on where this file says, if it is there, and write into it where the export ended.
    #[arg(long, value_name = "FILE")]
    cursor_file: Option<PathBuf>,
    /// Leave what is younger than so many seconds to the next export: longer than clocks of nodes differ, and a commit takes.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    settled: u32,
}

impl Audit {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        match self {
            Self::List(list) => list.run(running, printer).await,
            Self::Export(export) => export.run(running).await,
        }
    }
}

impl Which {
    async fn filter(&self, running: &Running) -> Result<EventFilter, Failed> {
        let time = |text: &Option<String>| {
            let wrong =
                |text: &str| Failed::refused(format!("{text}: neither a date nor a time such as 2026-11-21T23:05:09Z"));
            text.as_deref().map(|text| rfc3339::parse(text).ok_or_else(|| wrong(text))).transpose()
        };
        let client = match &self.client {
            None => None,
            Some(client) => match RecordId::parse(client) {
                Some(id) => Some(id),
                None => Some(clients::find(&running.engine, client).await?.id),
            },
        };
        Ok(EventFilter {
            about: self.about.as_deref().map(id).transpose()?,
            kind: self.kind.as_deref().map(kind).transpose()?,
            client,
            subject: self.subject.clone(),
            since: time(&self.since)?,
            until: time(&self.until)?,
        })
    }
}

impl List {
    async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let filter = self.which.filter(running).await?;
        let mut page = Page { after: self.before.as_deref().map(id).transpose()?, limit: self.limit.clamp(1, 10_000) };
        let mut events = Vec::new();
        loop {
            let found = search(&running.engine, &filter, page).await?;
            page.limit = page.limit.saturating_sub(u32::try_from(found.events.len()).unwrap_or(u32::MAX));
            page.after = found.next;
            events.extend(found.events);
            // Rare ones are sought in several steps.
            if page.limit == 0 || page.after.is_none() {
                break;
            }
        }
        let value = json!({"events": events.iter().map(line).collect::<Vec<_>>(), "next": page.after});
        printer.done(&value, || {
            let head = ["TIME", "KIND", "ABOUT", "SUBJECT", "FROM", "BY"];
            table(&head, &events.iter().map(row).collect::<Vec<_>>())
        })
    }
}

impl Export {
    async fn run(self, running: &Running) -> Result<(), Failed> {
        let filter = self.which.filter(running).await?;
        let mut after = match (&self.after, &self.cursor_file) {
            (Some(after), _) => Some(id(after)?),
            (None, Some(file)) => cursor(file)?,
            (None, None) => None,
        };
        let (settled, now) = (Lifetime::from_seconds(self.settled.into()), running.now());
        loop {
            let read = stretch(&running.engine, &filter, after, settled, now).await?;
            put_out(&read.events)?;
            if let (Some(file), Some(last)) = (&self.cursor_file, read.last)
                && after != read.last
            {
                keep_cursor(file, last)?;
            }
            after = read.last;
            if !read.more {
                return Ok(());
            }
        }
    }
}

/// An export whose reader has gone has failed: unlike with a list, something would be missing.
fn put_out(events: &[Event]) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let lines = events.iter().try_for_each(|event| writeln!(out, "{}", line(event)));
    lines.and_then(|()| out.flush()).map_err(|error| Failed::broke(format!("standard output: {error}")))
}

fn cursor(file: &Path) -> Result<Option<RecordId>, Failed> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let wrong = || Failed::refused(format!("{}: not a cursor of an export", file.display()));
            RecordId::parse(text.trim()).map(Some).ok_or_else(wrong)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failed::broke(format!("{}: {error}", file.display()))),
    }
}

/// Writes a cursor beside the old one, and then puts it in its place.
fn keep_cursor(file: &Path, last: RecordId) -> Result<(), Failed> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let write = || {
        let mut new = std::fs::File::create(&beside)?;
        writeln!(new, "{last}")?;
        new.sync_all()?;
        std::fs::rename(&beside, file)
    };
    write().map_err(|error: std::io::Error| Failed::broke(format!("{}: {error}", file.display())))
}

fn id(text: &str) -> Result<RecordId, Failed> {
    RecordId::parse(text).ok_or_else(|| Failed::refused(format!("{text}: not an id: 8-4-4-4-12 lower-case hex digits")))
}

fn kind(text: &str) -> Result<EventKind, Failed> {
    serde_json::from_value(text.into()).map_err(|_| Failed::refused(format!("{text}: not the name of a kind of event")))
}

/// One line of the trail, as scripts get it.
fn line(event: &Event) -> Value {
    json!({
        "id": event.id,
        "time": time(event.at),
        "kind": event.kind,
        "about": event.about,
        "client": event.client,
        "subject": event.subject,
        "details": event.details,
    })
}

fn time(at: Timestamp) -> String {
    rfc3339::format(at)
}

fn row(event: &Event) -> Vec<String> {
    let detail = |name: &str| event.details.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let actor = event.details.get("actor");
    let said = |name: &str| actor.and_then(|actor| actor.get(name)).and_then(Value::as_str);
    let by = said("subject").or_else(|| said("client_id")).or_else(|| said("kind")).unwrap_or("-");
    let kind = serde_json::to_value(&event.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    vec![
        time(event.at),
        kind.unwrap_or_default(),
        event.about.to_string(),
        event.subject.clone().unwrap_or_else(|| "-".to_owned()),
        detail("address"),
        by.to_owned(),
    ]
}
