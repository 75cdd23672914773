//! What a server has signed: its keys are fetched, kept, and asked for again where none suits.

use std::sync::Arc;

use firman_proto::jose::{Claims, Jwks, Refused};
use firman_proto::time::{Lifetime, Timestamp};

use super::{Desk, Wire};
use crate::error::{Breach, Error};
use crate::flow::document::Document;
use crate::flow::id_token::{self, Fits};
use crate::flow::key_set::KeySet;
use crate::flow::metadata::ServerMetadata;
use crate::flow::token::Tokens;
use crate::secret::Secret;

/// What must fit in an ID token, beside the server and the client.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The nonce that was sent.
    pub nonce: Option<&'a Secret>,
    /// How long ago the person may have proved who they are.
    pub max_age: Option<Lifetime>,
}

impl Wire {
    /// The server's keys; with `since`, not from before that.
    ///
    /// # Errors
    ///
    /// There are none.
    pub async fn keys(&self, server: &ServerMetadata, since: Option<Timestamp>) -> Result<Arc<KeySet>, Error> {
        let url = server.endpoint("jwks_uri", false)?;
        let fetch = async |known: Option<Document<KeySet>>| {
            let response = self.send(id_token::keys_request(server, known.as_ref())?).await?;
            id_token::read_keys(server, &response, known.as_ref(), self.now())
        };
        self.keys.get((&server.issuer, Some(url)), since, self.now(), fetch).await
    }

    /// Verifies the ID token that came with tokens; `None` if none came.
    ///
    /// # Errors
    ///
    /// It is not for this sign-in, or the keys cannot be had.
    pub async fn verified(&self, desk: &Desk, tokens: &Tokens, asked: Asked<'_>) -> Result<Option<Claims>, Error> {
        let Some(id_token) = &tokens.id_token else { return Ok(None) };
        self.verify(desk, id_token, Some(&tokens.access_token), asked).await.map(Some)
    }

    /// The same for an ID token by itself.
    ///
    /// # Errors
    ///
    /// It is not for this sign-in, or the keys cannot be had.
    pub async fn verify(
        &self,
        desk: &Desk,
        id_token: &Secret,
        access_token: Option<&Secret>,
        asked: Asked<'_>,
    ) -> Result<Claims, Error> {
        let (nonce, max_age, skew) = (asked.nonce, asked.max_age, self.skew);
        let fits = Fits { client: &desk.client, nonce, access_token, max_age, skew };
        self.read_signed(desk, |keys| id_token::verify(&desk.server, id_token, keys, &fits, self.now())).await
    }

    /// Reads what the server has signed. Where no key suits, the keys are asked for again (OpenID Connect Core §10.1.1).
    pub(super) async fn read_signed<T>(
        &self,
        desk: &Desk,
        read: impl Fn(&Jwks) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match read(&*self.keys(&desk.server, None).await?) {
            Err(Error::Protocol { breach: Breach::Signed(Refused::UnknownKey), .. }) => {
                read(&*self.keys(&desk.server, Some(self.now())).await?)
            }
            outcome => outcome,
        }
    }
}
