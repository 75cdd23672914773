//! Statement texts with names and differences left open, and how they are closed.
//!
//! | in the text | becomes |
//! |---|---|
//! | `{grants}`, `{grants.id}` | the configured name of a table or column, quoted |
//! | `{grants.*}`, `{g:grants.*}` | every column of a table, in the order of the schema; the second with `g.` before each |
//! | `{grants#client}` | the name of an index |
//! | `{clients.client_id^}` | the beginning of a text in an index: as much of it as a dialect can index |
//! | `?` | a placeholder |
//! | `{?..}` | one placeholder for each column since the last `(`, and what a dialect wants after a `SELECT` from nothing |
//! | `{?17}` | 17 placeholders |
//! | `{/flows.day}` | how a table is split by this column, where a dialect does |
//! | `{:int}`, `{:key}`, `{:bytes}`, `{:name}`, `{:text}`, `{:options}` | what a dialect calls these types and table options |

use crate::dialect::Dialect;
use crate::names::Names;

/// A part of a statement text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Plain(&'a str),
    Table(&'a str),
    Column(&'a str, &'a str),
    /// All columns of a table, each after a qualifier, which may be empty.
    Columns(&'a str, &'a str),
    Index(&'a str, &'a str),
    /// A text column of a table, in an index.
    Beginning(&'a str, &'a str),
    /// A table, and the column by which it is split.
    Split(&'a str, &'a str),
    Type(&'a str),
    Placeholders(&'a str),
}

/// Why a text cannot be compiled. A defect of this crate that a test would have found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("statement text names {0}, which is not there")]
pub(crate) struct TemplateError(String);

/// The parts of a text, in order.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split('{').enumerate().flat_map(|(place, part)| {
        let (inside, after) = if place == 0 { (None, part) } else { split_braces(part) };
        inside.map(piece).into_iter().chain((!after.is_empty()).then_some(Piece::Plain(after)))
    })
}

fn split_braces(part: &str) -> (Option<&str>, &str) {
    part.split_once('}').map_or((None, part), |(inside, after)| (Some(inside), after))
}

fn piece(inside: &str) -> Piece<'_> {
    if let Some(kind) = inside.strip_prefix(':') {
        return Piece::Type(kind);
    }
    if let Some(count) = inside.strip_prefix('?') {
        return Piece::Placeholders(count);
    }
    if let Some((table, column)) = inside.strip_prefix('/').and_then(|name| name.split_once('.')) {
        return Piece::Split(table, column);
    }
    if let Some((table, column)) = inside.strip_suffix('^').and_then(|name| name.split_once('.')) {
        return Piece::Beginning(table, column);
    }
    let (alias, name) = inside.split_once(':').unwrap_or(("", inside));
    match (name.split_once('#'), name.split_once('.')) {
        (Some((table, index)), _) => Piece::Index(table, index),
        (None, Some((table, "*"))) => Piece::Columns(alias, table),
        (None, Some((table, column))) => Piece::Column(table, column),
        (None, None) => Piece::Table(name),
    }
}

/// The text of a statement for a dialect and configured names.
pub(crate) fn compile(template: &str, names: &Names, dialect: &Dialect) -> Result<String, TemplateError> {
    let mut out = Output { text: String::with_capacity(template.len()), placeholders: 0, listed: Vec::new(), dialect };
    for line in template.lines().map(str::trim).filter(|line| !line.starts_with("--")) {
        if !out.text.is_empty() {
            out.text.push(' ');
        }
        for piece in pieces(line) {
            out.add(piece, names)?;
        }
    }
    Ok(out.text)
}

struct Output<'a> {
    text: String,
    placeholders: usize,
    /// The types of the columns since the last parenthesis was opened.
    listed: Vec<&'static str>,
    dialect: &'a Dialect,
}

