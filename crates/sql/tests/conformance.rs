//! The suite of every store, on SQLite with the names as they are and with every name changed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use firman_sql::{Options, SqlStore};
use firman_store::Store;

mod sqlite {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        SqlStore::open(Options::new("sqlite::memory:")).await.unwrap()
    }

    firman_store::conformance!(make);
}

mod sqlite_renamed {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        let options = Options { names: hostile_names(), ..Options::new("sqlite::memory:") };
        SqlStore::open(options).await.unwrap()
    }

    firman_store::conformance!(make);
}

/// Legal names that a carelessly written statement would stumble over: words of SQL, mixed case, dollar signs, names that
/// aliases and other columns have, the longest there is.
fn hostile_names() -> BTreeMap<String, String> {
    const TABLES: [&str; 14] = [
        "Select", "FROM", "table", "days", "e", "g", "c", "grants", "order", "group", "clients$", "null", "x", "index",
    ];
    const COLUMNS: [&str; 36] = [
        "where", "Null", "NOT", "exists", "join", "Left", "order", "by", "limit", "values", "set", "update", "delete",
        "insert", "into", "primary", "check", "default", "rowid", "_rowid_", "oid", "day", "days", "e", "g", "c",
        "count", "min", "case", "end", "id", "x$y", "_", "__", "true", "counter",
    ];
    let (mut tables, mut columns) = (TABLES.iter(), COLUMNS.iter().cycle());
    let mut name = |key: &String| match key.split_once('.') {
        None => {
            let name = *tables.next().expect("a name for every table");
            if name == "x" { "X".repeat(63) } else { name.to_owned() }
        }
        Some((_, "body")) => "b".repeat(63),
        Some(_) => (*columns.next().expect("a cycle")).to_owned(),
    };
    SqlStore::known_names().iter().map(|key| (key.clone(), name(key))).collect()
}
