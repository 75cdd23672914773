//! `firman client apply`.

use std::path::{Path, PathBuf};

use clap::Args;
use firman_engine::admin::apply::{self, Action, How, Outcome, Wanted};
use firman_engine::admin::apply_resources::{self, ResourceOutcome, WantedResource};
use firman_engine::admin::resources::Settings;
use firman_proto::registration::Requested;
use firman_proto::scope::Scope;
use firman_store::record::TokenFormat;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::output::{Failed, Printer, table};
use crate::start::Running;

#[derive(Args)]
pub(super) struct Apply {
    /// TOML or JSON: a list `clients`, each with `client_id`, RFC 7591 metadata, and if need be `policy` and `client_secret_file`;
    /// and a list `resources`, each with `identifier`, and if need be `name`, `scope`, `token_format`, `access_token_seconds`,
    /// `enforces` and `secret_file`.
    file: PathBuf,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Remove clients and resources that came from a file and are not in this one.
    #[arg(long)]
    prune: bool,
}

impl Apply {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let wanted = read(&self.file).map_err(|text| Failed::refused(format!("{}: {text}", self.file.display())))?;
        let how = How { dry_run: self.dry_run, prune: self.prune };
        let (engine, now) = (&running.engine, running.now());
        // Both lists are checked before anything of either is done.
        let checked = How { dry_run: true, ..how };
        apply_resources::apply(engine, wanted.resources.iter().map(Listed::wanted).collect(), checked, now).await?;
        let clients = apply::apply(engine, wanted.clients, how, now).await?;
        let resources = wanted.resources.iter().map(Listed::wanted).collect();
        let resources = apply_resources::apply(engine, resources, how, now).await?;
        let mut shown: Vec<Value> = clients.iter().map(|outcome| shown(outcome, self.dry_run)).collect();
        shown.extend(
            resources.iter().map(
                |outcome| json!({"resource": outcome.identifier, "action": outcome.action, "dry_run": self.dry_run}),
            ),
        );
        printer.done(&shown, || lines(&clients, &resources, self.dry_run))
    }
}

fn shown(outcome: &Outcome, dry_run: bool) -> Value {
    let mut shown = json!({"client_id": outcome.client_id, "action": outcome.action, "dry_run": dry_run});
    if let (Some(secret), Value::Object(members)) = (&outcome.secret, &mut shown) {
        members.insert("client_secret".to_owned(), secret.as_str().into());
    }
    shown
}

fn lines(clients: &[Outcome], resources: &[ResourceOutcome], dry_run: bool) -> String {
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
    let head = ["CLIENT OR RESOURCE", if dry_run { "WOULD BE" } else { "WAS" }, "NEW SECRET"];
    let of_resource = |outcome: &ResourceOutcome| vec![outcome.identifier.clone(), word(outcome.action).to_owned()];
    table(&head, &clients.iter().map(row).chain(resources.iter().map(of_resource)).collect::<Vec<_>>())
}

/// What a file has.
struct Lists {
    clients: Vec<Wanted>,
    resources: Vec<Listed>,
}

/// A resource of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    identifier: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    scope: Scope,
    token_format: Option<TokenFormat>,
    access_token_seconds: Option<i64>,
    #[serde(default)]
    enforces: Vec<String>,
    secret_file: Option<PathBuf>,
    #[serde(skip)]
    secret: Option<Zeroizing<String>>,
}

impl Listed {
    fn read(resource: Value, folder: &Path) -> Result<Self, String> {
        let mut listed: Self = serde_json::from_value(resource).map_err(|error| error.to_string())?;
        listed.secret = listed.secret_file.as_ref().map(|path| secret_in(&folder.join(path))).transpose()?;
        Ok(listed)
    }

    fn wanted(&self) -> WantedResource {
        WantedResource {
            identifier: self.identifier.clone(),
            settings: Settings {
                name: self.name.clone(),
                scope: self.scope.clone(),
                token_format: self.token_format,
                access_token_seconds: self.access_token_seconds,
                enforces: self.enforces.clone(),
            },
            secret: self.secret.clone(),
        }
    }
}

/// The secret of a file, without the newline at its end.
fn secret_in(path: &Path) -> Result<Zeroizing<String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read(file: &Path) -> Result<Lists, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut members: Map<String, Value> = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())?
    };
    let mut list = |name: &str| match members.remove(name) {
        None => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list)),
        Some(_) => Err(format!("{name}: must be a list")),
    };
    let (clients, resources) = (list("clients")?, list("resources")?);
    if clients.is_none() && resources.is_none() {
        return Err("has no list named clients or resources".to_owned());
    }
    if let Some(name) = members.keys().next() {
        return Err(format!("{name}: is not known; only clients and resources are"));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    Ok(Lists {
        clients: each("client", clients, |client| client_of(client, folder))?,
        resources: each("resource", resources, |resource| Listed::read(resource, folder))?,
    })
}

/// Reads each of a list; what is wrong is told with its place.
fn each<T>(what: &str, list: Option<Vec<Value>>, read: impl Fn(Value) -> Result<T, String>) -> Result<Vec<T>, String> {
    let placed = list.into_iter().flatten().enumerate();
    placed.map(|(place, one)| read(one).map_err(|text| format!("{what} {}: {text}", place + 1))).collect()
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
        Some(Value::String(path)) => Some(secret_in(&folder.join(path))?),
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

    fn lists(name: &str, text: &str) -> Result<Lists, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "s".repeat(40) + "\n").unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        read(&folder.path().join(name))
    }

    fn read_text(name: &str, text: &str) -> Result<Vec<Wanted>, String> {
        lists(name, text).map(|lists| lists.clients)
    }

    #[test]
    fn a_file_may_have_resources() {
        let toml = "[[resources]]\nidentifier = \"https://api.example\"\nscope = \"write read\"\ntoken_format = \"jwt\"\n\
                    access_token_seconds = 60\nenforces = [\"path\"]\nsecret_file = \"secret\"\n";
        let lists = lists("clients.toml", toml).unwrap();
        let [api] = lists.resources.as_slice() else { panic!("one resource") };
        let wanted = api.wanted();
        assert_eq!((wanted.identifier.as_str(), lists.clients.len()), ("https://api.example", 0));
        assert_eq!(wanted.secret.as_deref().map(String::as_str), Some("s".repeat(40).as_str()));
        let expected = Settings {
            name: String::new(),
            scope: Scope::parse("read write").unwrap(),
            token_format: Some(TokenFormat::Jwt),
            access_token_seconds: Some(60),
            enforces: vec!["path".to_owned()],
        };
        assert_eq!(wanted.settings, expected);
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
            ("resources = [1]", "resource 1"),
            ("resources = 1", "resources"),
            ("[[resources]]\nname = \"a\"", "identifier"),
            ("[[resources]]\nidentifier = \"urn:a:b\"\ntoken = \"jwt\"", "token"),
            ("[[resources]]\nidentifier = \"urn:a:b\"\ntoken_format = \"paper\"", "paper"),
            ("[[resources]]\nidentifier = \"urn:a:b\"\nsecret_file = \"nowhere\"", "nowhere"),
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
