//! A look into the database file beside the running server, without touching it.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

pub(crate) fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// The number of rows of every table.
pub(crate) fn count_rows(path: &Path) -> BTreeMap<String, i64> {
    let database = open(path);
    let mut tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(names.len() > 3, "this is not the server's database: {names:?}");
    names
        .into_iter()
        .map(|name| {
            let query = format!("SELECT count(*) FROM \"{name}\"");
            let rows = database.query_row(&query, [], |row| row.get(0)).unwrap();
            (name, rows)
        })
        .collect()
}

pub(crate) fn assert_sound(path: &Path) {
    let verdict: String = open(path).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}
