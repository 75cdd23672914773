use serde_json::{Map, Value};

use super::{Alg, Compact, Header, Jwks, MacKey, Refused, object};
use crate::time::{Lifetime, Timestamp};

/// A JWT (RFC 7519) that was read and not verified. It may be asked whom it says it is from, to find the keys.
#[derive(Debug)]
pub struct Jwt<'t> {
    compact: Compact<'t>,
    claims: Claims,
}

/// What a JWT must be to be taken for a purpose.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// What its header must say it is.
    pub typ: Typ<'a>,
    /// The algorithms of this purpose.
    pub algorithms: &'a [Alg],
    /// Who it may be for: each of its audiences must be one of these, so that nobody else was given it too.
    pub audiences: &'a [&'a str],
    /// How far clocks may be apart.
    pub skew: Lifetime,
    /// How far ahead it may expire.
    pub longest: Lifetime,
}

/// What `typ` must be (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug)]
pub enum Typ<'a> {
    /// One of these media types (without `application/`).
    Required(&'a [&'a str]),
    /// One of these, or absent: for purposes that are older than explicit typing.
    Optional(&'a [&'a str]),
}

/// The claims of a JWT (RFC 7519 §4.1). Registered ones have the type that the RFC gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// Who made it.
    pub iss: Option<String>,
    /// Who it is about.
    pub sub: Option<String>,
    /// Who it is for.
    pub aud: Vec<String>,
    /// When it ends.
    pub exp: Option<Timestamp>,
    /// When it begins.
    pub nbf: Option<Timestamp>,
    /// When it was made.
    pub iat: Option<Timestamp>,
    /// Tells it from all others of its maker.
    pub jti: Option<String>,
    /// The others.
    pub rest: Map<String, Value>,
}

impl<'t> Jwt<'t> {
    /// The longest that is read, in bytes.
    pub const LONGEST: usize = 16 * 1024;

    /// Reads a JWT.
    pub fn parse(text: &'t str) -> Result<Self, Refused> {
        let compact = Compact::parse(text, Self::LONGEST)?;
        let claims = Claims::parse(compact.payload())?;
        Ok(Self { compact, claims })
    }

    /// The header, as it says.
    pub fn header(&self) -> &Header {
        self.compact.header()
    }

    /// The claims, as it says. Good for finding the keys, and for nothing else.
    pub fn unverified(&self) -> &Claims {
        &self.claims
    }

    /// Verifies the signature with the signer's public keys, then type, audience and times.
    pub fn verify(self, keys: &Jwks, expected: &Expected<'_>, now: Timestamp) -> Result<Claims, Refused> {
        self.compact.verify(keys, expected.algorithms)?;
        self.accept(expected, now)
    }

