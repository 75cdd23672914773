//! A value as it was written, before it has a type.

use std::collections::BTreeMap;

use toml::de::DeValue;
use zeroize::Zeroizing;

use super::schema::Kind;
use super::types::Names;

/// A value as written. No `Debug`: it may be a secret.
#[derive(Clone, PartialEq)]
pub(super) enum Raw {
    Text(Zeroizing<String>),
    Whole(i64),
    Flag(bool),
    List(Vec<String>),
    Names(BTreeMap<String, String>),
}

impl Raw {
    /// From a value of the file; `None`: it is of another kind.
    pub(super) fn from_toml(value: &DeValue<'_>, kind: Kind) -> Option<Self> {
        match (kind, value) {
            (Kind::Text | Kind::Secret, DeValue::String(text)) => Some(Self::from(text.as_ref())),
            (Kind::Whole, DeValue::Integer(whole)) => {
                i64::from_str_radix(whole.as_str(), whole.radix()).ok().map(Self::Whole)
            }
            (Kind::Flag, DeValue::Boolean(flag)) => Some(Self::Flag(*flag)),
            (Kind::List, DeValue::Array(items)) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(Self::List),
            _ => None,
        }
    }

    /// From the text of an environment variable or an option; `None`: it cannot be of this kind.
    pub(super) fn from_text(text: &str, kind: Kind) -> Option<Self> {
        match kind {
            Kind::Text | Kind::Secret => Some(Self::from(text)),
            Kind::Whole => text.trim().parse().ok().map(Self::Whole),
            Kind::Flag => text.trim().parse().ok().map(Self::Flag),
            Kind::List if text.trim().is_empty() => Some(Self::List(Vec::new())),
            Kind::List => Some(Self::List(text.split(',').map(|item| item.trim().to_owned()).collect())),
            Kind::Names => None,
        }
    }

    /// As TOML.
    pub(super) fn to_toml(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        match self {
            Self::Text(text) => quoted(text),
            Self::Whole(whole) => whole.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(items) => format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")),
            Self::Names(names) => {
                let pairs: Vec<_> =
                    names.iter().map(|(key, name)| format!("{} = {}", quoted(key), quoted(name))).collect();
                format!("{{ {} }}", pairs.join(", "))
            }
        }
    }

    /// As JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Whole(whole) => (*whole).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::List(items) => items.as_slice().into(),
            Self::Names(names) => names.clone().into_iter().collect(),
        }
    }
}

impl From<&str> for Raw {
    fn from(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.to_owned()))
    }
}

impl From<i64> for Raw {
    fn from(whole: i64) -> Self {
        Self::Whole(whole)
    }
}

impl From<bool> for Raw {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<const N: usize> From<[&str; N]> for Raw {
    fn from(items: [&str; N]) -> Self {
        Self::List(items.map(str::to_owned).to_vec())
    }
}

impl From<Names> for Raw {
    fn from(names: Names) -> Self {
        Self::Names(names.0)
    }
}
