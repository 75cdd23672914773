//! An authenticator in software (Web Authentication §6): it makes one passkey, and shows it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::sha256;
use serde_json::{Value, json};

pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    user: String,
    /// Where the browser says it is.
    pub(crate) origin: String,
    /// Whom it is asked for, if the page is not believed.
    pub(crate) relying_party: Option<String>,
    /// How often it has signed; it stays 0 in one that does not count.
    pub(crate) counter: u32,
    pub(crate) counts: bool,
    /// Whether it has verified its user.
    pub(crate) verified: bool,
    /// Whether its maker may copy the passkey to other devices.
    pub(crate) copied: bool,
    /// Another challenge than the one of the page.
    pub(crate) challenge: Option<String>,
}

impl Authenticator {
    pub(crate) fn new(origin: &str, name: &str) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: sha256(name.as_bytes()).to_vec(),
            user: String::new(),
            origin: origin.to_owned(),
            relying_party: None,
            counter: 0,
            counts: true,
            verified: true,
            copied: false,
            challenge: None,
        }
    }

    /// The same passkey, as somebody has it who copied the key.
    pub(crate) fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.id)
    }

    /// Makes the passkey, and says so as a browser does.
    pub(crate) fn create(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        options["user"]["id"].as_str().unwrap().clone_into(&mut self.user);
        let said = self.client_data("webauthn.create", &options);
        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), 0x40);
        // Web Authentication §6.5.1: no model, then id and key.
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose_key());
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        // Of 24 to 255 bytes, as CTAP2 writes lengths.
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        self.said(&json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(said),
            "attestationObject": URL_SAFE_NO_PAD.encode(object),
            "transports": ["internal"],
        }))
    }

    /// Shows the passkey.
    pub(crate) fn get(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        self.counter += u32::from(self.counts);
        let said = self.client_data("webauthn.get", &options);
        let data = self.data(options["rpId"].as_str().unwrap(), 0);
        let signed = [&*data, &sha256(&said)].concat();
        #[allow(clippy::disallowed_methods, reason = "an authenticator has randomness of its own")]
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        self.said(&json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(said),
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
            "userHandle": self.user,
        }))
    }

    fn said(&self, response: &Value) -> String {
        let id = self.id();
        let said = json!({
            "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {},
        });
        said.to_string()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let asked = options["challenge"].as_str().unwrap();
        let challenge = self.challenge.as_deref().unwrap_or(asked);
        let origin = &self.origin;
        let text = format!(
            "{{\"type\":\"{kind}\",\"challenge\":\"{challenge}\",\"origin\":\"{origin}\",\"crossOrigin\":false}}"
        );
        text.into_bytes()
    }

    /// Web Authentication §6.1.
    fn data(&self, relying_party: &str, flags: u8) -> Vec<u8> {
        let relying_party = self.relying_party.as_deref().unwrap_or(relying_party);
        let mut data = sha256(relying_party.as_bytes()).to_vec();
        data.push(flags | 0x01 | if self.verified { 0x04 } else { 0 } | if self.copied { 0x18 } else { 0 });
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// RFC 9052 §7: an EC2 key for ES256.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let mut key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".to_vec();
        key.extend(&point[1..33]);
        key.extend(b"\x22\x58\x20");
        key.extend(&point[33..65]);
        key
    }
}
