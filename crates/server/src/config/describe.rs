//! The effective settings, shown: as TOML that can be loaded again, and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, json};

use super::raw::Raw;
use super::schema::{Key, Kind};
use super::{SECTIONS, Settings};

const HEAD: &str = "# The effective configuration. Behind each value: where it came from. Every key can also be set by the\n\
                    # environment: listen under [server] is FIRMAN__SERVER__LISTEN.\n";

impl Settings {
    /// The effective configuration as commented TOML, which [`Settings::load`] reads back, but for the secrets: of
    /// them it says only whether they are set.
    pub fn describe(&self) -> String {
        let values = self.values();
        let mut text = HEAD.to_owned();
        for section in SECTIONS {
            let _ = write!(text, "\n# {}\n[{}]\n", section.about, section.name);
            // A section within the section would swallow the keys after it.
            let (names, keys): (Vec<_>, Vec<_>) = section.keys.iter().partition(|key| key.kind == Kind::Names);
            for key in keys.into_iter().chain(names) {
                if let Some((_, raw)) = values.iter().find(|(name, _)| *name == key.name) {
                    self.describe_key(key, raw, &mut text);
                }
            }
        }
        text
    }

    /// The same as JSON: section → key → `value` (of secrets: `set`) and `source`.
    pub fn to_json(&self) -> serde_json::Value {
        let mut sections = Map::new();
        for (name, raw) in self.values() {
            let (section, short) = name.split_once('.').unwrap_or((name, ""));
            let entry = match (kind_of(name), &raw) {
                (Some(Kind::Secret), _) => json!({ "set": raw.to_json(), "source": self.source(name).to_string() }),
                (_, Raw::Names(names)) => {
                    let entry = |(key, value): (&String, &String)| {
                        let source = self.source(&format!("{name}.{key}")).to_string();
                        (key.clone(), json!({ "value": value, "source": source }))
                    };
                    serde_json::Value::Object(names.iter().map(entry).collect())
                }
                _ => json!({ "value": raw.to_json(), "source": self.source(name).to_string() }),
            };
            let section = sections.entry(section).or_insert_with(|| json!({}));
            if let Some(section) = section.as_object_mut() {
                section.insert(short.to_owned(), entry);
            }
        }
        sections.into()
    }

    fn describe_key(&self, key: &Key, raw: &Raw, text: &mut String) {
        let range = key.range.as_ref().map(|range| format!(" From {} to {}.", range.start(), range.end()));
        let _ = writeln!(text, "# {}{}", key.about, range.unwrap_or_default());
        match (key.kind, raw) {
            (Kind::Secret, raw) => {
                let set = if *raw == Raw::Flag(true) { "(set)" } else { "(not set)" };
                let _ = writeln!(text, "# {} = {set}  # {}", key.short(), self.comment(key.name));
            }
            (_, Raw::Names(names)) => {
                let _ = writeln!(text, "[{}]", key.name);
                for (entry, name) in names {
                    let (entry_toml, name_toml) =
                        (Raw::from(entry.as_str()).to_toml(), Raw::from(name.as_str()).to_toml());
                    let source = self.comment(&format!("{}.{entry}", key.name));
                    let _ = writeln!(text, "{entry_toml} = {name_toml}  # {source}");
                }
            }
            _ => {
                let _ = writeln!(text, "{} = {}  # {}", key.short(), raw.to_toml(), self.comment(key.name));
            }
        }
    }

    /// Where a value came from, fit for a comment of one line.
    fn comment(&self, name: &str) -> String {
        self.source(name).to_string().replace(char::is_control, "?")
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    SECTIONS.iter().flat_map(|section| section.keys).find(|key| key.name == name).map(|key| key.kind)
}
