//! Macaroons in libmacaroons' v2 binary format, in one canonical encoding and with first-party caveats only.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// The most caveats a token carries.
pub(super) const MOST_CAVEATS: usize = 16;
/// The most bytes of caveats a token carries.
pub(super) const MOST_CAVEAT_BYTES: usize = 1024;

const VERSION: u8 = 2;
const END: u8 = 0;
const IDENTIFIER: u8 = 2;
const SIGNATURE: u8 = 6;

const LONGEST_IDENTIFIER: usize = 255;
/// What a field costs beside its data: a type, at most two bytes of length, and the end of its section.
const FIELD: usize = 4;
const LONGEST: usize = 1 + FIELD + LONGEST_IDENTIFIER + MOST_CAVEATS * FIELD + MOST_CAVEAT_BYTES + 1 + (2 + 32);
const LONGEST_TEXT: usize = LONGEST.div_ceil(3) * 4;

/// A macaroon taken apart, borrowing from its bytes.
pub(super) struct Macaroon<'a> {
    pub(super) identifier: &'a [u8],
    pub(super) caveats: Vec<&'a [u8]>,
    pub(super) signature: [u8; 32],
}

impl<'a> Macaroon<'a> {
    /// Takes one apart; `None` unless encoding it again gives the same bytes.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        (take(&mut rest)? == VERSION).then_some(())?;
        let identifier = field(&mut rest, IDENTIFIER)?;
        (take(&mut rest)? == END).then_some(())?;
        let mut caveats = Vec::new();
        while *rest.first()? != END {
            caveats.push(field(&mut rest, IDENTIFIER)?);
            // No vid: what a third party would have to discharge is refused (libmacaroons field type 4).
            (take(&mut rest)? == END && caveats.len() <= MOST_CAVEATS).then_some(())?;
        }
        take(&mut rest)?;
        let signature = field(&mut rest, SIGNATURE)?.try_into().ok()?;
        let macaroon = Self { identifier, caveats, signature };
        // One rule makes it canonical: long varints and whatever follows the end do not survive it.
        (macaroon.is_small() && macaroon.encode() == bytes).then_some(macaroon)
    }

    /// Whether it keeps the bounds.
    pub(super) fn is_small(&self) -> bool {
        self.identifier.len() <= LONGEST_IDENTIFIER
            && self.caveats.len() <= MOST_CAVEATS
            && self.caveats.iter().map(|caveat| caveat.len()).sum::<usize>() <= MOST_CAVEAT_BYTES
    }

    /// The one encoding.
    pub(super) fn encode(&self) -> Vec<u8> {
        let caveats: usize = self.caveats.iter().map(|caveat| FIELD + caveat.len()).sum();
        let mut out =
            Vec::with_capacity(1 + FIELD + self.identifier.len() + caveats + 1 + FIELD + self.signature.len());
        out.push(VERSION);
        put(&mut out, IDENTIFIER, self.identifier);
        out.push(END);
        for caveat in &self.caveats {
            put(&mut out, IDENTIFIER, caveat);
            out.push(END);
        }
        out.push(END);
        put(&mut out, SIGNATURE, &self.signature);
        out
    }

    /// Its token: the prefix, then base64url without padding.
    pub(super) fn to_text(&self, prefix: &str) -> String {
        let bytes = Zeroizing::new(self.encode());
        // Reserved in one piece (here and above), so that growing leaves no copy of a live token behind.
        let mut text = String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4);
        text.push_str(prefix);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        text
    }
}

/// The bytes of a token after its prefix; `None` if it is too long (before anything is allocated) or not the canonical
/// base64url of anything (padding, other alphabet, bits after the end).
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    (text.len() <= LONGEST_TEXT).then_some(())?;
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The key libmacaroons signs with, made from a root key.
pub(super) fn derived_key(root: &[u8]) -> Key {
    let generator = Key::new(HMAC_SHA256, b"macaroons-key-generator");
    Key::new(HMAC_SHA256, &mac(&generator, root))
}

/// The signature of an identifier and then of each caveat, every one keyed by the one before.
pub(super) fn chain<'c>(
    key: &Key,
    identifier: &[u8],
    caveats: impl IntoIterator<Item = &'c [u8]>,
) -> impl Iterator<Item = [u8; 32]> {
    let first = mac(key, identifier);
    let rest = caveats.into_iter().scan(first, |signature, caveat| {
        *signature = weaken(signature, caveat);
        Some(*signature)
    });
    std::iter::once(first).chain(rest)
}

/// The signature of what `signature` signs, with one more caveat.
pub(super) fn weaken(signature: &[u8; 32], caveat: &[u8]) -> [u8; 32] {
    mac(&Key::new(HMAC_SHA256, signature), caveat)
}

/// HMAC-SHA256.
pub(super) fn mac(key: &Key, data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(sign(key, data).as_ref()) {
        *to = *from;
    }
    out
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

fn field<'a>(rest: &mut &'a [u8], kind: u8) -> Option<&'a [u8]> {
    (take(rest)? == kind).then_some(())?;
    let low = take(rest)?;
    // A varint of at most two bytes: no field of ours is longer than 16383.
    let length =
        if low & 0x80 == 0 { usize::from(low) } else { usize::from(low & 0x7f) | usize::from(take(rest)?) << 7 };
    let (data, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(data)
}

