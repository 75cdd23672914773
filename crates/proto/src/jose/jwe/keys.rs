use std::fmt;

use aws_lc_rs::agreement::{
    self, Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, UnparsedPublicKey, X25519, agree,
};
use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::super::alg::Curve;
use super::super::compact::decode;
use super::super::jwk::{PRIVATE, required, text};
use super::super::{Refused, rsa};
use super::management::Recipient;
use super::{ContentEncryption, KeyManagement};
use crate::digest::sha256;

/// A public key to encrypt for, parsed and checked once (RFC 7517 §4).
#[derive(Clone)]
pub struct EncryptionKey {
    kid: Option<String>,
    alg: Option<KeyManagement>,
    /// Whether it says that it is for encrypting.
    declared: bool,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Rsa(PublicEncryptingKey),
    Point(Group, Vec<u8>),
}

/// Where two agree on a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Curve(Curve),
    X25519,
}

impl EncryptionKey {
    /// Reads a JWK. Refuses private parts, keys that are not for encrypting, weak keys, and points that are on no curve.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, Refused> {
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return Err(Refused::Key("it has a private or secret part"));
        }
        // RFC 7517 §4.2: where a key says what it is for, encrypting is it.
        if text(jwk, "use")?.is_some_and(|usage| usage != "enc") {
            return Err(Refused::Key("its use is not enc"));
        }
        let material = match text(jwk, "kty")?.ok_or(Refused::Key("no kty"))? {
            "RSA" => modular(jwk)?,
            "EC" | "OKP" => {
                let (group, point) = point(jwk)?;
                Material::Point(group, point)
            }
            _ => return Err(Refused::Key("a kty that is not used here")),
        };
        let alg = match text(jwk, "alg")? {
            None => None,
            Some(name) => Some(KeyManagement::parse(name).ok_or(Refused::Key("an alg that is not used here"))?),
        };
        let declared = jwk.contains_key("use");
        let key = Self { kid: text(jwk, "kid")?.map(str::to_owned), alg, declared, material };
        // RFC 7517 §4.4: an alg that the key cannot do makes it a key for nothing.
        if alg.is_some_and(|alg| !key.suits(alg)) {
            return Err(Refused::Key("its alg is for another kind of key"));
        }
        Ok(key)
    }

    /// Its name among its owner's keys.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether it says that it is for encrypting.
    pub(in super::super) fn is_declared(&self) -> bool {
        self.declared
    }

    /// Whether this key is for this algorithm: by its kind, and by its `alg` where it has one.
    pub fn suits(&self, alg: KeyManagement) -> bool {
        let by_kind = alg.oaep().is_some() == matches!(self.material, Material::Rsa(_));
        by_kind && self.alg.is_none_or(|own| own == alg)
    }

    /// A content encryption key for one object, and what brings it to the owner of this key.
    pub(super) fn address(
        &self,
        alg: KeyManagement,
        enc: ContentEncryption,
        random: &[u8; 64],
    ) -> Result<Recipient, Refused> {
        if !self.suits(alg) {
            return Err(Refused::UnknownKey);
        }
        let cek = Zeroizing::new(random.get(..enc.key_length()).unwrap_or_default().to_vec());
        match &self.material {
            Material::Rsa(key) => {
                let key = OaepPublicEncryptingKey::new(key.clone()).map_err(|_| Refused::Encryption)?;
                let oaep = alg.oaep().ok_or(Refused::Algorithm)?;
                let mut encrypted = vec![0; key.ciphertext_size()];
                let length = key.encrypt(oaep, &cek, &mut encrypted, None).map_err(|_| Refused::Encryption)?.len();
                encrypted.truncate(length);
                Ok(Recipient { cek, encrypted_key: encrypted, members: Map::new() })
            }
            Material::Point(group, point) => {
                // RFC 7518 §4.6.1.1: a key of ours for this one object.
                let own = PrivateKey::generate(group.agreement()).map_err(|_| Refused::Encryption)?;
                let members = Map::from_iter([("epk".to_owned(), group.jwk(&own)?)]);
                let peer = UnparsedPublicKey::new(group.agreement(), point);
                let derived = agree(&own, peer, Refused::Encryption, |secret| alg.derive(enc, secret, &members))?;
                let encrypted_key = alg.wrap(&derived, &cek)?;
                let cek = if alg == KeyManagement::EcdhEs { derived } else { cek };
                Ok(Recipient { cek, encrypted_key, members })
            }
        }
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({:?})", self.kid)
    }
}

/// A private key that decrypts. Its Debug shows nothing of it.
pub struct DecryptionKey(Private);

enum Private {
    Rsa(Box<OaepPrivateDecryptingKey>),
    Agreement(Group, PrivateKey),
}

impl DecryptionKey {
    /// On a curve by its name (RFC 7518 §6.2.1.1, RFC 8037 §2), from the bytes of its scalar; `None` for one that is none.
    pub fn on_curve(crv: &str, scalar: &[u8]) -> Option<Self> {
        let group = if crv == "X25519" { Group::X25519 } else { Group::Curve(Curve::parse(crv)?) };
        let key = PrivateKey::from_private_key(group.agreement(), scalar).ok()?;
        Some(Self(Private::Agreement(group, key)))
    }

    /// An RSA key in PKCS #8.
    pub fn rsa_from_pkcs8(der: &[u8]) -> Result<Self, Refused> {
        let key = PrivateDecryptingKey::from_pkcs8(der).and_then(|key| {
            OaepPrivateDecryptingKey::new(key)
                .map_err(|_| aws_lc_rs::error::KeyRejected::from(aws_lc_rs::error::Unspecified))
        });
        Ok(Self(Private::Rsa(Box::new(key.map_err(|_| Refused::Key("no RSA key in PKCS #8"))?))))
    }