    /// The same with the first of these secrets that it was made with.
    pub fn verify_mac(self, keys: &[MacKey], expected: &Expected<'_>, now: Timestamp) -> Result<Claims, Refused> {
        let mut refused = Refused::UnknownKey;
        for key in keys {
            match self.compact.verify_mac(key, expected.algorithms) {
                Ok(_) => return self.accept(expected, now),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    /// Verifies the signature and the type, and leaves audience and times to the rules of its purpose.
    pub fn verify_signature(self, keys: &Jwks, algorithms: &[Alg], typ: Typ<'_>) -> Result<Claims, Refused> {
        self.compact.verify(keys, algorithms)?;
        self.must_be(typ)?;
        Ok(self.claims)
    }

    fn accept(self, expected: &Expected<'_>, now: Timestamp) -> Result<Claims, Refused> {
        self.must_be(expected.typ)?;
        self.claims.must_be_for(expected.audiences)?;
        self.claims.must_be_timely(expected, now)?;
        Ok(self.claims)
    }

    /// RFC 8725 §3.11, §3.12: one kind of JWT is not taken for another.
    fn must_be(&self, typ: Typ<'_>) -> Result<(), Refused> {
        let header = self.compact.header();
        let fits = match typ {
            Typ::Required(types) => types.iter().any(|media_type| header.is_typ(media_type)),
            Typ::Optional(types) => header.typ.is_none() || types.iter().any(|media_type| header.is_typ(media_type)),
        };
        if fits { Ok(()) } else { Err(Refused::Typ) }
    }
}

impl Claims {
    fn parse(payload: &[u8]) -> Result<Self, Refused> {
        let mut members = object(payload)?;
        let text = |value: Option<Value>, name| match value {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refused::Claim(name)),
        };
        Ok(Self {
            iss: text(members.remove("iss"), "iss")?,
            sub: text(members.remove("sub"), "sub")?,
            aud: audiences(members.remove("aud"))?,
            exp: numeric_date(members.remove("exp"), "exp")?,
            nbf: numeric_date(members.remove("nbf"), "nbf")?,
            iat: numeric_date(members.remove("iat"), "iat")?,
            jti: text(members.remove("jti"), "jti")?,
            rest: members,
        })
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.rest.get(name).and_then(Value::as_str)
    }

    /// The `jti` by which a JWT that is taken once is remembered (RFC 7519 §4.1.7), if it has one of 1 to 256 bytes.
    pub fn jti_to_remember(&self) -> Option<&str> {
        self.jti.as_deref().filter(|jti| is_jti(jti))
    }

    /// Refuses what only an ID token has (OpenID Connect Core §2, §3.3.2.11): it was made for a client to read, not for one to
    /// present.
    pub fn must_not_be_an_id_token(&self) -> Result<(), Refused> {
        let telltale = ["nonce", "at_hash", "c_hash", "s_hash"];
        if telltale.iter().any(|name| self.rest.contains_key(*name)) { Err(Refused::IdToken) } else { Ok(()) }
    }

    /// RFC 7519 §4.1.3, RFC 8725 §3.9: it is for us, and for nobody else.
    fn must_be_for(&self, audiences: &[&str]) -> Result<(), Refused> {
        let ours = |aud: &String| audiences.contains(&aud.as_str());
        if !self.aud.is_empty() && self.aud.iter().all(ours) { Ok(()) } else { Err(Refused::Audience) }
    }

    fn must_be_timely(&self, expected: &Expected<'_>, now: Timestamp) -> Result<(), Refused> {
        // RFC 7519 §4.1.4: what never ends could be replayed for ever.
        let exp = self.exp.ok_or(Refused::Claim("exp"))?;
        if now >= exp.plus(expected.skew) {
            return Err(Refused::Expired);
        }
        // RFC 7523 §3 (4): unreasonably far in the future.
        if exp > now.plus(expected.longest).plus(expected.skew) {
            return Err(Refused::TooLongLived);
        }
        // RFC 7519 §4.1.5, §4.1.6: of the future by more than clocks differ.
        if [self.nbf, self.iat].into_iter().flatten().any(|from| from > now.plus(expected.skew)) {
            return Err(Refused::NotYet);
        }
        Ok(())
    }
}

/// Whether a `jti` is one to remember: there, and not longer than any that is random.
pub(crate) fn is_jti(jti: &str) -> bool {
    (1..=256).contains(&jti.len())
}

/// The members of `aud` (RFC 7519 §4.1.3): one text, or a list of texts; none if it is not there.
///
/// # Errors
///
/// It is something else.
pub fn audiences(value: Option<Value>) -> Result<Vec<String>, Refused> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(list)) => list
            .into_iter()
            .map(|item| if let Value::String(text) = item { Ok(text) } else { Err(Refused::Claim("aud")) })
            .collect(),
        Some(_) => Err(Refused::Claim("aud")),
    }
}

/// A `NumericDate` (RFC 7519 §2): seconds, which may have a fraction. `None` if it is not there.
///
/// # Errors
///
/// It is something else, or a time that no clock shows.
pub fn numeric_date(value: Option<Value>, name: &'static str) -> Result<Option<Timestamp>, Refused> {
    const LATEST: i64 = 253_402_300_799; // the end of the year 9999
    let Some(value) = value else { return Ok(None) };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a float beyond what an i64 holds becomes its end, which is too late"
    )]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
    let seconds = seconds.filter(|seconds| (0..=LATEST).contains(seconds)).ok_or(Refused::Claim(name))?;
    Ok(Some(Timestamp::from_seconds(seconds)))
}