fn put(out: &mut Vec<u8>, kind: u8, data: &[u8]) {
    out.push(kind);
    let length = data.len().to_le_bytes();
    let [low, high, ..] = length;
    if data.len() < 0x80 {
        out.push(low);
    } else {
        out.extend([low | 0x80, high << 1 | low >> 7]);
    }
    out.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Computed with pymacaroons 0.13; the first two also stand in libmacaroons' README.
    #[test]
    fn signatures_are_those_of_libmacaroons() {
        let key = derived_key(b"this is our super secret key; only we should know it");
        let caveats = [&b"account = 3735928559"[..], b"scope = books.read"];
        let all: Vec<_> = chain(&key, b"we used our secret key", caveats).map(|signature| hex(&signature)).collect();
        assert_eq!(
            all,
            [
                "e3d9e02908526c4c0039ae15114115d97fdd68bf2ba379b342aaf0f617d0552f",
                "1efe4763f290dbce0c1d08477367e11f4eee456a64933cf662d79772dbb82128",
                "3b9e7cc04e4047c1628d4d473f7ea2a3eab4c53b69a96c7506969f47ee97d4d0",
            ]
        );
    }

    #[test]
    fn the_encoding_is_that_of_libmacaroons() {
        let caveats = vec![&b"account = 3735928559"[..], b"scope = books.read"];
        let bytes = Macaroon { identifier: b"we used our secret key", caveats, signature: [0xab; 32] }.encode();
        let head = "02021677652075736564206f757220736563726574206b657900";
        let first = "02146163636f756e74203d203337333539323835353900";
        let second = "021273636f7065203d20626f6f6b732e7265616400";
        assert_eq!(hex(&bytes), format!("{head}{first}{second}000620{}", "ab".repeat(32)));
        assert!(Macaroon::parse(&bytes).is_some());
    }

    #[test]
    fn lengths_beyond_one_byte_round_trip() {
        for length in [0, 1, 127, 128, 129, 255, 256, 1023, 1024] {
            let caveat = vec![b'a'; length];
            let bytes = Macaroon { identifier: &[1; 82], caveats: vec![&caveat], signature: [2; 32] }.encode();
            assert_eq!(Macaroon::parse(&bytes).expect("canonical").caveats, [&caveat[..]], "{length}");
        }
    }

    #[test]
    fn what_exceeds_the_bounds_is_refused() {
        let encode = |caveats: Vec<&[u8]>| Macaroon { identifier: &[1; 82], caveats, signature: [2; 32] }.encode();
        assert!(Macaroon::parse(&encode(vec![&b"a"[..]; 16])).is_some());
        assert!(Macaroon::parse(&encode(vec![&b"a"[..]; 17])).is_none());
        assert!(Macaroon::parse(&encode(vec![&[b'a'; 512][..], &[b'a'; 513]])).is_none());
        assert!(decode(&"A".repeat(LONGEST_TEXT + 4)).is_none());
    }

    #[test]
    fn other_encodings_of_the_same_macaroon_are_refused() {
        let good = Macaroon { identifier: b"id", caveats: vec![b"a = b"], signature: [7; 32] }.encode();
        assert!(Macaroon::parse(&good).is_some());
        let (head, tail) = (&good[..5], &good[5..]);
        assert_eq!(tail[0], END);
        let third_party = [head, &[0, 2, 5], b"a = b", &[4, 1, b'v', 0], &good[14..]].concat();
        let own_location = [&[2, 1, 1, b'x'], &good[1..]].concat();
        let empty_location = [&[2, 1, 0], &good[1..]].concat();
        let caveat_location = [head, &[0, 1, 1, b'x'], &tail[1..]].concat();
        let long_varint = [&[2, 2, 0x82, 0], &good[3..]].concat();
        let long_type = [&[2, 0x82, 0, 2], &good[3..]].concat();
        let three_byte_varint = [&[2, 2, 0x82, 0x80, 0], &good[3..]].concat();
        let extra_end = [head, &[0], tail].concat();
        let trailing = [&good[..], &[0]].concat();
        let version_1 = [&[1], &good[1..]].concat();
        let first = good.len() - 34;
        let signature_first = [&good[..1], &good[first..], &good[1..first]].concat();
        for (name, bytes) in [
            ("third-party caveat", third_party),
            ("location", own_location),
            ("empty location", empty_location),
            ("caveat location", caveat_location),
            ("long varint", long_varint),
            ("long field type", long_type),
            ("three-byte varint", three_byte_varint),
            ("extra end", extra_end),
            ("trailing byte", trailing),
            ("version 1", version_1),
            ("signature first", signature_first),
            ("nothing", Vec::new()),
        ] {
            assert!(Macaroon::parse(&bytes).is_none(), "{name}");
        }
        for end in 0..good.len() {
            assert!(Macaroon::parse(&good[..end]).is_none(), "cut at {end}");
        }
    }
}
