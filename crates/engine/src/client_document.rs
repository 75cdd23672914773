//! Clients whose id is the address of a document about them (OAuth Client ID Metadata Document).

use std::sync::Arc;

use firman_proto::client_document::{self, ClientUrl};
use firman_proto::error::{Denied, ErrorCode, invalid_client, invalid_request};
use firman_proto::time::Timestamp;
use firman_store::record::{Client, Origin, Registration};

use crate::Engine;
use crate::admin::AdminError;
use crate::admin::clients::{self, Edit, NewClient};
use crate::failure::Failure;
use crate::fetch::{FetchError, Wanted};
use crate::random;
use crate::registration::fit;

/// Whose documents are taken: names of hosts, `*.` before a name for every name below it, `*` for everybody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedHosts(pub Vec<String>);

impl TrustedHosts {
    /// Whether documents of this host are taken.
    pub fn contain(&self, host: &str) -> bool {
        self.0.iter().any(|trusted| match trusted.strip_prefix('*') {
            None => trusted.eq_ignore_ascii_case(host),
            Some("") => true,
            Some(below) => {
                let at = host.len().saturating_sub(below.len());
                host.split_at_checked(at).is_some_and(|(own, rest)| !own.is_empty() && rest.eq_ignore_ascii_case(below))
            }
        })
    }
}

/// The client of an id that people bring: as its document says now, if the id is the address of one that is taken.
pub(crate) async fn current(engine: &Engine, client_id: &str, now: Timestamp) -> Result<Option<Arc<Client>>, Failure> {
    let known = engine.store.client(Client::key(engine.number, client_id)).await?;
    match &known {
        // Whoever is registered otherwise stays what was registered.
        Some(client) if client.origin != Origin::MetadataDocument || !client.enabled => Ok(known),
        _ => match trusted(engine, client_id) {
            Some(url) => read(engine, known, &url, now).await.map(Some),
            None => Ok(known.filter(|client| client.origin != Origin::MetadataDocument)),
        },
    }
}

/// The client of an id that it brings itself: as it was recorded, or as its document says if nobody has come with it before.
pub(crate) async fn recorded(engine: &Engine, client_id: &str, now: Timestamp) -> Result<Option<Arc<Client>>, Failure> {
    let known = engine.store.client(Client::key(engine.number, client_id)).await?;
    match (known, trusted(engine, client_id)) {
        (None, Some(url)) => read(engine, None, &url, now).await.map(Some),
        // Trust in its host was withdrawn.
        (Some(client), None) if client.origin == Origin::MetadataDocument => Ok(None),
        (known, _) => Ok(known),
    }
}

fn trusted(engine: &Engine, client_id: &str) -> Option<ClientUrl> {
    let hosts = &engine.policy.client_documents;
    if hosts.0.is_empty() || client_id.len() > Client::LONGEST_ID {
        return None;
    }
    ClientUrl::parse(client_id).filter(|url| hosts.contain(url.host()))
}

/// Fetches the document and records what it says, if that is new.
async fn read(
    engine: &Engine,
    known: Option<Arc<Client>>,
    url: &ClientUrl,
    now: Timestamp,
) -> Result<Arc<Client>, Failure> {
    let wanted = Wanted { url: url.as_str(), types: client_document::TYPES, fetched_since: None };
    let document = engine.fetch.get(&wanted, now).await.map_err(|error| match error {
        FetchError::Refused(_) => invalid_request("client_id: no such client").because(error.to_string()),
        FetchError::Failed(_) => {
            let denied =
                Denied::new(ErrorCode::TemporarilyUnavailable, "client_id: its document cannot be fetched now");
            denied.because(error.to_string())
        }
    })?;
    let requested = client_document::parse(&document.body, url)?;
    let metadata = fit(engine, requested)?;
    if let Some(client) = known {
        if client.metadata == metadata {
            return Ok(client);
        }
        let edit = Edit { metadata, policy: client.policy.clone(), secret: None };
        return Ok(Arc::new(clients::edit(engine, &client, edit, now).await?.0));
    }
    // Nobody is signed in yet, so that such writes are bounded; a client that nobody uses then leaves.
    engine.door.admit(engine.policy.registration.each_minute, now)?;
    let new = NewClient {
        client_id: Some(url.as_str().to_owned()),
        metadata,
        policy: firman_store::record::ClientPolicy::default(),
        owner: None,
        secret: None,
    };
    let registration = Registration { salt: random::salt(&*engine.entropy)?, used: false };
    match clients::create_registered(engine, new, Origin::MetadataDocument, registration, now).await {
        Ok((client, _)) => Ok(Arc::new(client)),
        // Somebody else came with it at the same moment.
        Err(AdminError::Refused(denied)) => {
            let rival = engine.store.client(Client::key(engine.number, url.as_str())).await?;
            rival.ok_or_else(|| Failure::from(Denied { code: ErrorCode::InvalidRequest, ..denied }))
        }
        Err(error) => Err(error.into()),
    }
}

/// For authentication: what is wrong with a client's document is wrong with the client.
pub(crate) fn as_invalid_client(failure: Failure) -> Failure {
    match failure {
        Failure::Denied(denied) if denied.code != ErrorCode::TemporarilyUnavailable => {
            invalid_client(format!("its document: {}", denied.why)).into()
        }
        other => other,
    }
}
