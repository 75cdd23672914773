//! What was given, layer upon layer, and reading it into types.

use std::collections::BTreeMap;

use super::error::{Problem, Source};
use super::nearest::nearest;
use super::raw::Raw;
use super::schema::{self, Key, Kind};
use super::table::SECTIONS;
use super::value::Value;

/// Where each value that is no default came from, by `section.key`.
pub(super) type Sources = BTreeMap<String, Source>;

/// What the layers read so far have given, and what was wrong with them.
#[derive(Default)]
pub(super) struct Layers {
    given: BTreeMap<String, (Raw, Source)>,
    problems: Vec<Problem>,
}

/// What a name stands for.
pub(super) enum Found {
    Key(&'static Key),
    /// An entry below a key of free names.
    Entry,
}

/// The key of this name, or the key of free names that it is an entry of.
pub(super) fn find(name: &str) -> Option<Found> {
    schema::keys(SECTIONS).find_map(|key| {
        if key.kind != Kind::Names {
            return (key.name == name).then_some(Found::Key(key));
        }
        let entry = name.strip_prefix(key.name)?.strip_prefix('.')?;
        is_entry(entry).then_some(Found::Entry)
    })
}

/// `table` or `table.column`, in small letters, digits and underscores.
fn is_entry(entry: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    entry.split('.').count() <= 2 && entry.split('.').all(word)
}

impl Layers {
    /// A value of a later layer takes the place of an earlier one.
    pub(super) fn give(&mut self, name: &str, raw: Raw, source: Source) {
        self.given.insert(name.to_owned(), (raw, source));
    }

    /// Where the value of this key came from, if one was given.
    pub(super) fn source(&self, name: &str) -> Option<&Source> {
        self.given.get(name).map(|(_, source)| source)
    }

    pub(super) fn problem(&mut self, source: Source, key: &str, what: String, cure: String) {
        self.problems.push(Problem { source, key: key.to_owned(), what, cure });
    }

    /// A name that nothing has; `shown` turns a known name into the form in which it has to be written here.
    pub(super) fn unknown(&mut self, source: Source, name: &str, shown: impl Fn(&Key) -> String) {
        let close = nearest(name, schema::keys(SECTIONS).map(|key| key.name));
        let key = close.and_then(|close| schema::keys(SECTIONS).find(|key| key.name == close));
        let cure = key.map_or_else(see_all, |key| format!("did you mean {}?", shown(key)));
        self.problem(source, name, "unknown key".to_owned(), cure);
    }

    /// A value that came as text.
    pub(super) fn give_text(&mut self, key: &Key, text: &str, source: Source) {
        match Raw::from_text(text, key.kind) {
            Some(raw) => self.give(key.name, raw, source),
            None => self.wrong(source, key, &format!("{text:?} will not do"), &key.expected()),
        }
    }

    /// The last layer: pairs of `section.key` and text.
    pub(super) fn override_with(&mut self, overrides: &[(&str, String)]) {
        for (name, text) in overrides {
            match find(name) {
                Some(Found::Key(key)) => self.give_text(key, text, Source::CommandLine),
                Some(Found::Entry) => self.give(name, Raw::from(text.as_str()), Source::CommandLine),
                None => self.unknown(Source::CommandLine, name, |key| key.name.to_owned()),
            }
        }
    }

    /// The typed value of a key: as given, or the default. None: there is a problem with it, which is noted.
    pub(super) fn value<T: Value>(&mut self, key: &Key) -> Option<T> {
        let (raw, source) = match key.kind {
            Kind::Names => (self.entries(key.name), Source::Default),
            _ => self.given.get(key.name).cloned().unwrap_or_else(|| ((key.default)(), Source::Default)),
        };
        if let (Raw::Whole(whole), Some(range)) = (&raw, &key.range)
            && !range.contains(whole)
        {
            self.wrong(source, key, &format!("{whole} is out of range"), &key.expected());
            return None;
        }
        match T::from_raw(&raw) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.wrong(source, key, &format!("{} will not do", raw.to_toml()), &expected);
                None
            }
        }
    }

    /// Notes that a value is wrong, without showing it if it is a secret, or if it may be an address with a password in it.
    pub(super) fn wrong(&mut self, source: Source, key: &Key, what: &str, expected: &str) {
        let hidden = key.kind == Kind::Secret || what.contains('@');
        let what = if hidden { "what was given will not do" } else { what };
        self.problem(source, key.name, what.to_owned(), format!("give {expected}"));
    }

    /// Where everything that was given came from.
    pub(super) fn sources(&self) -> Sources {
        self.given.iter().map(|(name, (_, source))| (name.clone(), source.clone())).collect()
    }

    /// All problems that were noted.
    pub(super) fn finish(self) -> Vec<Problem> {
        self.problems
    }

    fn entries(&self, name: &str) -> Raw {
        let entries = self.given.iter().filter_map(|(given, (raw, _))| {
            let entry = given.strip_prefix(name)?.strip_prefix('.')?;
            let Raw::Text(text) = raw else { return None };
            Some((entry.to_owned(), text.to_string()))
        });
        Raw::Names(entries.collect())
    }
}

/// The cure where no name comes near.
pub(super) fn see_all() -> String {
    "`firman config` shows every key there is".to_owned()
}
