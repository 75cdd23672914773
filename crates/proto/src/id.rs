//! Record ids: UUIDv7 in sixteen bytes, so that keys are ordered by the time they were made.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::Timestamp;

/// The id of a record: a UUIDv7 (RFC 9562 §5.7) in 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// A new id for a record made at `now`, made unique by 80 random bits (74 of them are used).
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = now.millis().to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        // RFC 9562 §5.7: 48 bits of Unix milliseconds, version 7, variant 10, the rest random.
        Self([t0, t1, t2, t3, t4, t5, 0x70 | (r0 & 0x0f), r1, 0x80 | (r2 & 0x3f), r3, r4, r5, r6, r7, r8, r9])
    }

    /// From the 16 bytes of a stored key.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// From a stored key of unknown length; `None` unless it has 16 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// When the record was made, as the id tells.
    pub const fn made_at(&self) -> Timestamp {
        let [t0, t1, t2, t3, t4, t5, ..] = self.0;
        Timestamp::from_millis(i64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]))
    }

    /// Reads the canonical hyphenated form, lower case only.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 16];
        let mut digits = text.bytes().filter(|b| *b != b'-');
        for byte in &mut bytes {
            *byte = hex(digits.next()?)? << 4 | hex(digits.next()?)?;
        }
        let id = Self(bytes);
        (digits.next().is_none() && id.to_string() == text).then_some(id)
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not a record id: write it as 8-4-4-4-12 lower-case hex"))
    }
}

/// The number of the issuer a record or a seal belongs to; 0 until several issuers share a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IssuerNumber(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9562 §5.7.
    #[test]
    fn an_id_tells_when_its_record_was_made() {
        let now = Timestamp::from_millis(1_795_000_000_123);
        let id = RecordId::new(now, [0xff; 10]);
        assert_eq!(id.made_at(), now);
        assert_eq!(id.as_bytes()[6] >> 4, 7);
        assert_eq!(id.as_bytes()[8] >> 6, 0b10);
    }

    #[test]
    fn an_id_reads_back_from_its_only_text_form() {
        let id = RecordId::new(Timestamp::from_millis(1), [0x3c; 10]);
        assert_eq!(RecordId::parse(&id.to_string()), Some(id));
        assert_eq!(RecordId::parse(&id.to_string().to_uppercase()), None);
        assert_eq!(RecordId::parse(&id.to_string().replace('-', "")), None);
        assert_eq!(RecordId::parse(""), None);
    }
}
