//! The file of webhooks.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_engine::webhooks::{Webhook, Webhooks};
use firman_store::record::EventKind;
use serde::Deserialize;
use zeroize::Zeroizing;

/// What stands before a secret where Standard Webhooks are spoken of.
const PREFIX: &str = "whsec_";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    webhooks: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    url: String,
    /// Kinds of events; without it all.
    events: Option<Vec<EventKind>>,
    /// Each with the base64 of 24 to 64 random bytes, perhaps after `whsec_`; relative to the folder of this file.
    secret_files: Vec<PathBuf>,
}

/// Reads the file: TOML, or JSON if its name says so.
pub fn read(file: &Path) -> Result<Webhooks, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let content: Content = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())?
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    let hook = |entry: Entry| {
        let secrets = entry.secret_files.iter().map(|path| secret(&folder.join(path)));
        let secrets = secrets.collect::<Result<_, _>>().map_err(|error| format!("{}: {error}", entry.name))?;
        Ok(Webhook { name: entry.name, url: entry.url, events: entry.events, secrets })
    };
    Webhooks::new(content.webhooks.into_iter().map(hook).collect::<Result<_, String>>()?)
}

fn secret(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let wrong = |what: &str| format!("{}: {what}", file.display());
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(|error| wrong(&error.to_string()))?);
    let text = text.trim();
    let decoded = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text));
    Ok(Zeroizing::new(decoded.map_err(|_| wrong("not the base64 of random bytes"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<Webhooks, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("good"), format!("whsec_{}\n", STANDARD.encode([7; 32]))).unwrap();
        std::fs::write(folder.path().join("short"), STANDARD.encode([7; 8])).unwrap();
        std::fs::write(folder.path().join("text"), "hush, hush").unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        read(&folder.path().join(name))
    }

    #[test]
    fn a_file_is_toml_or_json() {
        let toml = "[[webhooks]]\nname = \"siem\"\nurl = \"https://siem.example/in\"\nevents = [\"signed_in\", \"sign_in_failed\"]\n\
                    secret_files = [\"good\"]\n";
        let json = r#"{"webhooks":[{"name":"siem","url":"https://siem.example/in","secret_files":["good"]}]}"#;
        for (name, text) in [("webhooks.toml", toml), ("webhooks.json", json)] {
            let read = read_text(name, text).unwrap();
            assert_eq!(format!("{read:?}"), "Webhooks([Webhook(siem to https://siem.example/in)])");
        }
    }

    #[test]
    fn what_is_wrong_is_told_and_no_secret_is() {
        let one = |more: &str| format!("[[webhooks]]\nname = \"siem\"\nurl = \"https://siem.example\"\n{more}");
        for (text, told) in [
            (one(""), "secret_files"),
            (one("secret_files = []"), "secrets"),
            (one("secret_files = [\"nowhere\"]"), "nowhere"),
            (one("secret_files = [\"short\"]"), "24 to 64"),
            (one("secret_files = [\"text\"]"), "base64"),
            (one("secret_files = [\"good\"]\nevents = [\"hue_changed\"]"), "hue_changed"),
            (one("secret_files = [\"good\"]\nsecret = \"x\""), "secret"),
            (String::new(), "webhooks"),
        ] {
            let error = read_text("webhooks.toml", &text).unwrap_err();
            assert!(error.contains(told) && !error.contains("hush"), "{text}: {error}");
        }
    }
}
