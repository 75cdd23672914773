//! A server to try out: an empty folder becomes a database, keys, two clients and an account.
//!
//! Nothing secret is kept in clear but the master key beside the database: the demo's secrets and password are derived from
//! it, so that every start prints the same ones. That is good enough for loopback and for nothing else.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use firman_engine::Engine;
use firman_engine::accounts::Passwords;
use firman_engine::admin::AdminError;
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::admin::clients::{self, NewClient, SECRET_PREFIX};
use firman_engine::admin::{console, operators};
use firman_engine::{Entropy as _, Fault, SystemEntropy};
use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::form;
use firman_proto::metadata::path;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::scope::Scope;
use firman_proto::seal::MasterKey;
use firman_proto::time::Timestamp;
use firman_store::record::{ClientPolicy, Name, Namespace};
use serde::Serialize;
use zeroize::Zeroizing;

/// The id of the demo's client.
pub const CLIENT: &str = "demo";
const SERVICE: &str = "demo-service";
const USERNAME: &str = "demo";
/// Where the browser lands after the link that the demo prints.
pub const CALLBACK: &str = "/demo/callback";

/// What scripts and people need to try the demo. The secrets in it are the demo's.
#[derive(Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Ready {
    pub issuer: String,
    pub client_id: &'static str,
    pub client_secret: String,
    pub redirect_uri: String,
    pub username: &'static str,
    pub password: String,
    pub service_client_id: &'static str,
    pub service_client_secret: String,
    pub console: String,
    #[serde(skip)]
    pub authorize: String,
}

/// A folder in which a demo lives.
pub struct Folder(PathBuf);

impl Folder {
    /// The folder, made if it is not there.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        path.canonicalize().map(Self)
    }

    /// The configuration that the demo writes at every start, for the other commands.
    pub fn settings_file(&self) -> PathBuf {
        self.0.join("firman.toml")
    }

    /// Where the database is.
    pub fn database(&self) -> PathBuf {
        self.0.join("firman.db")
    }

    /// The text of the master key, made at the first start.
    pub fn master_key(&self) -> io::Result<Zeroizing<String>> {
        let path = self.0.join("master.key");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Zeroizing::new(text.trim_end().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = Zeroizing::new([0; 32]);
                SystemEntropy::default().fill(&mut *key).map_err(|fault| io::Error::other(fault.to_string()))?;
                let text = Zeroizing::new(STANDARD.encode(*key));
                private_file(&path)?.write_all(text.as_bytes())?;
                Ok(text)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the configuration of a demo that listens here.
    pub fn write_settings(&self, address: SocketAddr) -> io::Result<()> {
        let text = format!(
            "# Written by `firman serve --demo` at every start; the other commands read it with --dir.\n\
             [server]\nlisten = \"{address}\"\nissuer = \"http://{address}\"\n\n[store]\nurl = {:?}\n",
            format!("sqlite:{}", self.database().display())
        );
        fs::write(self.settings_file(), text)
    }
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::File::options().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<fs::File> {
    fs::File::options().write(true).create_new(true).open(path)
}

/// Makes what is missing of the demo's clients and account, and says how to use them.
pub async fn prepare(
    engine: &Engine,
    passwords: &Arc<Passwords>,
    master: &MasterKey,
    now: Timestamp,
) -> Result<Ready, AdminError> {
    let ready = ready(engine, master)?;
    ensure_client(engine, web_client(&ready)?, now).await?;
    ensure_client(engine, service_client(&ready), now).await?;
    let digest = Name::digest(engine.number(), Namespace::Username, USERNAME);
    if engine.store().account_by_name(Namespace::Username, digest, now).await?.is_none() {
        let new = NewAccount { username: USERNAME.to_owned(), password: ready.password.clone(), claims: claims() };
        let account = accounts::create(engine, passwords, new, now).await?;
        operators::grant(engine, &account, None, now).await?;
    }
    Ok(ready)
}

fn ready(engine: &Engine, master: &MasterKey) -> Result<Ready, Fault> {
    let password = derive(master, "demo password")?;
    Ok(Ready {
        issuer: engine.issuer().to_string(),
        client_id: CLIENT,
        client_secret: client_secret(master)?,
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
        username: USERNAME,
        password: password.iter().take(12).map(|byte| char::from(b'a' + byte % 26)).collect(),
        service_client_id: SERVICE,
        service_client_secret: secret(master, "demo service secret")?,
        console: engine
            .policy()
            .admin
            .as_ref()
            .map(|admin| format!("{}{}", admin.address, console::PATH))
            .unwrap_or_default(),
        authorize: engine.issuer().endpoint(path::AUTHORIZE),
    })
}

/// The secret of the demo's client.
pub fn client_secret(master: &MasterKey) -> Result<String, Fault> {
    secret(master, "demo client secret")
}

fn secret(master: &MasterKey, label: &str) -> Result<String, Fault> {
    Ok(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(*derive(master, label)?)))
}

fn derive(master: &MasterKey, label: &str) -> Result<Zeroizing<[u8; 32]>, Fault> {
    master.derive(label).map_err(|error| Fault::lasting("derive a demo secret", error.to_string()))
}

/// An address to click: signs in and comes back to [`CALLBACK`].
pub fn link(ready: &Ready) -> String {
    let mut query = String::new();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", ready.client_id),
        ("redirect_uri", &format!("{}{CALLBACK}", ready.issuer)),
        ("scope", "openid profile email"),
        ("state", "demo"),
    ] {
        form::append(&mut query, name, value);
    }
    format!("{}?{query}", ready.authorize)
}

