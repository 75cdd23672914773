//! What is encrypted for a client, and what clients encrypt for us (RFC 7516).

use firman_proto::client::ClientMetadata;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::jose::Jwks;
use firman_proto::jose::jwe::{ContentEncryption, Encryption, EncryptionKey, Fresh, Jwe, KeyManagement};
use firman_proto::time::Timestamp;
use firman_store::record::Client;

use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::key_sets::Whose;
use crate::random;

/// How keys get to us: ours are on a curve.
pub(crate) const OURS: &[KeyManagement] =
    &[KeyManagement::EcdhEs, KeyManagement::EcdhEsA128Kw, KeyManagement::EcdhEsA256Kw];

/// The longest encrypted object that is read, in bytes: one that is signed, in another alphabet, and what is around it.
const LONGEST: usize = 32 * 1024;

/// How one kind of answer is encrypted for a client, and its key: found before anything is written.
#[derive(Clone, Debug)]
pub(crate) struct For {
    how: Encryption,
    key: EncryptionKey,
}

/// One kind of answer, by the names of its two members: the algorithm for the key, and the one for the content.
pub(crate) struct Registered<'a> {
    pub(crate) name: &'static str,
    pub(crate) alg: Option<&'a str>,
    pub(crate) enc: Option<&'a str>,
}

impl<'a> Registered<'a> {
    /// OpenID Connect Registration §2: ID tokens.
    pub(crate) fn id_token(metadata: &'a ClientMetadata) -> Self {
        let jose = &metadata.jose;
        let (alg, enc) =
            (jose.id_token_encrypted_response_alg.as_deref(), jose.id_token_encrypted_response_enc.as_deref());
        Self { name: "id_token_encrypted_response", alg, enc }
    }

    /// OpenID Connect Registration §2: userinfo answers.
    pub(crate) fn userinfo(metadata: &'a ClientMetadata) -> Self {
        let jose = &metadata.jose;
        let (alg, enc) =
            (jose.userinfo_encrypted_response_alg.as_deref(), jose.userinfo_encrypted_response_enc.as_deref());
        Self { name: "userinfo_encrypted_response", alg, enc }
    }

    /// JARM §3: authorization responses.
    pub(crate) fn authorization(metadata: &'a ClientMetadata) -> Self {
        let jose = &metadata.jose;
        let alg = jose.authorization_encrypted_response_alg.as_deref();
        Self {
            name: "authorization_encrypted_response",
            alg,
            enc: jose.authorization_encrypted_response_enc.as_deref(),
        }
    }

    /// RFC 9701 §6: introspection answers.
    pub(crate) fn introspection(metadata: &'a ClientMetadata) -> Self {
        let jose = &metadata.jose;
        let alg = jose.introspection_encrypted_response_alg.as_deref();
        Self {
            name: "introspection_encrypted_response",
            alg,
            enc: jose.introspection_encrypted_response_enc.as_deref(),
        }
    }

    /// Request objects (OpenID Connect Registration §2), which the client encrypts for us.
    pub(crate) fn request_object(metadata: &'a ClientMetadata) -> Self {
        let jose = &metadata.jose;
        let (alg, enc) = (jose.request_object_encryption_alg.as_deref(), jose.request_object_encryption_enc.as_deref());
        Self { name: "request_object_encryption", alg, enc }
    }

    /// What is registered; `None` if nothing is.
    pub(crate) fn read(&self) -> Result<Option<Encryption>, Denied> {
        let wrong = |which, text| invalid_request(format!("{}_{which}: {text}", self.name));
        let enc = match self.enc {
            // OpenID Connect Registration §2: the default.
            None => ContentEncryption::A128CbcHs256,
            Some(name) => {
                ContentEncryption::parse(name).ok_or_else(|| wrong("enc", "not one that this server does"))?
            }
        };
        match self.alg {
            // OpenID Connect Registration §2: enc is not without alg.
            None if self.enc.is_some() => Err(wrong("enc", "needs the alg beside it")),
            None => Ok(None),
            Some(name) => {
                let alg = KeyManagement::parse(name).ok_or_else(|| wrong("alg", "not one that this server does"))?;
                Ok(Some(Encryption { alg, enc }))
            }
        }
    }
}

/// How an answer is to be encrypted for a client; `None` if it has registered nothing of the kind.
pub(crate) async fn to(
    engine: &Engine,
    client: &Client,
    registered: Registered<'_>,
    now: Timestamp,
) -> Result<Option<For>, Failure> {
    let Some(how) = registered.read()? else { return Ok(None) };
    let find = |keys: &Jwks| keys.encryption_key(how.alg).cloned();
    // OpenID Connect Core §10.2.1: a key that was published since is found.
    let found = engine.key_sets.verify(engine, Whose::Client(client), now, find).await?;
    let key = found.map_err(|why| {
        invalid_request(format!("{}_alg: the client has no key for it", registered.name)).because(why.to_string())
    })?;
    Ok(Some(For { how, key }))
}

impl For {
    /// Encrypts what was signed (RFC 7519 §5.2).
    pub(crate) fn nested(&self, engine: &Engine, signed: &str) -> Result<String, Fault> {
        self.encrypt(engine, Some("JWT"), signed.as_bytes())
    }

    /// Encrypts what was not.
    pub(crate) fn plain(&self, engine: &Engine, content: &[u8]) -> Result<String, Fault> {
        self.encrypt(engine, None, content)
    }

    fn encrypt(&self, engine: &Engine, cty: Option<&str>, content: &[u8]) -> Result<String, Fault> {
        let fresh = Fresh::new(random::bytes(&*engine.entropy)?);
        let made = self.how.encrypt(&self.key, cty, content, &fresh);
        made.map_err(|why| Fault::lasting("encrypt an answer", why.to_string()))
    }
}

/// What a client has signed and encrypted for us: the text that was signed. What is not encrypted is given as it is.
pub(crate) fn opened(engine: &Engine, text: &str) -> Result<Option<String>, &'static str> {
    if !Jwe::is_one(text) {
        return Ok(None);
    }
    let unreadable = "it cannot be decrypted with a key of this server";
    let jwe = Jwe::parse(text, LONGEST).map_err(|_| unreadable)?;
    let content = engine.keys.current().decrypt(&jwe).ok_or(unreadable)?;
    // RFC 7519 §5.2: what is inside is signed; what is inside that is not encrypted again.
    let inner = std::str::from_utf8(&content).ok().filter(|inner| !Jwe::is_one(inner)).ok_or(unreadable)?;
    Ok(Some(inner.to_owned()))
}
