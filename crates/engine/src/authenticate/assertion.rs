//! Clients that prove who they are by a signed assertion (RFC 7523 §3, OpenID Connect Core §9).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::credentials::AuthMethod;
use firman_proto::error::{Denied, invalid_client};
use firman_proto::jose::{Alg, Claims, Expected, Jwks, Jwt, MacKey, Refused, Typ};
use firman_proto::metadata::path;
use firman_proto::seal::Place;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Client, ClientSecret, Once, OnceNamespace};
use firman_store::{Change, Commit};

use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::key_sets::Whose;

/// The algorithms of an assertion under the client's secret: our secrets are long enough for these.
pub(crate) const SECRET_ALGORITHMS: &[Alg] = &[Alg::HS256, Alg::HS384];

/// How far ahead an assertion may expire: so long its `jti` is remembered.
const LONGEST: Lifetime = Lifetime::from_seconds(3600);
/// How far a client's clock may be from ours.
const SKEW: Lifetime = Lifetime::from_seconds(30);

/// Verifies a client's assertion, and takes it so that nobody can present it again.
pub(super) async fn verify(engine: &Engine, client: &Client, text: &str, now: Timestamp) -> Result<(), Failure> {
    let audiences = audiences(engine, client);
    let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
    let expected = Expected {
        // Older than explicit typing: most clients say nothing, or JWT.
        typ: Typ::Optional(&["JWT", "client-authentication+jwt"]),
        algorithms: &algorithms(client),
        audiences: &audiences,
        skew: SKEW,
        longest: LONGEST,
    };
    let jwt = Jwt::parse(text).map_err(refused)?;
    let claims = match client.metadata.token_endpoint_auth_method {
        AuthMethod::ClientSecretJwt => {
            jwt.verify_mac(&secrets(engine, client, now)?, &expected, now).map_err(refused)?
        }
        _ => by_public_key(engine, client, text, &expected, now).await?,
    };
    let jti = decide(client, &claims)?;
    let once = Once {
        namespace: OnceNamespace::ClientAssertion,
        digest: Once::digest(engine.number, client.id.as_bytes(), jti),
        expires_at: claims.exp.unwrap_or(now).plus(SKEW),
    };
    // RFC 7523 §3 (7): presented again, it is a replay. The guard is in the write.
    match engine.commit(vec![Change::InsertOnce(once)]).await? {
        Commit::Done => Ok(()),
        Commit::Conflict(_) => Err(invalid_client("client_assertion: its jti was presented before").into()),
    }
}

async fn by_public_key(
    engine: &Engine,
    client: &Client,
    text: &str,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Claims, Failure> {
    let verify = |keys: &Jwks| Jwt::parse(text).and_then(|jwt| jwt.verify(keys, expected, now));
    Ok(engine.key_sets.verify(engine, Whose::Client(client), now, verify).await?.map_err(refused)?)
}

/// Who made it and who it is about; gives its identifier.
fn decide<'c>(client: &Client, claims: &'c Claims) -> Result<&'c str, Denied> {
    // RFC 7523 §3 (1), (2): issuer and subject are the client.
    if claims.iss.as_deref() != Some(&client.client_id) || claims.sub.as_deref() != Some(&client.client_id) {
        return Err(invalid_client("client_assertion: iss and sub are not the client_id"));
    }
    claims.must_not_be_an_id_token().map_err(refused)?;
    // OpenID Connect Core §9: jti is required.
    claims.jti_to_remember().ok_or_else(|| invalid_client("client_assertion: jti: missing, or longer than 256 bytes"))
}

/// RFC 7523 §3 (3): the issuer; for clients that are told so, the endpoints too.
fn audiences(engine: &Engine, client: &Client) -> Vec<String> {
    let mut audiences = vec![engine.issuer.to_string()];
    if client.policy.endpoint_audience {
        audiences.extend(
            [path::TOKEN, path::PAR, path::DEVICE_AUTHORIZATION, path::BACKCHANNEL, path::INTROSPECT, path::REVOKE]
                .map(|path| engine.issuer.endpoint(path)),
        );
    }
    audiences
}

/// RFC 8725 §3.1: by the method, and by the one algorithm that the client has registered.
fn algorithms(client: &Client) -> Vec<Alg> {
    let of_method = match client.metadata.token_endpoint_auth_method {
        AuthMethod::ClientSecretJwt => SECRET_ALGORITHMS,
        _ => Alg::PUBLIC,
    };
    match &client.metadata.jose.token_endpoint_auth_signing_alg {
        None => of_method.to_vec(),
        Some(name) => of_method.iter().copied().filter(|alg| Alg::parse(name) == Some(*alg)).collect(),
    }
}

/// The client's live secrets, unsealed.
fn secrets(engine: &Engine, client: &Client, now: Timestamp) -> Result<Vec<MacKey>, Fault> {
    let alive = |secret: &&ClientSecret| secret.expires_at.is_none_or(|end| now < end);
    let sealed = client.secrets.iter().filter(alive).filter_map(|secret| Some((secret, secret.sealed.as_ref()?)));
    sealed
        .map(|(secret, sealed)| {
            let damaged = || Fault::lasting("unseal a client secret", "another master key, or damage");
            let wrapped = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| damaged())?;
            let place = place(engine, client.id, &secret.digest);
            let secret = engine.keys.master().unwrap_key(&place, &wrapped).map_err(|_| damaged())?;
            Ok(MacKey::new(secret.to_vec()))
        })
        .collect()
}

/// Seals a secret beside its digest, for clients that prove it by HMAC: to verify that, its value is needed.
pub(crate) fn seal_secret(
    engine: &Engine,
    client: firman_proto::id::RecordId,
    digest: &[u8; 32],
    secret: &str,
) -> Result<String, Fault> {
    let nonce = crate::random::bytes(&*engine.entropy)?;
    let sealed = engine.keys.master().wrap_key(&place(engine, client, digest), nonce, secret.as_bytes());
    let sealed = sealed.map_err(|error| Fault::lasting("seal a client secret", error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// Where a secret's sealed copy belongs: it unseals beside its own digest alone.
fn place(engine: &Engine, client: firman_proto::id::RecordId, digest: &[u8; 32]) -> Place {
    let number = digest.first_chunk().copied().map_or(0, u32::from_be_bytes);
    Place { issuer: engine.number, record: client, number }
}

#[allow(clippy::needless_pass_by_value, reason = "made for map_err")]
fn refused(why: Refused) -> Denied {
    invalid_client(format!("client_assertion: {why}"))
}
