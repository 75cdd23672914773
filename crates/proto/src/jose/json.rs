use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Refused;

/// Reads one JSON object in which no object, at any depth, has a member twice (RFC 7515 §4, RFC 7519 §4: whoever takes the
/// first of two and whoever takes the last read two different tokens).
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Refused> {
    match value(bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err(Refused::Json),
    }
}

/// The same for one JSON list.
pub fn list(bytes: &[u8]) -> Result<Vec<Value>, Refused> {
    match value(bytes)? {
        Value::Array(items) => Ok(items),
        _ => Err(Refused::Json),
    }
}

fn value(bytes: &[u8]) -> Result<Value, Refused> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut json).map_err(|_| Refused::Json)?;
    json.end().map_err(|_| Refused::Json)?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON whose objects have each member once")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom("a member is there twice"));
            }
            let value = entries.next_value_seed(Strict)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7515 §4, RFC 7519 §4.
    #[test]
    fn a_member_that_is_there_twice_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"\u0062":2}]}"#] {
            assert_eq!(object(text.as_bytes()), Err(Refused::Json), "{text}");
        }
        assert!(object(br#"{"a":{"b":1},"c":{"b":2}}"#).is_ok());
    }

    #[test]
    fn only_one_whole_object_is_read() {
        for text in ["", "[]", "1", "null", "{}{}", "{} x", "{", r#"{"a":1e999}"#, "\u{feff}{}"] {
            assert_eq!(object(text.as_bytes()), Err(Refused::Json), "{text}");
        }
        let deep = format!("{}{}", r#"{"a":"#.repeat(1000), "1".to_owned() + &"}".repeat(1000));
        assert_eq!(object(deep.as_bytes()), Err(Refused::Json));
        assert_eq!(object(b" {\"a\": [1, -2, 0.5, \"x\", null, true]}\n").unwrap().len(), 1);
    }
}
