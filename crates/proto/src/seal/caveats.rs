//! The caveats of one token, which must all hold.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caveat::{Caveat, CaveatKind, Thumbprint};
use super::macaroon::{MOST_CAVEAT_BYTES, MOST_CAVEATS};
use super::token::Refusal;
use crate::authorization_details::Details;
use crate::scope::Scope;
use crate::time::Timestamp;

/// The caveats of one token, at most 16 of them and 1 KiB: all must hold, also several of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Caveat>", into = "Vec<Caveat>")]
pub struct Caveats(Vec<Caveat>);

/// More than 16 caveats, or more than 1 KiB of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than 16 caveats, or more than 1 KiB of them")]
pub struct TooManyCaveats;

/// What the request shows. A caveat whose context is absent is unmet, unless its kind is left to the reader.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The time.
    pub now: Timestamp,
    /// The scope the request needs; the empty scope if it needs none.
    pub scope: Option<&'a Scope>,
    /// The audience that is asked: the identifier of the resource server.
    pub audience: Option<&'a str>,
    /// The HTTP method.
    pub method: Option<&'a str>,
    /// The path as it was sent, without the query.
    pub path: Option<&'a str>,
    /// The key whose DPoP proof came with the request and was verified.
    pub jkt: Option<&'a Thumbprint>,
    /// The certificate the request came with.
    pub certificate: Option<&'a Thumbprint>,
    /// The kinds that the answer carries and its reader enforces: [`CaveatKind::STANDARD`] where they are folded into the
    /// standard members. `before` is checked all the same.
    pub left_to_reader: &'a [CaveatKind],
}

impl Presented<'_> {
    /// A request that shows the time and nothing else.
    pub const fn at(now: Timestamp) -> Self {
        Self {
            now,
            scope: None,
            audience: None,
            method: None,
            path: None,
            jkt: None,
            certificate: None,
            left_to_reader: &[],
        }
    }

    /// A request for an answer that folds scope, audience, expiry and keys into its members.
    pub const fn folding(now: Timestamp) -> Self {
        Self { left_to_reader: CaveatKind::STANDARD, ..Self::at(now) }
    }
}

impl Caveats {
    /// These caveats, in this order.
    pub fn new(caveats: Vec<Caveat>) -> Result<Self, TooManyCaveats> {
        let bytes: usize = caveats.iter().map(|caveat| caveat.to_string().len()).sum();
        if caveats.len() > MOST_CAVEATS || bytes > MOST_CAVEAT_BYTES {
            return Err(TooManyCaveats);
        }
        Ok(Self(caveats))
    }

    /// Reads the caveats of a token; `None` if one is unknown: what is not understood may forbid anything.
    pub(super) fn parse(texts: &[&[u8]]) -> Option<Self> {
        let read = |text: &&[u8]| std::str::from_utf8(text).ok().and_then(Caveat::parse);
        texts.iter().map(read).collect::<Option<_>>().map(Self)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Caveat> {
        self.0.iter()
    }

    /// What they leave of the granted scope.
    pub fn scope(&self, granted: &Scope) -> Scope {
        self.iter().fold(granted.clone(), |left, caveat| match caveat {
            Caveat::Scope(scope) => left.intersect(scope),
            _ => left,
        })
    }

    /// What they leave of the granted audience.
    pub fn audience<'g, S: AsRef<str>>(&self, granted: &'g [S]) -> Vec<&'g str> {
        let allowed = |audience: &&str| {
            self.iter().all(|caveat| if let Caveat::Audience(words) = caveat { words.contains(audience) } else { true })
        };
        granted.iter().map(AsRef::as_ref).filter(allowed).collect()
    }

    /// The earliest end among them.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let ends =
            self.iter().filter_map(|caveat| if let Caveat::Before(end) = caveat { Some(end.time()) } else { None });
        ends.min()
    }

    /// The key they bind the token to; refused if they name two, which no one can hold together.
    pub fn jkt(&self) -> Result<Option<Thumbprint>, Refusal> {
        let keys = self.iter().filter_map(|caveat| if let Caveat::Key(print) = caveat { Some(*print) } else { None });
        agreed(keys, CaveatKind::Key)
    }

    /// The certificate they bind the token to; refused if they name two.
    pub fn certificate(&self) -> Result<Option<Thumbprint>, Refusal> {
        let prints =
            self.iter().filter_map(|caveat| if let Caveat::Certificate(print) = caveat { Some(*print) } else { None });
        agreed(prints, CaveatKind::Certificate)
    }

    /// What they leave of the granted details (RFC 9396 §9.2); refused if one of them would allow more than is there.
    pub fn details(&self, granted: Option<&Value>) -> Result<Option<Value>, Refusal> {
        let mut left = granted.and_then(Details::from_value);
        for caveat in &self.0 {
            if let Caveat::Details(details) = caveat {
                let within = left.as_ref().is_some_and(|left| details.are_within(left));
                left = Some(within.then(|| details.clone()).ok_or(Refusal::Unmet(CaveatKind::Details))?);
            }
        }
        Ok(left.map(|left| left.to_value()))
    }

    /// The kinds among them that the standard members of an introspection answer cannot express.
    pub fn contextual(&self) -> BTreeSet<CaveatKind> {
        self.iter().map(Caveat::kind).filter(|kind| kind.is_contextual()).collect()
    }

    /// Whether all of them are met by `request`.
    pub fn permits(&self, request: &Presented<'_>) -> Result<(), Refusal> {
        // Two keys at once are nobody's, also where keys are left to the reader: the answer has room for one.
        self.jkt()?;
        self.certificate()?;
        let unmet = |caveat: &&Caveat| !is_met(caveat, request);
        self.iter().find(unmet).map_or(Ok(()), |caveat| Err(Refusal::Unmet(caveat.kind())))
    }
}

impl TryFrom<Vec<Caveat>> for Caveats {
    type Error = TooManyCaveats;

    fn try_from(caveats: Vec<Caveat>) -> Result<Self, TooManyCaveats> {
        Self::new(caveats)
    }
}

impl From<Caveats> for Vec<Caveat> {
    fn from(caveats: Caveats) -> Self {
        caveats.0
    }
}

fn is_met(caveat: &Caveat, request: &Presented<'_>) -> bool {
    match caveat {
        Caveat::Before(end) => request.now < end.time(),
        left if request.left_to_reader.contains(&left.kind()) => true,
        Caveat::Scope(scope) => request.scope.is_some_and(|needed| needed.is_within(scope)),
        Caveat::Audience(words) => request.audience.is_some_and(|audience| words.contains(audience)),
        Caveat::Method(words) => request.method.is_some_and(|method| words.contains(method)),
        Caveat::Path(prefix) => request.path.is_some_and(|path| prefix.admits(path)),
        Caveat::Key(print) => request.jkt == Some(print),
        Caveat::Certificate(print) => request.certificate == Some(print),
        // It limits what is told of the grant's details, and stands in no request's way by itself.
        Caveat::Details(_) => true,
    }
}

fn agreed(mut prints: impl Iterator<Item = Thumbprint>, kind: CaveatKind) -> Result<Option<Thumbprint>, Refusal> {
    let Some(first) = prints.next() else { return Ok(None) };
    if prints.all(|print| print == first) { Ok(Some(first)) } else { Err(Refusal::Unmet(kind)) }
}
