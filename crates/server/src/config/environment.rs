//! The layer of the environment.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::Source;
use super::layers::{Found, Layers, find};
use super::raw::Raw;
use super::schema::{self, Key, Kind};
use super::table::SECTIONS;

const PREFIX: &str = "FIRMAN__";
const FILE: &str = "_FILE";
/// An address that may have a password in it.
const ADDRESS: &str = "store.url";

/// The variables of this process whose names begin with `FIRMAN_`. What is not Unicode has its bad parts replaced.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment of the process")]
pub fn from_process() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, _)| name.starts_with("FIRMAN_"))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
}

/// Reads the variables into the layers.
pub(super) fn read(env: impl Iterator<Item = (String, String)>, layers: &mut Layers) {
    let mut variables: Vec<_> = env.map(|(name, value)| (name, Zeroizing::new(value))).collect();
    // `X` comes before `X_FILE`, which looks whether `X` was there.
    variables.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (variable, value) in variables {
        if variable.starts_with(PREFIX) {
            one(&variable, &value, layers);
        } else if let Some(meant) = single_underscores(&variable) {
            let source = Source::Environment { variable };
            layers.problem(source, "", "unknown variable".to_owned(), format!("did you mean {meant}?"));
        }
    }
}

fn one(variable: &str, value: &str, layers: &mut Layers) {
    let source = Source::Environment { variable: variable.to_owned() };
    let name = variable.strip_prefix(PREFIX).unwrap_or_default().to_ascii_lowercase().replace("__", ".");
    // Only the one spelling in capitals.
    let found = find(&name).filter(|_| variable.bytes().all(|byte| !byte.is_ascii_lowercase()));
    match found {
        Some(Found::Key(key)) => layers.give_text(key, value, source),
        Some(Found::Entry) => layers.give(&name, Raw::from(value), source),
        None => match schema::keys(SECTIONS).find(|key| variable.strip_suffix(FILE) == Some(&key.variable())) {
            Some(key) if key.kind == Kind::Secret || key.name == ADDRESS => {
                secret_file(key, variable, Path::new(value), layers);
            }
            Some(key) => {
                let what = "only a secret can come from a file of its own".to_owned();
                layers.problem(source, key.name, what, format!("set {}", key.variable()));
            }
            None => layers.unknown(source, &name, shown),
        },
    }
}

fn secret_file(key: &Key, variable: &str, path: &Path, layers: &mut Layers) {
    let source = Source::SecretFile { variable: variable.to_owned(), path: path.to_owned() };
    if matches!(layers.source(key.name), Some(Source::Environment { .. })) {
        let what = format!("{} is set as well", key.variable());
        return layers.problem(source, key.name, what, "unset one of the two".to_owned());
    }
    match std::fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => {
            let trimmed = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
            layers.give(key.name, Raw::from(trimmed), source);
        }
        Err(error) => {
            let cure = "name a readable text file that holds the secret and nothing else".to_owned();
            layers.problem(source, key.name, format!("cannot be read: {error}"), cure);
        }
    }
}

/// How a key is written in the environment.
fn shown(key: &Key) -> String {
    match key.kind {
        Kind::Names => format!("{}__TABLE__COLUMN", key.variable()),
        _ => key.variable(),
    }
}

/// The variable that was meant by one with single underscores, which nothing would read.
fn single_underscores(variable: &str) -> Option<String> {
    schema::keys(SECTIONS)
        .flat_map(|key| [key.variable(), key.variable() + FILE])
        .find(|known| known.replace("__", "_") == variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_gives_only_its_own_variables() {
        assert!(from_process().all(|(name, _)| name.starts_with("FIRMAN_")));
    }

    #[test]
    fn the_variable_of_a_key_finds_it_again() {
        for key in schema::keys(SECTIONS) {
            assert_eq!(single_underscores(&key.variable().replace("__", "_")), Some(key.variable()));
        }
    }
}
