//! `firman client apply`.

use std::path::{Path, PathBuf};

use clap::Args;
use firman_engine::admin::apply::{self, Action, How, Outcome, Wanted};
use firman_proto::registration::Requested;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::output::{Failed, Printer, table};
use crate::start::Running;

#[derive(Args)]
pub(super) struct Apply {
    /// TOML or JSON: a list `clients`, each with `client_id`, RFC 7591 metadata, and if need be `policy` and `client_secret_file`.
    file: PathBuf,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Remove clients that came from a file and are not in this one.
    #[arg(long)]
    prune: bool,
}

impl Apply {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let wanted = read(&self.file).map_err(|text| Failed::refused(format!("{}: {text}", self.file.display())))?;
        let how = How { dry_run: self.dry_run, prune: self.prune };
        let outcomes = apply::apply(&running.engine, wanted, how, running.now()).await?;
        let shown: Vec<Value> = outcomes.iter().map(|outcome| shown(outcome, self.dry_run)).collect();
        printer.done(&shown, || lines(&outcomes, self.dry_run))
    }
}

fn shown(outcome: &Outcome, dry_run: bool) -> Value {
    let mut shown = json!({"client_id": outcome.client_id, "action": outcome.action, "dry_run": dry_run});
    if let (Some(secret), Value::Object(members)) = (&outcome.secret, &mut shown) {
        members.insert("client_secret".to_owned(), secret.as_str().into());
    }
    shown
}

fn lines(outcomes: &[Outcome], dry_run: bool) -> String {
    let word = |action| match action {
        Action::Created => "created",
        Action::Updated => "updated",
        Action::Unchanged => "unchanged",
        Action::Removed => "removed",
    };
    let row = |outcome: &Outcome| {
        let secret = outcome.secret.as_ref().map(|secret| secret.to_string()).unwrap_or_default();
        vec![outcome.client_id.clone(), word(outcome.action).to_owned(), secret]
    };
    let head = ["CLIENT ID", if dry_run { "WOULD BE" } else { "WAS" }, "NEW SECRET"];
    table(&head, &outcomes.iter().map(row).collect::<Vec<_>>())
}

fn read(file: &Path) -> Result<Vec<Wanted>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut members: Map<String, Value> = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())?
    };
    let Some(Value::Array(clients)) = members.remove("clients") else {
        return Err("has no list named clients".to_owned());
    };
    if let Some(name) = members.keys().next() {
        return Err(format!("{name}: is not known; only clients is"));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    clients
        .into_iter()
        .enumerate()
        .map(|(place, client)| client_of(client, folder).map_err(|text| format!("client {}: {text}", place + 1)))
        .collect()
}

fn client_of(client: Value, folder: &Path) -> Result<Wanted, String> {
    let Value::Object(mut members) = client else { return Err("must be a table".to_owned()) };
    let policy = match members.remove("policy") {
        None => firman_store::record::ClientPolicy::default(),
        Some(policy) => serde_json::from_value(policy).map_err(|error| format!("policy: {error}"))?,
    };
    if let Some(name) = policy.rest.keys().next() {
        return Err(format!("policy.{name}: is not known"));
    }
    let secret = match members.remove("client_secret_file") {
        None => None,
        Some(Value::String(path)) => {
            let path = folder.join(path);
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        Some(_) => return Err("client_secret_file: must be a text".to_owned()),
    };
    let asked = members.get("grant_types").and_then(Value::as_array).map(Vec::len);
    let requested = Requested::parse(Value::Object(members).to_string().as_bytes()).map_err(|denied| denied.text)?;
    if requested.client_secret.is_some() {
        return Err("client_secret: give client_secret_file, and keep secrets out of this file".to_owned());
    }
    if asked.is_some_and(|asked| asked != requested.metadata.grant_types.len()) {
        return Err("grant_types: one of them is not known here".to_owned());
    }
    let client_id = requested.client_id.ok_or("client_id: missing")?;
    Ok(Wanted { client_id, metadata: requested.metadata, policy, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<Vec<Wanted>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "s".repeat(40) + "\n").unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        read(&folder.path().join(name))
    }

    #[test]
    fn a_file_is_toml_or_json() {
        let toml = "[[clients]]\nclient_id = \"a\"\nredirect_uris = [\"https://a.example/cb\"]\nscope = \"openid\"\n\
                    client_secret_file = \"secret\"\npolicy = { skip_consent = true }\n[[clients]]\nclient_id = \"b\"\n\
                    token_endpoint_auth_method = \"none\"\n";
        let clients = read_text("clients.toml", toml).unwrap();
        let [a, b] = clients.as_slice() else { panic!("two clients") };
        assert_eq!((a.client_id.as_str(), a.metadata.scope.as_str(), a.policy.skip_consent), ("a", "openid", true));
        assert_eq!(a.secret.as_deref().map(String::as_str), Some("s".repeat(40).as_str()));
        assert_eq!((b.client_id.as_str(), b.metadata.is_public()), ("b", true));
        let json = r#"{"clients":[{"client_id":"a","grant_types":["client_credentials"]}]}"#;
        assert_eq!(read_text("clients.json", json).unwrap().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("", "clients"),
            ("client = []", "clients"),
            ("clients = []\nother = 1", "other"),
            ("[[clients]]\nclient_name = \"a\"", "client_id"),
            ("clients = [1]", "client 1"),
            ("[[clients]]\nclient_id = \"a\"\nclient_secret = \"x\"", "client_secret"),
            ("[[clients]]\nclient_id = \"a\"\nclient_secret_file = \"nowhere\"", "nowhere"),
            ("[[clients]]\nclient_id = \"a\"\npolicy = { skip = true }", "policy.skip"),
            ("[[clients]]\nclient_id = \"a\"\ngrant_types = [\"magic\"]", "grant_types"),
            ("[[clients]]\nclient_id = \"a\"\nredirect_uris = [\"x\"]", "redirect_uri"),
        ] {
            let Err(error) = read_text("clients.toml", text) else { panic!("{text}") };
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
