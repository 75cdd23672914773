//! A frozen database, on every engine: as the program of its version left it, and beside what later versions added.

use std::fmt::Write as _;

use firman_sql::{Options, SqlStore};
use firman_test_servers::{Mariadb, Postgres};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tempfile::TempDir;

/// Where a frozen database was thawed.
pub(crate) struct Thawed {
    pub(crate) options: Options,
    _folder: Option<TempDir>,
}

impl Thawed {
    fn on_the_network(options: Options) -> Self {
        Self { options, _folder: None }
    }
}

/// How an engine is told.
struct Words {
    quote: char,
    bytes: &'static str,
    /// What comes before everything.
    first: String,
    run: fn(&str),
}

/// At its own version: in a file, on PostgreSQL and on MariaDB.
pub(crate) async fn as_it_was(version: i64, sql: &str) -> Vec<Thawed> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frozen.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let file = Thawed { options: Options::new(format!("sqlite:{}", path.display())), _folder: Some(folder) };
    let mut places = vec![file];
    for (options, words) in networks() {
        // What brought it to that version then does so now: a migration that was released is never changed.
        let plan = SqlStore::migrations(&options).await.unwrap().pending;
        let done =
            |statement: &String| statement.contains("firman_schema") && statement.contains(&format!("({version}, "));
        let last = plan.iter().position(done).unwrap();
        (words.run)(&format!("{}{}; {}", words.first, plan[..=last].join(";\n"), rows(sql, &words)));
        places.push(Thawed::on_the_network(options));
    }
    places
}

/// Its rows, written in its own columns into today's schema, as a program of its version does that still serves.
pub(crate) async fn beside_what_is_new(sql: &str) -> Vec<Thawed> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let options = Options::new(format!("sqlite:{}", path.display()));
    SqlStore::migrate(&options).await.unwrap();
    let words = Words { quote: '"', bytes: "x'", first: String::new(), run: |_| () };
    Connection::open(&path).unwrap().execute_batch(&rows(sql, &words)).unwrap();
    let mut places = vec![Thawed { options, _folder: Some(folder) }];
    for (options, words) in networks() {
        SqlStore::migrate(&options).await.unwrap();
        (words.run)(&format!("{}{}", words.first, rows(sql, &words)));
        places.push(Thawed::on_the_network(options));
    }
    places
}

fn networks() -> Vec<(Options, Words)> {
    let mut networks = Vec::new();
    if let Some(server) = Postgres::shared() {
        let url = server.fresh();
        let first = format!("SET search_path = {}; ", url.rsplit_once("%3D").unwrap().1);
        let run = |text: &str| drop(Postgres::shared().unwrap().sql(text));
        networks.push((Options::new(url), Words { quote: '"', bytes: "'\\x", first, run }));
    }
    if let Some(server) = Mariadb::shared() {
        let url = server.fresh();
        let database = url.rsplit_once('/').unwrap().1;
        let first =
            format!("SET NAMES utf8mb4; SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'; USE {database}; ");
        let run = |text: &str| drop(Mariadb::shared().unwrap().sql(text));
        networks.push((Options::new(url), Words { quote: '`', bytes: "x'", first, run }));
    }
    networks
}

/// Every row of a frozen database but those that say its version.
fn rows(sql: &str, words: &Words) -> String {
    let frozen = Connection::open_in_memory().unwrap();
    frozen.execute_batch(sql).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'firman_schema' ORDER BY rowid";
    let mut tables = frozen.prepare(tables).unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut text = String::new();
    for table in tables {
        let mut all = frozen.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let Words { quote, .. } = words;
        let columns: Vec<_> = all.column_names().map(|name| format!("{quote}{name}{quote}")).collect();
        let into = format!("INSERT INTO {quote}{table}{quote} ({}) VALUES ", columns.join(", "));
        let mut all = all.query([]).unwrap();
        while let Some(row) = all.next().unwrap() {
            let values: Vec<_> = (0..columns.len()).map(|place| literal(row.get_ref(place).unwrap(), words)).collect();
            writeln!(text, "{into}({});", values.join(", ")).unwrap();
        }
    }
    text
}

fn literal(value: ValueRef<'_>, words: &Words) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(_) => unreachable!("no column holds a fraction"),
        ValueRef::Text(text) => format!("'{}'", std::str::from_utf8(text).unwrap().replace('\'', "''")),
        ValueRef::Blob(bytes) => {
            let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}{}'", words.bytes, hex.concat())
        }
    }
}
