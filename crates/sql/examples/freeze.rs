//! Freezes the schema as it is, with a row in every table, so that every later version proves that it still reads it:
//!
//! ```sh
//! cargo run -p firman-sql --example freeze -- crates/sql/tests/fixtures/3
//! ```
//!
//! writes `3.sql`, the database as SQL text, and `3.json`, what was written to it. Run when a version of the schema is released;
//! what is there is never made anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_push_string, reason = "a tool for developers")]

use std::fmt::Write as _;
use std::sync::Arc;

use firman_proto::digest::Digest16;
use firman_sql::{Options, SqlStore};
#[allow(clippy::wildcard_imports, reason = "the fixtures of the suite")]
use firman_store::conformance::fixtures::*;
use firman_store::conformance::held::{held_claims, held_token, insert_held_token};
use firman_store::record::{
    Attempts, DeliveryState, EpochKey, Flow, FlowRequest, Grant, HeldKind, HeldToken, Name, Namespace, RevokeReason,
    RevokedToken,
};
use firman_store::{Change, DeliveryFate, Editable, FlowApproval, Store};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let to = std::env::args().nth(1).expect("where to, without .sql");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frozen.db");
    let store = SqlStore::open(Options::new(format!("sqlite:{}", path.display()))).await.unwrap();
    let changes = changes();
    done(&(Arc::clone(&store) as Arc<dyn Store>), changes.clone()).await;
    store.close().await;
    std::fs::write(format!("{to}.json"), serde_json::to_string_pretty(&changes).unwrap() + "\n").unwrap();
    std::fs::write(format!("{to}.sql"), dump(&Connection::open(path).unwrap())).unwrap();
}

/// At least one record of every kind, and grants and flows in several states.
#[allow(clippy::too_many_lines, reason = "it is a list")]
fn changes() -> Vec<Change> {
    let (client, account, person) = (client(), account(), subject());
    let grant = grant_of(client.id, &person);
    let child = Grant { parent: Some(grant.id), ..grant_of(client.id, &person) };
    let (revoked, used, session) = (grant_of(client.id, &person), flow_of(client.id), session());
    let digest = Name::digest(ISSUER, Namespace::Username, &account.username);
    let name = Name { namespace: Namespace::Username, digest, id: account.id, expires_at: later(1_000_000) };
    let token = RevokedToken { day: NOW.day(), grant: grant.id, digest: Digest16([7; 16]), expires_at: later(300) };
    let [device, denied, withdrawn] =
        [polled(), polled(), polled()].map(|request| pending(FlowRequest::Device(request)));
    let pushed = Flow { client: client.id, ..pending(FlowRequest::Pushed(request())) };
    let digest = Name::digest(ISSUER, Namespace::UserCode, "BCDFGHJK");
    let user_code = Name { namespace: Namespace::UserCode, digest, id: device.id, expires_at: device.expires_at };
    let (due, arrived) = (delivery_due(NOW), delivery_due(NOW));
    let fate = DeliveryFate { id: arrived.id, seen: 1, state: DeliveryState::Done { at: later(5) }, error: None };
    let by_upstream = pending(FlowRequest::Device(polled()));
    let approval_by_upstream = FlowApproval {
        id: by_upstream.id,
        issuer: ISSUER,
        approval: approval(),
        expires_at: later(60),
        upstream: Some("uni".to_owned()),
        now: later(2),
    };
    vec![
        insert_client(&client),
        insert_account(&account),
        Change::TakeName { name, now: NOW },
        Change::Insert(Editable::Consent(Box::new(consent(&session.subject, client.id)))),
        Change::Insert(Editable::SigningKey(Box::new(signing_key()))),
        Change::Insert(Editable::SealKey(Box::new(seal_key(1)))),
        Change::Insert(Editable::Deployment(deployment())),
        insert_flow(&flow_of(client.id)),
        insert_flow(&used),
        claim(&used, NOW),
        insert_flow(&pushed),
        insert_flow(&device),
        Change::TakeName { name: user_code, now: NOW },
        approve(&device, &approval(), later(2)),
        insert_flow(&by_upstream),
        Change::ApproveFlow(Box::new(approval_by_upstream)),
        insert_flow(&denied),
        Change::DenyFlow { id: denied.id, failure: None, now: NOW },
        insert_flow(&withdrawn),
        Change::RevokeFlow { id: withdrawn.id },
        Change::InsertOnce(once()),
        insert_resource(&resource()),
        insert_grant(&grant),
        Change::Rotate(Box::new(rotation(&grant, 0, later(1)))),
        Change::Rotate(Box::new(rotation(&grant, 1, later(2)))),
        insert_grant(&child),
        insert_grant(&standing_grant(client.id)),
        insert_grant(&Grant { terms: terms(), ..grant_of(client.id, &person) }),
        insert_grant(&revoked),
        Change::RevokeGrant { id: revoked.id, reason: RevokeReason::Client, now: later(3) },
        Change::TouchGrant { id: child.id, now: later(4) },
        Change::RevokeToken(token),
        Change::JoinSession { session: session.id, client: client.id, expires_at: session.expires_at },
        Change::InsertSession(Box::new(session)),
        Change::CountAttempt { id: account.id, seen: 0, to: Attempts { count: 3, locked_until: Some(later(60)) } },
        insert_delivery(&due),
        insert_delivery(&arrived),
        Change::TakeDelivery { id: arrived.id, seen: 0, until: later(9) },
        Change::FinishDelivery(Box::new(fate)),
        insert_held_token(&held_token()),
        insert_held_token(&HeldToken { kind: HeldKind::Refresh, subject: None, ..held_token() }),
        Change::Insert(Editable::HeldClaims(Box::new(held_claims()))),
        Change::Append(Box::new(event(grant.id))),
        Change::AdvanceEpoch(EpochKey::Client(client.id)),
        Change::AdvanceEpoch(EpochKey::Everything),
        Change::AdvanceEpoch(EpochKey::Everything),
    ]
}

/// A database as SQL text.
fn dump(database: &Connection) -> String {
    let owner: i64 = database.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
    let mut text =
        format!("-- Made by `cargo run -p firman-sql --example freeze`.\nPRAGMA application_id = {owner};\n");
    let mut made =
        database.prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").unwrap();
    let things: Vec<(String, String, String)> =
        made.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect();
    for (_, _, statement) in &things {
        writeln!(text, "{statement};").unwrap();
    }
    for (_, table, _) in things.iter().filter(|(kind, ..)| kind == "table") {
        let mut rows = database.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let width = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..width).map(|column| literal(row.get_ref(column).unwrap())).collect();
            writeln!(text, "INSERT INTO \"{table}\" VALUES ({});", values.join(", ")).unwrap();
        }
    }
    text
}

fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(_) => unreachable!("no column holds a fraction"),
        ValueRef::Text(text) => format!("'{}'", std::str::from_utf8(text).unwrap().replace('\'', "''")),
        ValueRef::Blob(bytes) => {
            let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            format!("x'{hex}'")
        }
    }
}
