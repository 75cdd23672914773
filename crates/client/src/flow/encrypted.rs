//! What a server encrypts for a client (RFC 7516): ID tokens and userinfo, where its registration asks for that.

use firman_proto::jose::Refused;
use firman_proto::jose::jwe::Jwe;

use super::party::Client;
use crate::secret::Secret;

/// The longest that is read, in bytes: what is signed, in another alphabet, and what is around it.
const LONGEST: usize = 64 * 1024;

/// What is inside: something signed, or claims as JSON. What is not encrypted is given back as it is.
///
/// # Errors
///
/// None of the client's keys opens it.
pub fn open(client: &Client, text: &Secret) -> Result<Secret, Refused> {
    // OpenID Connect Core §10.2: signed first, then encrypted.
    if !Jwe::is_one(text.reveal()) {
        return Ok(text.clone());
    }
    let jwe = Jwe::parse(text.reveal(), LONGEST)?;
    let plain = client.decryption.iter().find_map(|key| jwe.decrypt(key).ok()).ok_or(Refused::Decryption)?;
    std::str::from_utf8(&plain).map(Secret::from).map_err(|_| Refused::Decryption)
}

#[cfg(test)]
pub(crate) mod tests {
    use firman_proto::jose::jwe::{ContentEncryption, DecryptionKey, Encryption, EncryptionKey, Fresh, KeyManagement};

    use super::*;

    /// The client `app`, with a key for what is encrypted for it.
    pub(crate) fn app() -> Client {
        let keys = [9, 7].map(|byte| DecryptionKey::on_curve("P-256", &[byte; 32]).unwrap());
        Client { decryption: keys.into(), ..Client::public("app") }
    }

    /// Encrypts for the last key of `app`.
    pub(crate) fn encrypted(text: &str) -> String {
        let jwk = app().decryption.last().unwrap().jwk().unwrap();
        let key = EncryptionKey::from_jwk(jwk.as_object().unwrap()).unwrap();
        let how = Encryption { alg: KeyManagement::EcdhEsA256Kw, enc: ContentEncryption::A256Gcm };
        how.encrypt(&key, Some("JWT"), text.as_bytes(), &Fresh::new([3; Fresh::LENGTH])).unwrap()
    }

    // OpenID Connect Core §10.2, RFC 7516 §11.5.
    #[test]
    fn what_is_encrypted_for_a_client_is_opened_with_one_of_its_keys() {
        let sealed = Secret::from(encrypted("a.b.c"));
        assert_eq!(open(&app(), &sealed).unwrap().reveal(), "a.b.c");
        assert_eq!(open(&Client::public("app"), &sealed), Err(Refused::Decryption));
        assert_eq!(open(&Client::public("app"), &"a.b.c".into()).unwrap().reveal(), "a.b.c");
        assert!(open(&app(), &"a.b.c.d.e".into()).is_err());
    }
}
