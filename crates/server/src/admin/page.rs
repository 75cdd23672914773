//! Lists, a page at a time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::Page as Wanted;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;

/// Records of a page where nobody says how many.
const USUAL: u32 = 50;
/// The most records of a page.
const MOST: u32 = 200;

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

fn cursor_of(id: RecordId) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

/// A time in Unix seconds; `None` for never.
pub(super) fn seconds(at: Timestamp) -> Option<i64> {
    (at != Timestamp::NEVER).then(|| at.seconds())
}
