//! The file of issuers whose assertions are taken.

use std::path::Path;

use firman_engine::trust::{TrustedIssuer, TrustedIssuers};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    issuers: Vec<TrustedIssuer>,
}

/// Reads the file: TOML, or JSON if its name says so.
pub fn read(file: &Path) -> Result<TrustedIssuers, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let content: Content = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())?
    };
    TrustedIssuers::new(content.issuers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<TrustedIssuers, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        read(&folder.path().join(name))
    }

    #[test]
    fn a_file_is_toml_or_json() {
        let toml = "[[issuers]]\nissuer = \"https://idp.example\"\njwks_uri = \"https://idp.example/keys\"\n\
                    scope = \"read write\"\naccount = \"subject\"\nsubjects = [\"svc-*\"]\n";
        let json = r#"{"issuers":[{"issuer":"https://idp.example","jwks_uri":"https://idp.example/keys","scope":"read write",
                       "account":"subject","subjects":["svc-*"]}]}"#;
        let read = read_text("issuers.toml", toml).unwrap();
        assert!(!read.is_empty());
        assert_eq!(read, read_text("issuers.json", json).unwrap());
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, told) in [
            ("", "issuers"),
            ("issuers = []\nother = 1", "other"),
            ("[[issuers]]\nissuer = \"i\"", "scope"),
            ("[[issuers]]\nissuer = \"i\"\nscope = \"read\"", "jwks"),
            ("[[issuers]]\nissuer = \"i\"\nscope = \"a  b\"\njwks_uri = \"https://i.example\"", "scope"),
        ] {
            let error = read_text("issuers.toml", text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
