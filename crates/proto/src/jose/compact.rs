use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{Alg, Jwks, MacKey, PublicKey, Refused, object};

/// Header parameters that would choose the key, or that change how the rest is read. None is ever trusted or needed here.
const NEVER: [&str; 8] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"];

/// Longer than any `kid` or `typ` that means something.
const LONGEST_TEXT: usize = 512;

/// A compact JWS (RFC 7515 §7.1) that was read and not verified: what it says is not known to be true.
#[derive(Debug)]
pub struct Compact<'t> {
    header: Header,
    payload: Vec<u8>,
    signing_input: &'t str,
    signature: Vec<u8>,
}

/// What the header of a JWS may say (RFC 7515 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm it says it was signed with.
    pub alg: Alg,
    /// Which of the signer's keys.
    pub kid: Option<String>,
    /// What it says it is.
    pub typ: Option<String>,
}

impl<'t> Compact<'t> {
    /// Reads a compact JWS of at most `longest` bytes.
    pub fn parse(text: &'t str, longest: usize) -> Result<Self, Refused> {
        Self::read(text, longest, false).map(|(compact, _)| compact)
    }

    /// Reads a proof of possession, whose header must carry the public key it is a proof of (RFC 9449 §4.2). The signature
    /// says that its sender has that key; whose key it is, it does not say.
    pub fn parse_proof(text: &'t str, longest: usize) -> Result<(Self, PublicKey), Refused> {
        let (compact, key) = Self::read(text, longest, true)?;
        key.map(|key| (compact, key)).ok_or(Refused::Header("no jwk"))
    }

    fn read(text: &'t str, longest: usize, proof: bool) -> Result<(Self, Option<PublicKey>), Refused> {
        // Before anything is decoded or allocated.
        if text.len() > longest {
            return Err(Refused::TooLong);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(Refused::Shape)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Refused::Shape)?;
        // RFC 7515 §7.1: three parts; five would be a JWE (RFC 7516 §9).
        if payload.contains('.') || header.is_empty() {
            return Err(Refused::Shape);
        }
        let members = object(&decode(header)?)?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        let key = if proof { embedded(&members)? } else { None };
        let header = Header::read(&members, proof)?;
        Ok((Self { header, payload, signing_input, signature }, key))
    }

    /// The header, as it says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, as it says.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Verifies with the one key of a set that the header names and that suits; gives the payload.
    pub fn verify(&self, keys: &Jwks, allowed: &[Alg]) -> Result<&[u8], Refused> {
        self.must_be_allowed(allowed)?;
        self.verify_with(keys.choose(&self.header)?, allowed)
    }

    /// Verifies with this key; gives the payload.
    pub fn verify_with(&self, key: &PublicKey, allowed: &[Alg]) -> Result<&[u8], Refused> {
        self.must_be_allowed(allowed)?;
        // RFC 8725 §3.1: the key says which algorithms it is for.
        if !key.suits(self.header.alg) {
            return Err(Refused::UnknownKey);
        }
        key.verify(self.header.alg, self.signing_input.as_bytes(), &self.signature)?;
        Ok(&self.payload)
    }

    /// Verifies with a shared secret; gives the payload.
    pub fn verify_mac(&self, key: &MacKey, allowed: &[Alg]) -> Result<&[u8], Refused> {
        self.must_be_allowed(allowed)?;
        key.verify(self.header.alg, self.signing_input.as_bytes(), &self.signature)?;
        Ok(&self.payload)
    }

    /// RFC 8725 §3.1: only the algorithms of this purpose.
    fn must_be_allowed(&self, allowed: &[Alg]) -> Result<(), Refused> {
        if allowed.contains(&self.header.alg) { Ok(()) } else { Err(Refused::Algorithm) }
    }
}

impl Header {
    fn read(members: &Map<String, Value>, proof: bool) -> Result<Self, Refused> {
        // RFC 8725 §3.5, §3.6, RFC 7515 §4.1.11, RFC 7797 §6: keys come from registration alone, and no extension is understood.
        if let Some(name) = NEVER.iter().find(|name| !(proof && **name == "jwk") && members.contains_key(**name)) {
            return Err(Refused::Header(name));
        }
        // RFC 7515 §4.1.1, §10.7: compared with case, and there is no `none`.
        let alg = members.get("alg").and_then(Value::as_str).and_then(Alg::parse).ok_or(Refused::Algorithm)?;
        let text = |name: &'static str, malformed: Refused| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= LONGEST_TEXT => Ok(Some(text.clone())),
            Some(_) => Err(malformed),
        };
        Ok(Self { alg, kid: text("kid", Refused::Header("a kid that is no text"))?, typ: text("typ", Refused::Typ)? })
    }

    /// Whether `typ` is this media type. RFC 7515 §4.1.9: case does not matter, and `application/` may be left out.
    pub fn is_typ(&self, media_type: &str) -> bool {
        let Some(typ) = &self.typ else { return false };
        let bare = match typ.split_at_checked("application/".len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case("application/") && !rest.contains('/') => rest,
            _ => typ,
        };
        bare.eq_ignore_ascii_case(media_type)
    }
}

/// The public key of a proof's header. RFC 9449 §4.3: it has no private part.
fn embedded(members: &Map<String, Value>) -> Result<Option<PublicKey>, Refused> {
    match members.get("jwk") {
        None => Ok(None),
        Some(Value::Object(jwk)) => PublicKey::from_jwk(jwk).map(Some),
        Some(_) => Err(Refused::Key("the jwk is no object")),
    }
}

/// Base64url in its one canonical form: no padding, no white space, no bits beyond the last byte.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Base64)
}
