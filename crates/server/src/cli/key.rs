//! `firman key`.

use clap::Subcommand;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{KeyState, Schedule};
use serde_json::{Value, json};

use super::output::{Failed, Printer, table};
use crate::start::Running;

#[derive(Subcommand)]
pub(super) enum Key {
    /// List signing keys and seal keys with their states.
    List,
    /// Make new signing keys that sign from now on; the old ones stay published until what they signed has expired.
    Rotate {
        /// Also make a new seal key, which seals a minute from now.
        #[arg(long)]
        seal: bool,
    },
    /// End a key at once: no token that it sealed, nothing that it signed is good any more.
    Revoke {
        /// The number of a seal key, or the `kid` of a signing key.
        key: String,
    },
}

impl Key {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let (make, now) = (running.engine.make_keys(), running.now());
        match self {
            Self::List => {}
            Self::Rotate { seal } => {
                make.rotate_signing_now(now).await?;
                if seal {
                    make.rotate_sealing(Lifetime::from_seconds(60), now).await?;
                }
                printer.note("A running server takes the new keys up within five seconds.");
            }
            Self::Revoke { key } => {
                let outcome = match key.parse() {
                    Ok(number) => make.revoke_sealing(number, now).await?,
                    Err(_) => make.revoke_signing(&key, now).await?,
                };
                outcome.ok_or_else(|| Failed::not_found("no such key; `firman key list` shows them"))?;
                printer.note("A running server drops the key within five seconds.");
            }
        }
        list(running, printer, now).await
    }
}

async fn list(running: &Running, printer: Printer, now: Timestamp) -> Result<(), Failed> {
    let keys = running.engine.store().keys().await.map_err(firman_engine::Fault::from)?;
    let signing =
        keys.signing.iter().map(|key| row("signing", &key.jwk.kid, key.algorithm.as_str(), key.schedule, now));
    let seal = keys.seal.iter().map(|key| row("seal", &key.number.to_string(), "AES-256-GCM-SIV", key.schedule, now));
    let rows: Vec<Value> = signing.chain(seal).collect();
    printer.done(&rows, || {
        let text = |row: &Value, member: &str| row.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let cells = |row: &Value| ["use", "state", "alg", "kid"].iter().map(|member| text(row, member)).collect();
        table(&["USE", "STATE", "ALGORITHM", "KEY"], &rows.iter().map(cells).collect::<Vec<_>>())
    })
}

fn row(usage: &str, kid: &str, algorithm: &str, schedule: Schedule, now: Timestamp) -> Value {
    let seconds = |time: Timestamp| (time != Timestamp::NEVER).then(|| time.seconds());
    let state = match schedule.state(now) {
        KeyState::Next => "next",
        KeyState::Current => "current",
        KeyState::Retired => "retired",
        KeyState::Ended => "ended",
    };
    json!({
        "use": usage,
        "kid": kid,
        "alg": algorithm,
        "state": state,
        "current_from": seconds(schedule.current_from),
        "retired_from": seconds(schedule.retired_from),
        "ends_at": seconds(schedule.ends_at),
    })
}
