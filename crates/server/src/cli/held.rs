//! What commands that are clients keep: who signed in where, and the tokens, sealed in a folder.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use firman_client::error::{Advice, Error};
use firman_client::exchange::{Request, Response, Transport, Unreachable};
use firman_client::flow::dpop::DpopKey;
use firman_client::flow::metadata::ServerMetadata;
use firman_client::flow::party::{AssertionFor, Authentication, Client};
use firman_client::manager::{FileKeeper, KeepError, KeyPlace, Manager, ManagerError, Settings, Who};
use firman_client::over_reqwest::OverReqwest;
use firman_client::secret::Secret;
use firman_client::wire::{Desk, Wire};
use firman_client::world::System;
use firman_proto::time::Lifetime;
use firman_proto::upstream::SKEW;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Common;
use super::client_key;
use super::output::Failed;
use crate::fetch;

/// The note that says who signed in where, the latest first.
const SIGN_INS: &str = "sign-ins";

/// Where tokens are kept.
#[derive(Args, Clone)]
pub(super) struct Place {
    /// The folder in which tokens are kept, sealed; without it .local/state/firman at home, or `tokens` in the folder of a demo.
    #[arg(long, value_name = "FOLDER", env = "FIRMAN_TOKENS")]
    tokens: Option<PathBuf>,
    /// The key that they are sealed with, made if it is not there: a file, or `keyring` for the keyring of the desktop. Without it the
    /// keyring where there is one, else a file beside them.
    #[arg(long, value_name = "FILE", env = "FIRMAN_TOKENS_KEY")]
    tokens_key: Option<PathBuf>,
}

impl Place {
    pub(super) fn open(&self, common: &Common) -> Result<FileKeeper, Failed> {
        let at_home = || std::env::home_dir().map(|home| home.join(".local/state/firman"));
        let folder = self.tokens.clone().or_else(|| common.folder().map(|demo| demo.join("tokens"))).or_else(at_home);
        let folder = folder.ok_or_else(|| Failed::settings("there is no home folder: give --tokens"))?;
        let world = (Arc::new(System) as _, Arc::new(System) as _);
        let place = match self.tokens_key.as_deref() {
            None => KeyPlace::Usual,
            Some(name) if name == Path::new("keyring") => KeyPlace::Keyring,
            Some(file) => KeyPlace::File(file),
        };
        Ok(FileKeeper::open(&folder, place, world)?)
    }
}

/// What a client proves itself with, and whom it trusts.
#[derive(Args, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Means {
    /// The client's secret, if it has one.
    #[arg(long, env = "FIRMAN_CLIENT_SECRET", hide_env_values = true)]
    pub(super) client_secret: Option<String>,
    /// File with the private key that the client signs its assertions with (private_key_jwt): a JWK or PEM, for its owner alone.
    #[arg(long, value_name = "FILE", requires = "client_id", conflicts_with = "client_secret")]
    client_key: Option<PathBuf>,
    /// The kid under which the client has registered that key [default: the one in the JWK, else its RFC 7638 thumbprint]
    #[arg(long, value_name = "KID", requires = "client_key")]
    client_key_id: Option<String>,
    /// PEM file with the certificate that the client presents, and its chain (RFC 8705).
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    certificate: Option<PathBuf>,
    /// PEM file with its key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
    /// PEM file with authorities to trust beside those of the system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Means {
    /// The same, told in a way that holds in any other folder too.
    pub(super) fn located(self) -> Self {
        let absolute = |file: Option<PathBuf>| file.map(|file| std::path::absolute(&file).unwrap_or(file));
        Self {
            client_secret: self.client_secret,
            client_key: absolute(self.client_key),
            client_key_id: self.client_key_id,
            certificate: absolute(self.certificate),
            certificate_key: absolute(self.certificate_key),
            ca_file: absolute(self.ca_file),
        }
    }

    /// Whether the client proves itself at all.
    pub(super) fn has_proof(&self) -> bool {
        self.client_secret.is_some() || self.client_key.is_some() || self.certificate.is_some()
    }

    /// A client as it authenticates at a server.
    fn client(&self, id: &str, server: &ServerMetadata) -> Result<Client, Failed> {
        Ok(match (&self.client_secret, &self.client_key) {
            (Some(secret), _) => Client::with_secret(id, Secret::from(secret.as_str()), server),
            // RFC 7523 §2.2.
            (None, Some(file)) => {
                let key = Arc::new(client_key::read(file, self.client_key_id.as_deref(), server)?);
                Client::new(id, Authentication::PrivateKeyJwt(key, AssertionFor::default()))
            }
            (None, None) if self.certificate.is_some() => Client::new(id, Authentication::Certificate),
            (None, None) => Client::public(id),
        })
    }
}

