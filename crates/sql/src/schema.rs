//! The tables, as a list of migrations. What the migrations mention is what there is, and what can be renamed.

use crate::template::{Piece, pieces};

/// Every migration, in order; the first is version 1. One that was released is never changed.
pub(crate) const MIGRATIONS: &[&str] =
    &[include_str!("migrations/1.sql"), include_str!("migrations/2.sql"), include_str!("migrations/3.sql")];

/// The version of the schema this program reads and writes.
pub(crate) const VERSION: i64 = MIGRATIONS.len().cast_signed() as i64;

/// The newest version this program serves: a migration only adds, so that programs go on serving what the next one brought up
/// to date (`docs/decisions/migrations.md`).
pub(crate) const SERVED: i64 = VERSION + 1;

/// The statements of a migration.
pub(crate) fn statements(migration: &'static str) -> impl Iterator<Item = &'static str> {
    migration.split(';').map(str::trim).filter(|statement| !statement.is_empty())
}

/// A table and its columns in their order, by their default names.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<&'static str>,
    /// The type of each column, as in `{:int}`.
    pub(crate) types: Vec<&'static str>,
    pub(crate) indexes: Vec<&'static str>,
}

/// Every table that the migrations make.
pub(crate) fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for piece in MIGRATIONS.iter().copied().flat_map(pieces) {
        match piece {
            Piece::Table(name) if !tables.iter().any(|table| table.name == name) => {
                tables.push(Table { name, columns: Vec::new(), types: Vec::new(), indexes: Vec::new() });
            }
            // A type stands after the column that was met last, once.
            Piece::Type(kind) => {
                if let Some(table) = tables.iter_mut().find(|table| table.types.len() + 1 == table.columns.len()) {
                    table.types.push(kind);
                }
            }
            Piece::Column(name, column) => note(&mut tables, name, column, |table| &mut table.columns),
            Piece::Index(name, index) => note(&mut tables, name, index, |table| &mut table.indexes),
            _ => {}
        }
    }
    tables
}

fn note(tables: &mut [Table], name: &str, part: &'static str, list: fn(&mut Table) -> &mut Vec<&'static str>) {
    if let Some(table) = tables.iter_mut().find(|table| table.name == name) {
        let list = list(table);
        if !list.contains(&part) {
            list.push(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_name_every_table_and_column_once() {
        let tables = tables();
        assert_eq!(tables.len(), 20);
        let grants = tables.iter().find(|table| table.name == "grants").unwrap();
        assert_eq!((grants.columns[0], *grants.columns.last().unwrap()), ("id", "last_used_at"));
        assert_eq!(grants.indexes, ["subject", "client", "purge"]);
        for table in &tables {
            assert_eq!(table.columns.len(), table.types.len(), "{}", table.name);
        }
        let revoked = tables.iter().find(|table| table.name == "revoked_tokens").unwrap();
        assert_eq!(revoked.types, ["int", "key", "key", "int"]);
    }

    /// What is added may be absent, so that a program that does not know it goes on inserting.
    #[test]
    fn a_migration_after_the_first_only_adds() {
        let bare = |text: &'static str| text.trim_start_matches(|c| c != '\n').trim_start();
        let bare = |text: &'static str| if text.starts_with("--") { bare(text) } else { text };
        for statement in MIGRATIONS.iter().copied().skip(1).flat_map(statements).map(bare) {
            let adds = statement.starts_with("ALTER TABLE") && statement.contains(" ADD COLUMN ");
            let makes =
                ["CREATE TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX"].iter().any(|it| statement.starts_with(it));
            assert!(adds || makes, "{statement}");
            assert!(!(adds && statement.contains("NOT NULL")), "{statement}");
        }
    }

    #[test]
    fn no_index_holds_a_column_that_rotation_writes() {
        let rotate = crate::statements::Statement::Rotate.template();
        let written: Vec<_> = rotate.split("WHERE").next().map(pieces).unwrap().collect();
        let indexes =
            MIGRATIONS.iter().flat_map(|migration| statements(migration)).filter(|text| text.contains("INDEX"));
        for piece in indexes.flat_map(|text| pieces(text).collect::<Vec<_>>()) {
            let column = if let Piece::Beginning(table, column) = piece { Piece::Column(table, column) } else { piece };
            assert!(!matches!(column, Piece::Column(..)) || !written.contains(&column), "{piece:?}");
        }
    }
}