    /// The public half for those who encrypt for us (RFC 7517 §4.2 `use` is `enc`), called by its thumbprint; `None` for RSA keys, whose
    /// public half whoever made them has.
    pub fn jwk(&self) -> Option<Value> {
        let Private::Agreement(group, key) = &self.0 else { return None };
        let Ok(Value::Object(mut jwk)) = group.jwk(key) else { return None };
        // RFC 7638 §3.2: the members that are required, in alphabetical order; which is that of the map.
        let kid = URL_SAFE_NO_PAD.encode(sha256(Value::Object(jwk.clone()).to_string().as_bytes()));
        jwk.insert("use".to_owned(), "enc".into());
        jwk.insert("kid".to_owned(), kid.into());
        Some(Value::Object(jwk))
    }

    /// The content encryption key.
    pub(super) fn recover(
        &self,
        alg: KeyManagement,
        enc: ContentEncryption,
        header: &Map<String, Value>,
        encrypted_key: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let cek = match &self.0 {
            Private::Rsa(key) => {
                let oaep = alg.oaep().ok_or(Refused::Algorithm)?;
                let mut cek = Zeroizing::new(vec![0; key.min_output_size()]);
                let length = key.decrypt(oaep, encrypted_key, &mut cek, None).map_err(|_| Refused::Decryption)?.len();
                cek.truncate(length);
                cek
            }
            Private::Agreement(group, key) => {
                let Some(Value::Object(epk)) = header.get("epk") else { return Err(Refused::Header("no epk")) };
                // RFC 7518 §4.6.1.1: a public key of the same group.
                if PRIVATE.iter().any(|name| epk.contains_key(*name)) {
                    return Err(Refused::Key("it has a private or secret part"));
                }
                let (theirs, point) = point(epk)?;
                if theirs != *group {
                    return Err(Refused::Key("an epk of another curve"));
                }
                let peer = UnparsedPublicKey::new(group.agreement(), point);
                let derived = agree(key, peer, Refused::Decryption, |secret| alg.derive(enc, secret, header))?;
                alg.unwrap(derived, encrypted_key)?
            }
        };
        // RFC 7516 §5.2 (10): as long as the content encryption needs it.
        if cek.len() == enc.key_length() { Ok(cek) } else { Err(Refused::Decryption) }
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKey")
    }
}

impl Group {
    const fn agreement(self) -> &'static Algorithm {
        match self {
            Self::Curve(Curve::P256) => &ECDH_P256,
            Self::Curve(Curve::P384) => &ECDH_P384,
            Self::Curve(Curve::P521) => &ECDH_P521,
            Self::X25519 => &X25519,
        }
    }

    /// The public half of a key of this group, with the members that are required and no other.
    fn jwk(self, key: &PrivateKey) -> Result<Value, Refused> {
        let public: agreement::PublicKey = key.compute_public_key().map_err(|_| Refused::Encryption)?;
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let Self::Curve(curve) = self else {
            return Ok(json!({"crv": "X25519", "kty": "OKP", "x": encode(public.as_ref())}));
        };
        // SEC 1 §2.3.3: 4, then x and y.
        let halves = public.as_ref().get(1..).and_then(|both| both.split_at_checked(curve.coordinate()));
        let (x, y) = halves.ok_or(Refused::Encryption)?;
        Ok(json!({"crv": curve.name(), "kty": "EC", "x": encode(x), "y": encode(y)}))
    }
}

/// RFC 7518 §6.2.1, RFC 8037 §2: a point of a group.
fn point(jwk: &Map<String, Value>) -> Result<(Group, Vec<u8>), Refused> {
    let (kty, crv) = (text(jwk, "kty")?, text(jwk, "crv")?.ok_or(Refused::Key("no crv"))?);
    if (kty, crv) == (Some("OKP"), "X25519") {
        let point = decode(required(jwk, "x")?)?;
        return if point.len() == 32 { Ok((Group::X25519, point)) } else { Err(Refused::Key("not an X25519 key")) };
    }
    let curve = Curve::parse(crv).filter(|_| kty == Some("EC")).ok_or(Refused::Key("a curve that is not used here"))?;
    let (x, y) = (decode(required(jwk, "x")?)?, decode(required(jwk, "y")?)?);
    if x.len() != curve.coordinate() || y.len() != curve.coordinate() {
        return Err(Refused::Key("a coordinate of another length"));
    }
    // SEC 1 §2.3.3: the uncompressed form; parsing it proves that the point is on the curve.
    let point = [&[4][..], &x, &y].concat();
    ParsedPublicKey::new(curve.verification(), &point).map_err(|_| Refused::Key("not a point of its curve"))?;
    Ok((Group::Curve(curve), point))
}

/// RFC 7518 §6.3.1: a public RSA key.
fn modular(jwk: &Map<String, Value>) -> Result<Material, Refused> {
    let mut n = decode(required(jwk, "n")?)?;
    // Libraries that write a sign byte are many; the number is the same.
    if n.first() == Some(&0) {
        n.remove(0);
    }
    let components = RsaPublicKeyComponents { n, e: decode(required(jwk, "e")?)? };
    rsa::must_be_strong(&components.n, &components.e)?;
    let key: Result<PublicEncryptingKey, _> = components.try_into();
    Ok(Material::Rsa(key.map_err(|_| Refused::Key("not an RSA key"))?))
}