impl Output<'_> {
    fn add(&mut self, piece: Piece<'_>, names: &Names) -> Result<(), TemplateError> {
        let unknown = || TemplateError(format!("{piece:?}"));
        match piece {
            Piece::Plain(text) => self.plain(text),
            Piece::Table(table) => self.quoted(names.table(table).ok_or_else(unknown)?),
            Piece::Index(table, index) => self.quoted(names.index(table, index).ok_or_else(unknown)?),
            Piece::Column(table, column) => {
                let (name, kind) = names.column(table, column).ok_or_else(unknown)?;
                self.listed.push(self.dialect.type_name(kind).ok_or_else(unknown)?);
                self.quoted(name);
            }
            Piece::Beginning(table, column) => {
                self.quoted(names.column(table, column).ok_or_else(unknown)?.0);
                self.text.push_str(self.dialect.indexed_text);
            }
            Piece::Columns(alias, table) => {
                for (place, (column, kind)) in names.columns(table).ok_or_else(unknown)?.enumerate() {
                    self.listed.push(self.dialect.type_name(kind).ok_or_else(unknown)?);
                    self.text.push_str(if place == 0 { "" } else { ", " });
                    if !alias.is_empty() {
                        self.text.push_str(alias);
                        self.text.push('.');
                    }
                    self.quoted(column);
                }
            }
            Piece::Type(kind) => self.text.push_str(self.dialect.type_name(kind).ok_or_else(unknown)?),
            Piece::Split(table, column) => {
                let (name, _) = names.column(table, column).ok_or_else(unknown)?;
                if let Some((before, after)) = self.dialect.by_day {
                    self.text.push_str(before);
                    self.quoted(name);
                    self.text.push_str(after);
                }
            }
            Piece::Placeholders("..") => {
                for (place, kind) in std::mem::take(&mut self.listed).into_iter().enumerate() {
                    self.text.push_str(if place == 0 { "" } else { ", " });
                    self.placeholder();
                    if self.dialect.typed {
                        self.text.push_str("::");
                        self.text.push_str(kind);
                    }
                }
                self.text.push_str(self.dialect.from_nothing);
            }
            Piece::Placeholders(count) => self.placeholders(count.parse().map_err(|_| unknown())?),
        }
        Ok(())
    }

    fn plain(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '?' => self.placeholder(),
                _ => self.text.push(c),
            }
            if c == '(' {
                self.listed.clear();
            }
        }
    }

    fn quoted(&mut self, name: &str) {
        // A valid name has no quote in it.
        self.text.push(self.dialect.quote);
        self.text.push_str(name);
        self.text.push(self.dialect.quote);
    }

    fn placeholders(&mut self, count: usize) {
        for place in 0..count {
            self.text.push_str(if place == 0 { "" } else { ", " });
            self.placeholder();
        }
    }

    fn placeholder(&mut self) {
        self.placeholders += 1;
        if self.dialect.numbered {
            self.text.push('$');
            self.text.push_str(&self.placeholders.to_string());
        } else {
            self.text.push('?');
        }
    }
}

impl Dialect {
    fn type_name(&self, kind: &str) -> Option<&'static str> {
        Some(match kind {
            "int" => self.int,
            "key" => self.key,
            "bytes" => self.bytes,
            "name" => self.name,
            "text" => self.text,
            "options" => self.options,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dialect::{POSTGRES, SQLITE};

    const NUMBERED: Dialect = Dialect { quote: '`', numbered: true, from_nothing: " FROM DUAL", ..SQLITE };

    fn compiled(template: &str, dialect: &Dialect) -> Result<String, TemplateError> {
        let renamed = BTreeMap::from([("epochs.counter".to_owned(), "Order".to_owned())]);
        compile(template, &Names::resolve(&renamed, dialect).unwrap(), dialect)
    }

    #[test]
    fn one_text_serves_every_dialect() {
        let text = "INSERT INTO {epochs} ({epochs.*}) SELECT {?..}\n WHERE NOT EXISTS (SELECT 1 FROM {epochs} e\n WHERE e.{epochs.id} IN (?, {?2}))";
        assert_eq!(
            compiled(text, &SQLITE).unwrap(),
            "INSERT INTO \"epochs\" (\"kind\", \"id\", \"Order\") SELECT ?, ?, ? \
             WHERE NOT EXISTS (SELECT 1 FROM \"epochs\" e WHERE e.\"id\" IN (?, ?, ?))"
        );
        assert_eq!(
            compiled(text, &NUMBERED).unwrap(),
            "INSERT INTO `epochs` (`kind`, `id`, `Order`) SELECT $1, $2, $3 FROM DUAL \
             WHERE NOT EXISTS (SELECT 1 FROM `epochs` e WHERE e.`id` IN ($4, $5, $6))"
        );
    }

    #[test]
    fn where_types_must_be_said_they_are() {
        let text =
            "INSERT INTO {deployment} ({deployment.slot}, {deployment.id}) SELECT {?..} WHERE {deployment.slot} = ?";
        assert_eq!(
            compiled(text, &POSTGRES).unwrap(),
            "INSERT INTO \"deployment\" (\"slot\", \"id\") SELECT $1::BIGINT, $2::BYTEA WHERE \"slot\" = $3"
        );
    }

    #[test]
    fn a_table_is_split_where_a_dialect_does() {
        assert_eq!(compiled("){/flows.day}", &SQLITE).unwrap(), ")");
        assert_eq!(compiled("){/flows.day}", &POSTGRES).unwrap(), ") PARTITION BY RANGE (\"day\")");
    }

    #[test]
    fn a_text_is_indexed_as_far_as_a_dialect_can() {
        let text = "({clients.client_id^})";
        assert_eq!(compiled(text, &SQLITE).unwrap(), "(\"client_id\")");
        assert_eq!(compiled(text, &crate::dialect::MYSQL).unwrap(), "(`client_id`(255))");
    }

    #[test]
    fn columns_can_be_qualified() {
        assert_eq!(compiled("{e:epochs.*}", &SQLITE).unwrap(), "e.\"kind\", e.\"id\", e.\"Order\"");
    }

    #[test]
    fn a_name_that_is_not_there_does_not_compile() {
        for text in [
            "{nothing}",
            "{epochs.nothing}",
            "{epochs#nothing}",
            "{:nothing}",
            "{?x}",
            "{nothing.*}",
            "{/epochs.nothing}",
            "{epochs.nothing^}",
        ] {
            assert!(compiled(text, &SQLITE).is_err(), "{text}");
        }
    }
}
