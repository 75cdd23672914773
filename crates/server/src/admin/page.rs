//! Lists, a page at a time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::{Page as Wanted, Search};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;

/// Records of a page where nobody says how many.
const USUAL: u32 = 50;
/// The most records of a page.
const MOST: u32 = 200;

/// The longest beginning that is sought, in bytes.
const LONGEST_PREFIX: usize = 1024;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<T: ToSchema> {
    /// The records, in the order of the list.
    pub(super) items: Vec<T>,
    /// What to give as `cursor` for the page that follows; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl<T: ToSchema> Page<T> {
    /// A page of what a store gave for `wanted`.
    pub(super) fn of<R>(records: &[R], wanted: Wanted, id: impl Fn(&R) -> RecordId, shown: impl Fn(&R) -> T) -> Self {
        let full = records.len() >= wanted.limit as usize;
        let next = records.last().filter(|_| full).map(|last| cursor_of(id(last)));
        Self { items: records.iter().map(shown).collect(), next }
    }

    /// The only page: this or nothing.
    pub(super) fn one(item: Option<T>) -> Self {
        Self { items: item.into_iter().collect(), next: None }
    }
}

/// What the store is asked for.
pub(super) fn wanted(limit: Option<u32>, cursor: Option<&str>) -> Result<Wanted, Problem> {
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid(format!("limit: from 1 to {MOST}")));
    }
    let read = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| RecordId::from_slice(&bytes));
    let after = cursor.map(|text| read(text).ok_or_else(|| Problem::invalid("cursor: not one that was given here")));
    Ok(Wanted { after: after.transpose()?, limit })
}

/// What the store is asked for that begins with a text. Its cursor has the text and the id of the last record.
pub(super) fn sought(prefix: String, limit: Option<u32>, cursor: Option<&str>) -> Result<Search, Problem> {
    let wanted = wanted(limit, None)?;
    if prefix.len() > LONGEST_PREFIX {
        return Err(Problem::invalid(format!("prefix: at most {LONGEST_PREFIX} bytes")));
    }
    let read = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, text) = bytes.split_at_checked(16)?;
        Some((String::from_utf8(text.to_vec()).ok()?, RecordId::from_slice(id)?))
    };
    let after = cursor.map(|text| read(text).ok_or_else(|| Problem::invalid("cursor: not one that was given here")));
    Ok(Search { prefix, after: after.transpose()?, limit: wanted.limit })
}

impl<T: ToSchema> Page<T> {
    /// A page of what a store found.
    pub(super) fn found<R>(
        records: &[R],
        limit: u32,
        key: impl Fn(&R) -> (&str, RecordId),
        shown: impl Fn(&R) -> T,
    ) -> Self {
        let next = records.last().filter(|_| records.len() >= limit as usize).map(|last| {
            let (text, id) = key(last);
            URL_SAFE_NO_PAD.encode([id.as_bytes(), text.as_bytes()].concat())
        });
        Self { items: records.iter().map(shown).collect(), next }
    }
}

/// Where a list goes on after (or, the newest first, before) a record.
pub(super) fn cursor_of(id: RecordId) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

/// A time in Unix seconds; `None` for never.
pub(super) fn seconds(at: Timestamp) -> Option<i64> {
    (at != Timestamp::NEVER).then(|| at.seconds())
}
