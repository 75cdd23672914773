//! The body of a row: one JSON object with the version of its shape in `v`. Members nobody knows are kept.

use firman_store::StoreError;
use firman_store::record::Rest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::row::Columns;

/// The version of the shape of every body.
const VERSION: u64 = 1;

/// A body with nothing in it, as it is written.
const EMPTY: &str = r#"{"v":1}"#;

/// The text of a body with these members.
pub(super) fn write(mut members: Rest) -> String {
    if members.is_empty() {
        return EMPTY.to_owned();
    }
    members.insert("v".to_owned(), VERSION.into());
    Value::Object(members).to_string()
}

/// The members of the body in the next column.
pub(super) fn read(columns: &mut Columns<'_>) -> Result<Rest, StoreError> {
    let text = columns.text()?;
    // Most bodies are empty, and most reads are of those.
    if text == EMPTY {
        return Ok(Rest::new());
    }
    let mut members: Rest = serde_json::from_str(text).map_err(|_| columns.wrong("JSON object"))?;
    match members.remove("v").and_then(|version| version.as_u64()) {
        Some(VERSION) => Ok(members),
        _ => Err(columns.wrong("body this version can read")),
    }
}

/// The members of something that is written as a JSON object.
pub(super) fn members(value: &impl Serialize) -> Rest {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Rest::new(),
    }
}

/// What is made of some members.
pub(super) fn made_of<T: DeserializeOwned>(members: Rest, columns: &Columns<'_>) -> Result<T, StoreError> {
    serde_json::from_value(Value::Object(members)).map_err(|_| columns.wrong("body of the right shape"))
}

/// Takes an object out of the members; absent is empty.
pub(super) fn take(members: &mut Rest, name: &str, columns: &Columns<'_>) -> Result<Rest, StoreError> {
    match members.remove(name) {
        None => Ok(Rest::new()),
        Some(Value::Object(inner)) => Ok(inner),
        Some(_) => Err(columns.wrong("object in its body")),
    }
}
