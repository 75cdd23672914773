//! Statements with their values written into them, so that many of them are one text and one round trip.
//!
//! No value is ever quoted: bytes and text are hexadecimal, so that no value can end its literal.

use crate::value::Value;

/// Appends a statement whose question marks are placeholders.
pub(super) fn render(text: &mut String, statement: &str, values: &[Value]) {
    let mut values = values.iter();
    for (place, part) in statement.split('?').enumerate() {
        if place > 0 {
            // One value too few is a syntax error at the server, and not somebody else's value.
            match values.next() {
                Some(value) => literal(text, value),
                None => text.push('?'),
            }
        }
        text.push_str(part);
    }
}

/// Appends a value.
pub(super) fn literal(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("NULL"),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Key(key) => bytes(text, "x'", key),
        Value::Bytes(data) => bytes(text, "x'", data),
        Value::Text(data) => bytes(text, "_utf8mb4 x'", data.as_bytes()),
    }
}

fn bytes(text: &mut String, begin: &str, data: &[u8]) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    text.push_str(begin);
    text.extend(data.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_end_its_literal() {
        let values = [
            Value::Null,
            Value::Int(i64::MIN),
            Value::Key([0xa0; 16]),
            Value::Bytes(vec![]),
            Value::Text("'; DROP TABLE x -- ?\\".to_owned()),
        ];
        let mut text = String::new();
        render(&mut text, "SELECT ?, ?, ?, ?, ? FROM DUAL", &values);
        assert_eq!(
            text,
            "SELECT NULL, -9223372036854775808, x'a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0', x'', \
             _utf8mb4 x'273b2044524f50205441424c452078202d2d203f5c' FROM DUAL"
        );
    }

    #[test]
    fn a_value_too_few_is_not_made_up() {
        let mut text = String::new();
        render(&mut text, "SELECT ?, ?", &[Value::Int(1)]);
        assert_eq!(text, "SELECT 1, ?");
    }
}
