//! What tables and columns are called in the database. Checked once, at start-up.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::schema::{Table, tables};
use crate::value::hex;

/// The longest name, in bytes: the shortest limit among the databases.
const LONGEST: usize = 63;

/// Why a configured name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no such table or column to rename.
    #[error("[store.names] {key}: no such table or column{}", hint(.nearest.as_ref()))]
    Unknown {
        /// What was written.
        key: String,
        /// The one most like it.
        nearest: Option<String>,
    },
    /// The name is not one every database takes.
    #[error(
        "[store.names] {key} = \"{name}\": a name is a letter or _, then letters, digits, _ or $, at most 63 in all{}",
        prefix(.reserved)
    )]
    Invalid {
        /// Which table or column.
        key: String,
        /// What it should be called.
        name: String,
        /// How table names must not begin; empty if that is not the matter.
        reserved: &'static str,
    },
    /// Two tables, or two columns of a table, would have the same name, upper and lower case apart.
    #[error(
        "[store.names] {one} and {other} would both be called \"{name}\"; upper and lower case do not tell names apart"
    )]
    Twice {
        /// One table or column.
        one: String,
        /// The other.
        other: String,
        /// What both would be called.
        name: String,
    },
}

fn hint(nearest: Option<&String>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

fn prefix(reserved: &str) -> String {
    if reserved.is_empty() { String::new() } else { format!(", and a table's does not begin with {reserved}") }
}

/// Every table, column and index, and what it is called.
#[derive(Debug)]
pub(crate) struct Names {
    tables: BTreeMap<&'static str, TableNames>,
}

#[derive(Debug)]
struct TableNames {
    name: String,
    /// In the order of the schema: what each is by default, what it is called, and its type.
    columns: Vec<(&'static str, String, &'static str)>,
    indexes: Vec<(&'static str, String)>,
}

impl Names {
    /// The names with these changed: `table` or `table.column` → name.
    pub(crate) fn resolve(renamed: &BTreeMap<String, String>, dialect: &Dialect) -> Result<Self, NameError> {
        let known = tables();
        for (key, name) in renamed {
            check_key(key, &known)?;
            check_name(key, name, dialect)?;
        }
        let called = |key: String| renamed.get(&key).cloned();
        let tables = known.iter().map(|table| {
            let name = called(table.name.to_owned()).unwrap_or_else(|| table.name.to_owned());
            let column = |(column, kind): (&&'static str, &&'static str)| {
                let name = called(format!("{}.{column}", table.name)).unwrap_or_else(|| (*column).to_owned());
                (*column, name, *kind)
            };
            let columns = table.columns.iter().zip(&table.types).map(column).collect();
            let indexes = table.indexes.iter().map(|index| (*index, index_name(&name, index))).collect();
            (table.name, TableNames { name, columns, indexes })
        });
        let names = Self { tables: tables.collect() };
        names.check_distinct()?;
        Ok(names)
    }

    pub(crate) fn table(&self, table: &str) -> Option<&str> {
        self.tables.get(table).map(|found| found.name.as_str())
    }

    /// What every table is called.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.values().map(|table| table.name.as_str())
    }

    /// What a column is called, and its type.
    pub(crate) fn column(&self, table: &str, column: &str) -> Option<(&str, &'static str)> {
        let columns = &self.tables.get(table)?.columns;
        columns.iter().find(|(key, ..)| *key == column).map(|(_, name, kind)| (name.as_str(), *kind))
    }

    /// What the columns of a table are called, and their types.
    pub(crate) fn columns(&self, table: &str) -> Option<impl Iterator<Item = (&str, &'static str)>> {
        self.tables.get(table).map(|found| found.columns.iter().map(|(_, name, kind)| (name.as_str(), *kind)))
    }

    pub(crate) fn index(&self, table: &str, index: &str) -> Option<&str> {
        let indexes = &self.tables.get(table)?.indexes;
        indexes.iter().find(|(key, _)| *key == index).map(|(_, name)| name.as_str())
    }

    /// Tables and indexes share one space of names; the columns of a table have another.
    fn check_distinct(&self) -> Result<(), NameError> {
        let mut seen = BTreeMap::new();
        for (key, table) in &self.tables {
            check_once(&mut seen, (*key).to_owned(), &table.name)?;
            let mut columns = BTreeMap::new();
            for (column, name, _) in &table.columns {
                check_once(&mut columns, format!("{key}.{column}"), name)?;
            }
        }
        for (key, table) in &self.tables {
            for (index, name) in &table.indexes {
                check_once(&mut seen, format!("the index {key}#{index}"), name)?;
            }
        }
        Ok(())
    }
}

/// Every name that can be changed: `table` or `table.column`.
pub(crate) fn known_names(tables: &[Table]) -> impl Iterator<Item = String> {
    tables.iter().flat_map(|table| {
        let columns = table.columns.iter().map(|column| format!("{}.{column}", table.name));
        std::iter::once(table.name.to_owned()).chain(columns)
    })
}

/// An index or partition is called after its table, so that two sets of tables can live in one database.
pub(crate) fn index_name(table: &str, index: &str) -> String {
    // Where the whole is too long, a digest of it keeps it apart from its neighbours.
    let whole = format!("{table}_{index}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let digest = firman_proto::digest::sha256(whole.as_bytes());
    let tail: String = hex(&digest).chars().take(8).collect();
    let start: String = whole.chars().take(LONGEST - 1 - tail.len()).collect();
    format!("{start}_{tail}")
}

fn check_key(key: &str, known: &[Table]) -> Result<(), NameError> {
    let keys = || known_names(known);
    if keys().any(|candidate| candidate == key) {
        return Ok(());
    }
    let likeness = |candidate: &str| strsim::normalized_damerau_levenshtein(key, candidate);
    let nearest = keys().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    Err(NameError::Unknown { key: key.to_owned(), nearest: nearest.filter(|name| likeness(name) >= 0.5) })
}

fn check_name(key: &str, name: &str, dialect: &Dialect) -> Result<(), NameError> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let legal = starts && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$');
    let prefix = dialect.reserved_prefix;
    let reserved = !prefix.is_empty() && !key.contains('.') && name.to_ascii_lowercase().starts_with(prefix);
    if legal && name.len() <= LONGEST && !reserved {
        return Ok(());
    }
    let reserved = if reserved { dialect.reserved_prefix } else { "" };
    Err(NameError::Invalid { key: key.to_owned(), name: name.to_owned(), reserved })
}

fn check_once(seen: &mut BTreeMap<String, String>, key: String, name: &str) -> Result<(), NameError> {
    let folded = name.to_ascii_lowercase();
    if let Some(one) = seen.get(&folded) {
        return Err(NameError::Twice { one: one.clone(), other: key, name: name.to_owned() });
    }
    seen.insert(folded, key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::SQLITE;

    fn refused(key: &str, name: &str) -> String {
        let renamed = BTreeMap::from([(key.to_owned(), name.to_owned())]);
        Names::resolve(&renamed, &SQLITE).unwrap_err().to_string()
    }

    #[test]
    fn a_legal_name_is_taken() {
        for name in ["select", "_", "Order", "a$b", &"x".repeat(63)] {
            let renamed = BTreeMap::from([("grants".to_owned(), name.to_owned())]);
            assert_eq!(Names::resolve(&renamed, &SQLITE).unwrap().table("grants"), Some(name));
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        assert!(refused("grant", "x").ends_with("did you mean grants?"));
        assert!(refused("grants.clinet", "x").ends_with("did you mean grants.client?"));
        assert!(refused("Grants", "x").contains("grants"));
        assert!(refused("qqqqqqqqqqqq", "x").ends_with("no such table or column"));
        assert!(refused("", "x").contains("no such table or column"));
    }

    #[test]
    fn a_wrong_name_is_refused() {
        for name in ["", "1a", "a b", "a\"b", "a\0", "ä", "a.b", "$a", &"x".repeat(64)] {
            assert!(refused("grants.id", name).contains("at most 63"), "{name:?}");
        }
        assert!(refused("grants", "SQLite_x").contains("sqlite_"));
    }

    #[test]
    fn two_things_are_not_called_alike() {
        assert!(refused("grants", "CLIENTS").contains("clients and grants"));
        assert!(refused("grants.id", "Salt").contains("grants.id and grants.salt"));
        assert!(refused("names", "grants_client").contains("the index grants#client"));
    }

    #[test]
    fn a_long_table_has_short_indexes() {
        let renamed = BTreeMap::from([("grants".to_owned(), "x".repeat(63))]);
        let names = Names::resolve(&renamed, &SQLITE).unwrap();
        let (one, other) = (names.index("grants", "client").unwrap(), names.index("grants", "purge").unwrap());
        assert!(one.len() == 63 && other.len() == 63 && one != other);
    }
}