/// Somebody, or a client for itself, at a server.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct SignIn {
    pub(super) issuer: String,
    pub(super) client_id: String,
    /// The person; none where the client has tokens for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    #[serde(flatten)]
    pub(super) means: Means,
    /// The key that its tokens are bound to (RFC 9449), if they are: PKCS #8 in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dpop_key: Option<String>,
    /// How far the server's clock may be from ours, in seconds, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) clock_skew: Option<u32>,
}

impl SignIn {
    pub(super) fn who(&self) -> Who {
        self.subject.clone().map_or(Who::Client, Who::Subject)
    }

    /// The client at a server of which nothing but the name is known, without its proof: enough to find what is kept.
    pub(super) fn unasked(&self) -> Result<Desk, Failed> {
        let server = ServerMetadata { issuer: self.issuer.clone(), ..ServerMetadata::default() };
        self.desk(Arc::new(server), Client::public(&self.client_id))
    }

    /// The client at the server.
    pub(super) fn at(&self, server: Arc<ServerMetadata>) -> Result<Desk, Failed> {
        let client = self.means.client(&self.client_id, &server)?;
        self.desk(server, client)
    }

    fn desk(&self, server: Arc<ServerMetadata>, client: Client) -> Result<Desk, Failed> {
        let read = |text: &String| {
            let der = STANDARD.decode(text).map(Zeroizing::new);
            der.ok().and_then(|der| DpopKey::from_pkcs8(&der).ok()).ok_or_else(|| Failed::broke("a kept key is none"))
        };
        let dpop = self.dpop_key.as_ref().map(read).transpose()?.map(Arc::new);
        Ok(Desk { server, client, dpop })
    }

    /// Binds the tokens that come to a new key.
    pub(super) fn bind(&mut self) -> Result<(), Failed> {
        self.dpop_key = Some(STANDARD.encode(DpopKey::generate()?.pkcs8()));
        Ok(())
    }

    /// Binds the tokens that a client has for itself to a key that is kept: of those who make it at once, one does.
    pub(super) async fn bind_once(&mut self, keeper: &FileKeeper) -> Result<(), Failed> {
        let note = format!("key of {} at {}", self.client_id, self.issuer);
        if keeper.note(&note).await?.is_none() {
            self.bind()?;
            let made = self.dpop_key.take().map(Secret::from);
            keeper.edit_note(&note, |before| before.or(made)).await?;
        }
        let kept = keeper.note(&note).await?.ok_or_else(|| Failed::broke("the new key was not kept"))?;
        self.dpop_key = Some(kept.reveal().to_owned());
        Ok(())
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.issuer, &self.client_id, &self.subject) == (&other.issuer, &other.client_id, &other.subject)
    }
}

/// Which sign-in is meant; the latest that fits.
#[derive(Args, Clone)]
pub(super) struct Which {
    /// The server; without it that of the latest sign-in.
    #[arg(long)]
    pub(super) issuer: Option<String>,
    /// The client there.
    #[arg(long)]
    pub(super) client_id: Option<String>,
    /// The person there.
    #[arg(long)]
    pub(super) subject: Option<String>,
}

