//! What the tests of every engine share.
#![allow(dead_code, reason = "no program of tests uses all of it")]
#![allow(clippy::indexing_slicing, reason = "these are tests")]

pub(crate) mod history;
pub(crate) mod spread;
pub(crate) mod thaw;

use std::collections::BTreeMap;

use firman_sql::SqlStore;

/// Legal names that a carelessly written statement would stumble over: words of SQL, mixed case, dollar signs, names that
/// aliases and other columns have, the longest there is.
#[allow(clippy::too_many_lines, reason = "it is a list")]
pub(crate) fn hostile_names() -> BTreeMap<String, String> {
    const TABLES: [&str; 20] = [
        "Select", "FROM", "table", "days", "e", "g", "c", "grants", "order", "group", "clients$", "null", "x", "index",
        "Once", "All", "Values", "Limit", "Having", "union",
    ];
    const COLUMNS: [&str; 69] = [
        "where",
        "Null",
        "NOT",
        "exists",
        "join",
        "Left",
        "order",
        "by",
        "limit",
        "values",
        "set",
        "update",
        "delete",
        "insert",
        "into",
        "primary",
        "check",
        "default",
        "rowid",
        "_rowid_",
        "oid",
        "day",
        "days",
        "e",
        "g",
        "c",
        "count",
        "min",
        "case",
        "end",
        "id",
        "x$y",
        "_",
        "__",
        "true",
        "counter",
        "user",
        "grant",
        "references",
        "foreign",
        "key",
        "unique",
        "column",
        "add",
        "drop",
        "view",
        "union",
        "having",
        "offset",
        "between",
        "like",
        "in",
        "is",
        "or",
        "and",
        "as",
        "asc",
        "desc",
        "cast",
        "collate",
        "distinct",
        "rows",
        "range",
        "partition",
        "interval",
        "trigger",
        "with",
        "recursive",
        "window",
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
