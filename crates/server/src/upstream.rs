//! The file of identity providers whose people may sign in here.

use std::path::Path;

use firman_engine::upstream::{ClientSecret, Provider, Providers};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    upstream: Vec<Provider>,
}

/// Reads the file: TOML, or JSON if its name says so; then the files of secrets that it names.
pub fn read(file: &Path) -> Result<Providers, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut content: Content = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(&text).map_err(|error| error.message().to_owned())?
    };
    for provider in &mut content.upstream {
        let Some(secret) = &provider.client_secret_file else { continue };
        // As it stands beside the file that names it.
        let path = file.parent().unwrap_or(Path::new(".")).join(secret);
        let wrong = |what: &dyn std::fmt::Display| format!("{}: {}: {what}", provider.name, path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if text.is_empty() {
            return Err(wrong(&"the secret is empty"));
        }
        provider.client_secret = Some(ClientSecret::new(text));
    }
    Providers::new(content.upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<Providers, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "hush\n").unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        read(&folder.path().join(name))
    }

    const UNI: &str = "[[upstream]]\nname = \"uni\"\nissuer = \"https://idp.example\"\nclient_id = \"us\"\n";

    #[test]
    fn a_file_is_toml_or_json_and_names_the_files_of_secrets() {
        let toml = read_text("upstreams.toml", &format!("{UNI}client_secret_file = \"secret\"\n")).unwrap();
        let json = r#"{"upstream":[{"name":"uni","issuer":"https://idp.example","client_id":"us","client_secret_file":"secret"}]}"#;
        let json = read_text("upstreams.json", json).unwrap();
        assert_eq!(toml.find("uni"), json.find("uni"));
        assert_eq!(toml.find("uni").unwrap().client_secret, Some(ClientSecret::new("hush")));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, told) in [
            ("", "upstream"),
            (UNI, "client_secret_file"),
            (&format!("{UNI}client_secret_file = \"nowhere\""), "nowhere"),
            (&format!("{UNI}client_secret_file = \"empty\""), "empty"),
            (&format!("{UNI}authentication = \"none\"\ncolour = 1"), "colour"),
        ] {
            let error = read_text("upstreams.toml", text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