impl Which {
    pub(super) fn fits(&self, known: &SignIn) -> bool {
        let same =
            |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| is == Some(wanted));
        same(&self.issuer, Some(&known.issuer))
            && same(&self.client_id, Some(&known.client_id))
            && same(&self.subject, known.subject.as_deref())
    }

    pub(super) async fn find(&self, keeper: &FileKeeper) -> Result<SignIn, Failed> {
        let found = sign_ins(keeper).await?.into_iter().find(|known| self.fits(known));
        found.ok_or_else(|| Failed::not_found("nobody is signed in there: `firman login` first"))
    }
}

pub(super) async fn sign_ins(keeper: &FileKeeper) -> Result<Vec<SignIn>, Failed> {
    Ok(read(keeper.note(SIGN_INS).await?))
}

/// Notes a sign-in as the latest.
pub(super) async fn remember(keeper: &FileKeeper, new: SignIn) -> Result<(), Failed> {
    edit(keeper, move |known| {
        known.retain(|known| !known.is_same(&new));
        known.insert(0, new);
    })
    .await
}

pub(super) async fn forget(keeper: &FileKeeper, old: SignIn) -> Result<(), Failed> {
    edit(keeper, move |known| known.retain(|known| !known.is_same(&old))).await
}

async fn edit(keeper: &FileKeeper, edit: impl FnOnce(&mut Vec<SignIn>) + Send + 'static) -> Result<(), Failed> {
    let edited = |before| {
        let mut known = read(before);
        edit(&mut known);
        serde_json::to_string(&known).ok().map(Secret::from)
    };
    Ok(keeper.edit_note(SIGN_INS, edited).await?)
}

fn read(note: Option<Secret>) -> Vec<SignIn> {
    note.and_then(|note| serde_json::from_str(note.reveal()).ok()).unwrap_or_default()
}

/// A manager over what is kept, that asks by the means of a sign-in.
pub(super) fn manager(keeper: &FileKeeper, sign_in: &SignIn) -> Result<Manager, Failed> {
    let transport = Later { means: sign_in.means.clone(), made: OnceLock::new() };
    let wire = Wire::new(Arc::new(transport), Arc::new(System), Arc::new(System)).with_shelf(Arc::new(keeper.clone()));
    let skew = sign_in.clock_skew.map_or(SKEW, |seconds| Lifetime::from_seconds(seconds.into()));
    Ok(Manager::new(Arc::new(wire.with_skew(skew)?), Arc::new(keeper.clone()), Settings::default()))
}

/// A transport that is made when it is needed: most often what is kept will do.
struct Later {
    means: Means,
    made: OnceLock<OverReqwest>,
}

impl Later {
    fn make(&self) -> Result<OverReqwest, String> {
        let Means { certificate, certificate_key, ca_file, .. } = &self.means;
        let tls = fetch::tls_of_commands(ca_file.as_deref(), certificate.as_deref().zip(certificate_key.as_deref()))?;
        let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).user_agent("firman");
        OverReqwest::new(builder).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Transport for Later {
    async fn send(&self, request: Request) -> Result<Response, Unreachable> {
        let made = if let Some(made) = self.made.get() {
            made
        } else {
            let made = self.make().map_err(|why| Unreachable::Connection { url: request.url.clone(), why })?;
            self.made.get_or_init(|| made)
        };
        made.send(request).await
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        failed(error.advice(), &error)
    }
}

impl From<KeepError> for Failed {
    fn from(error: KeepError) -> Self {
        failed(error.advice(), &error)
    }
}

impl From<ManagerError> for Failed {
    fn from(error: ManagerError) -> Self {
        failed(error.advice(), &error)
    }
}

/// A script reads from the code whether to try again (6), to call somebody (5) or to have something changed (5).
fn failed(advice: Advice, error: &dyn std::fmt::Display) -> Failed {
    match advice {
        Advice::AskAgain(_) => Failed::unreachable(error.to_string()),
        Advice::AskThePerson | Advice::ChangeSettings => Failed::refused(error.to_string()),
    }
}
