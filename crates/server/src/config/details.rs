//! The file with the types of `authorization_details`.

use std::path::Path;

use firman_proto::authorization_details::DetailTypes;

use super::Settings;
use super::check::problem;
use super::error::ConfigError;

impl Settings {
    /// The types of `authorization_details`; none if no file is named.
    pub fn detail_types(&self) -> Result<DetailTypes, ConfigError> {
        let Some(path) = &self.details.types_file else { return Ok(DetailTypes::default()) };
        read(path).map_err(|what| {
            let key = "details.types_file";
            let cure = "one table for each type, such as [payment] with actions = [\"initiate\"]; see docs/authorization-details.md";
            problem(self.source(key).clone(), key, &format!("{}: {what}", path.display()), cure).into()
        })
    }
}

fn read(path: &Path) -> Result<DetailTypes, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.message().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_toml_or_json_and_what_is_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        let toml = "[payment]\ntitle = \"Pay\"\nactions = [\"initiate\"]\nrequired = [\"actions\"]\n\
                    [payment.properties.amount]\ntype = \"string\"\nmaxLength = 12\n";
        assert!(read("types.toml", toml).unwrap().contain("payment"));
        assert!(read("types.json", r#"{"files":{"identifier":true}}"#).unwrap().contain("files"));
        for text in ["[payment]\naction = []", "payment = 1", "[payment.properties.amount]\ntype = \"money\""] {
            assert!(!read("types.toml", text).unwrap_err().is_empty(), "{text}");
        }
        assert!(super::read(&folder.path().join("nowhere")).is_err());
    }
}
