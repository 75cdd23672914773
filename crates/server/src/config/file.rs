//! The layer of the configuration file.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::error::Source;
use super::layers::{Found, Layers, find, see_all};
use super::nearest::nearest;
use super::raw::Raw;
use super::schema::{self, Kind};
use super::table::SECTIONS;

/// Reads the file into the layers.
pub(super) fn read(path: &Path, layers: &mut Layers) {
    let whole = Source::File { path: path.to_owned(), line: None };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => {
            let cure = "name a readable TOML file, or leave it out to run on the environment alone".to_owned();
            return layers.problem(whole, "", format!("cannot be read: {error}"), cure);
        }
    };
    let file = File { path, text: &text };
    match DeTable::parse(&text) {
        Ok(table) => {
            for (name, value) in table.get_ref() {
                file.section(name, value, layers);
            }
        }
        // Only the message: what the parser would quote of the line could be a secret.
        Err(error) => {
            let source = error.span().map_or(whole, |span| file.at(&span));
            layers.problem(source, "", format!("not TOML: {}", error.message()), "mend this line".to_owned());
        }
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn section(&self, name: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>, layers: &mut Layers) {
        let source = self.at(&name.span());
        let name = name.get_ref();
        let known = SECTIONS.iter().any(|section| section.name == name);
        let keys = match value.get_ref() {
            DeValue::Table(keys) if known => keys,
            DeValue::Table(_) => {
                let close = nearest(name, SECTIONS.iter().map(|section| section.name));
                let cure = close.map_or_else(see_all, |close| format!("did you mean [{close}]?"));
                return layers.problem(source, &format!("[{name}]"), "unknown section".to_owned(), cure);
            }
            other if known => {
                let what = format!("this is {}, not a section", said(other));
                return layers.problem(source, name, what, format!("write [{name}], then one key a line"));
            }
            _ => return layers.unknown(source, name, |key| format!("{} (a key stands below its [section])", key.name)),
        };
        for (key, value) in keys {
            self.key(&format!("{name}.{}", key.get_ref()), self.at(&key.span()), value.get_ref(), layers);
        }
    }

    fn key(&self, name: &str, source: Source, value: &DeValue<'_>, layers: &mut Layers) {
        if let Some(key) = schema::keys(SECTIONS).find(|key| key.name == name && key.kind == Kind::Names) {
            return match value.as_table() {
                Some(table) => self.entries(key.name, table, layers),
                None => layers.wrong(source, key, &format!("this is {}", said(value)), &key.expected()),
            };
        }
        match find(name) {
            Some(Found::Key(key)) => match Raw::from_toml(value, key.kind) {
                Some(raw) => layers.give(name, raw, source),
                None => layers.wrong(source, key, &format!("this is {}", said(value)), &key.expected()),
            },
            _ => layers.unknown(source, name, |key| key.name.to_owned()),
        }
    }

    /// Free names; `grants.client = "x"` without quotes is a table within the table, and means the same.
    fn entries(&self, above: &str, table: &DeTable<'_>, layers: &mut Layers) {
        for (key, value) in table {
            let name = format!("{above}.{}", key.get_ref());
            let source = self.at(&key.span());
            match value.get_ref() {
                DeValue::Table(inner) => self.entries(&name, inner, layers),
                DeValue::String(text) if find(&name).is_some() => layers.give(&name, Raw::from(text.as_ref()), source),
                other => {
                    let cure = "give table = \"name\" or \"table.column\" = \"name\", in small letters, digits and underscores";
                    layers.problem(source, &name, format!("this is {}", said(other)), cure.to_owned());
                }
            }
        }
    }

    fn at(&self, span: &Range<usize>) -> Source {
        let before = self.text.bytes().take(span.start);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        Source::File { path: self.path.to_owned(), line: Some(line) }
    }
}

/// What kind of value this is, in words.
fn said(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