fn web_client(ready: &Ready) -> Result<NewClient, AdminError> {
    let mut metadata = ClientMetadata::new("Demo application", AuthMethod::ClientSecretBasic);
    metadata.redirect_uris =
        ["http://127.0.0.1/callback", "http://127.0.0.1/demo/callback", "http://localhost/callback"]
            .into_iter()
            .map(|uri| RedirectUri::parse(uri).map_err(|error| Fault::lasting("set up the demo", error.to_string())))
            .collect::<Result<_, _>>()?;
    metadata.grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode];
    metadata.scope = scope("openid profile email address phone offline_access");
    Ok(new_client(CLIENT, metadata, ClientPolicy::default(), &ready.client_secret))
}

fn service_client(ready: &Ready) -> NewClient {
    let mut metadata = ClientMetadata::new("Demo service", AuthMethod::ClientSecretBasic);
    metadata.grant_types = vec![GrantType::ClientCredentials];
    metadata.scope = scope("books.read books.write");
    let policy = ClientPolicy { introspect_any: true, ..ClientPolicy::default() };
    new_client(SERVICE, metadata, policy, &ready.service_client_secret)
}

fn new_client(id: &str, metadata: ClientMetadata, policy: ClientPolicy, secret: &str) -> NewClient {
    let secret = Some(Zeroizing::new(secret.to_owned()));
    NewClient { client_id: Some(id.to_owned()), metadata, policy, owner: None, secret }
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap_or_default()
}

async fn ensure_client(engine: &Engine, new: NewClient, now: Timestamp) -> Result<(), AdminError> {
    let id = new.client_id.clone().unwrap_or_default();
    match clients::find(engine, &id).await {
        Err(AdminError::NotFound(_)) => clients::create(engine, new, now).await.map(|_| ()),
        found => found.map(|_| ()),
    }
}

/// Every standard claim, so that every scope shows something.
fn claims() -> serde_json::Map<String, serde_json::Value> {
    let claims = serde_json::json!({
        "name": "Demo User", "given_name": "Demo", "family_name": "User", "middle_name": "D.", "nickname": "demo",
        "preferred_username": "demo", "profile": "https://demo.example/profile", "picture": "https://demo.example/picture.png",
        "website": "https://demo.example/", "gender": "unspecified", "birthdate": "2000-01-01", "zoneinfo": "Etc/UTC",
        "locale": "en", "email": "demo@demo.example", "email_verified": true, "phone_number": "+1 555 0100",
        "phone_number_verified": false,
        "address": {"formatted": "1 Demo Street\nDemo Town", "street_address": "1 Demo Street", "locality": "Demo Town",
                    "postal_code": "00000", "country": "ZZ"},
    });
    match claims {
        serde_json::Value::Object(claims) => claims,
        _ => serde_json::Map::new(),
    }
}
