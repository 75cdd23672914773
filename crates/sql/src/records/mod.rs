//! How each record becomes a row and a row a record. The order of columns is that of the schema.

pub(crate) mod account;
mod body;
pub(crate) mod client;
pub(crate) mod consent;
pub(crate) mod delivery;
pub(crate) mod event;
pub(crate) mod flow;
pub(crate) mod grant;
pub(crate) mod held;
pub(crate) mod key;
pub(crate) mod name;
pub(crate) mod once;
pub(crate) mod resource;
pub(crate) mod session;

use firman_store::StoreError;
use serde_json::Value as Json;

use crate::row::Columns;

/// Texts joined by a space, as RFC 6749 writes lists.
fn spaced<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}

/// Each text of such a list, read; `None` if one cannot be.
fn from_spaced<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(' ').filter(|part| !part.is_empty()).map(read).collect()
}

/// A JSON text; NULL is nothing.
fn read_json(columns: &mut Columns<'_>) -> Result<Option<Json>, StoreError> {
    let Some(text) = columns.maybe_text()? else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|_| columns.wrong("JSON"))
}

/// URIs, which hold no space, joined by one; nothing if there are none.
fn uris_text(uris: &[String]) -> Option<String> {
    (!uris.is_empty()).then(|| uris.join(" "))
}

/// Such a list; NULL is the empty one.
fn read_uris(columns: &mut Columns<'_>) -> Result<Vec<String>, StoreError> {
    Ok(columns.maybe_text()?.map(|text| text.split(' ').map(str::to_owned).collect()).unwrap_or_default())
}
