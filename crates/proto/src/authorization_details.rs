//! What a client asks for beyond scopes, and the types of it that a server knows (RFC 9396).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Denied, ErrorCode};
use crate::jose;

/// The longest `authorization_details`, in bytes: until somebody has signed in, they travel in the address of our pages.
const LONGEST: usize = 4 * 1024;
/// More details than any request of ours has.
const MOST: usize = 32;

/// The types that a server knows, by name (RFC 9396 §5); none: it takes no details.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct DetailTypes(BTreeMap<String, DetailType>);

/// What a detail of one type may say (RFC 9396 §2.2). What is not named here must not be there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetailType {
    /// What it allows, in words for the consent page.
    pub title: Option<String>,
    /// The actions that may be asked for; `*` stands for every text.
    pub actions: Vec<String>,
    /// The locations.
    pub locations: Vec<String>,
    /// The kinds of data.
    pub datatypes: Vec<String>,
    /// The privileges.
    pub privileges: Vec<String>,
    /// Whether one thing may be named by its identifier.
    pub identifier: bool,
    /// The members that are of this type alone.
    pub properties: BTreeMap<String, Member>,
    /// The members that must be there.
    pub required: Vec<String>,
}

/// What a member may be: the words of JSON Schema that are needed to say so.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Member {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it is called on the consent page.
    #[serde(default)]
    pub title: Option<String>,
    /// The values it may have; none said is all.
    #[serde(default, rename = "enum")]
    pub values: Vec<Value>,
    /// The most characters of a text, or items of a list.
    #[serde(default)]
    pub max_length: Option<usize>,
    /// What the items of a list are.
    #[serde(default)]
    pub items: Option<Box<Member>>,
    /// The members of an object.
    #[serde(default)]
    pub properties: BTreeMap<String, Member>,
    /// Those of them that must be there.
    #[serde(default)]
    pub required: Vec<String>,
}

/// The types of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are those of JSON Schema")]
pub enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Object,
    Array,
}

/// Details that were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details(Vec<Map<String, Value>>);

/// One detail as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// What it allows.
    pub title: String,
    /// Names and values.
    pub facts: Vec<(String, String)>,
}

impl DetailTypes {
    /// The names of the types.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is a type of this name.
    pub fn contain(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl Details {
    /// Reads `authorization_details`: a list of objects, each of a type that the client may use, and as that type has it.
    pub fn parse(text: &str, types: &DetailTypes, allowed: &[String]) -> Result<Self, Denied> {
        if text.len() > LONGEST {
            return Err(invalid(&format!("longer than {LONGEST} bytes")));
        }
        // RFC 9396 §2: a JSON array of objects.
        let list = jose::list(text.as_bytes()).map_err(|_| invalid("not a JSON list of objects"))?;
        let details = Self::of_list(list).ok_or_else(|| invalid("not a JSON list of objects"))?;
        if details.0.is_empty() || details.0.len() > MOST {
            return Err(invalid(&format!("one to {MOST} objects")));
        }
        for (place, detail) in details.0.iter().enumerate() {
            // RFC 9396 §2: the type is required, and says what else may be there.
            let name = detail.get("type").and_then(Value::as_str).unwrap_or_default();
            // RFC 9396 §5: an unknown type; to a client that may not use it, every type is unknown.
            let known = types.0.get(name).filter(|_| allowed.iter().any(|known| known == name));
            let known = known.ok_or_else(|| invalid(&format!("{place}: a type that this client may not use")))?;
            known.check(detail).map_err(|wrong| invalid(&format!("{place}: {wrong}")))?;
        }
        Ok(details)
    }

    /// Details that were checked when they were stored or sealed.
    pub fn from_value(value: &Value) -> Option<Self> {
        Self::of_list(value.as_array()?.clone())
    }

    /// Reads what [`Details::to_ascii`] has written, or something like it.
    pub(crate) fn from_json(text: &str) -> Option<Self> {
        Self::of_list(jose::list(text.as_bytes()).ok()?)
    }

    /// As JSON of ASCII characters alone: the members in alphabetical order, everything else escaped.
    pub(crate) fn to_ascii(&self) -> String {
        let text = self.to_value().to_string();
        let mut ascii = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_ascii() && c != '\u{7f}' {
                ascii.push(c);
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
        ascii
    }

    fn of_list(list: Vec<Value>) -> Option<Self> {
        let object = |value| if let Value::Object(members) = value { Some(members) } else { None };
        list.into_iter().map(object).collect::<Option<_>>().map(Self)
    }

    /// As they are stored and answered.
    pub fn to_value(&self) -> Value {
        Value::Array(self.0.iter().cloned().map(Value::Object).collect())
    }

    /// Those of them that are of these types; none if none is.
    pub fn of_types(self, allowed: &[String]) -> Option<Self> {
        let may = |detail: &Map<String, Value>| {
            let name = detail.get("type").and_then(Value::as_str);
            allowed.iter().any(|allowed| name == Some(allowed))
        };
        let left: Vec<_> = self.0.into_iter().filter(may).collect();
        (!left.is_empty()).then_some(Self(left))
    }

    /// Whether each of them is no more than one of `granted` (RFC 9396 §6.1).
    pub fn are_within(&self, granted: &Self) -> bool {
        self.0.iter().all(|asked| granted.0.iter().any(|granted| is_within(asked, granted)))
    }

    /// For the consent page: everything that is asked for, in the words of the types.
    pub fn describe(&self, types: &DetailTypes) -> Vec<Described> {
        self.0.iter().map(|detail| describe(detail, types)).collect()
    }
}

/// The members that are lists of texts in every type (RFC 9396 §2.2).
const LISTS: [&str; 4] = ["actions", "locations", "datatypes", "privileges"];

impl DetailType {
    fn texts(&self, name: &str) -> &[String] {
        match name {
            "actions" => &self.actions,
            "locations" => &self.locations,
            "datatypes" => &self.datatypes,
            "privileges" => &self.privileges,
            _ => &[],
        }
    }

    fn check(&self, detail: &Map<String, Value>) -> Result<(), String> {
        // RFC 9396 §5: what is required is there.
        if let Some(name) = self.required.iter().find(|name| !detail.contains_key(*name)) {
            return Err(format!("{name}: missing"));
        }
        for (name, value) in detail {
            match name.as_str() {
                "type" => {}
                "identifier" if self.identifier && value.is_string() => {}
                list if LISTS.contains(&list) => check_texts(name, value, self.texts(name))?,
                _ => match self.properties.get(name) {
                    Some(member) => member.check(name, value)?,
                    // RFC 9396 §5: fields that the type does not have.
                    None => return Err(format!("{}: not of this type", brief(name))),
                },
            }
        }
        Ok(())
    }
}

fn check_texts(name: &str, value: &Value, allowed: &[String]) -> Result<(), String> {
    let list =
        value.as_array().filter(|list| !list.is_empty()).ok_or_else(|| format!("{name}: not a list of texts"))?;
    let is_known = |text: &str| allowed.iter().any(|known| known == text || known == "*");
    // RFC 9396 §5: values that the type does not have.
    if list.iter().all(|item| item.as_str().is_some_and(is_known)) {
        Ok(())
    } else {
        Err(format!("{name}: a value that this type does not have"))
    }
}

impl Member {
    fn check(&self, name: &str, value: &Value) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{name}: {what}"));
        let fits = match self.kind {
            Kind::String => value.is_string(),
            Kind::Number => value.is_number(),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Boolean => value.is_boolean(),
            Kind::Object => value.is_object(),
            Kind::Array => value.is_array(),
        };
        if !fits {
            return wrong("of another type of JSON");
        }
        if !self.values.is_empty() && !self.values.contains(value) {
            return wrong("a value that this type does not have");
        }
        let length = match value {
            Value::String(text) => text.chars().count(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        if self.max_length.is_some_and(|most| length > most) {
            return wrong("too long");
        }
        match (value, &self.items) {
            (Value::Array(items), Some(of)) => items.iter().try_for_each(|item| of.check(name, item)),
            (Value::Array(items), None) if !items.is_empty() => wrong("a list whose items nobody has described"),
            (Value::Object(members), _) => self.check_members(name, members),
            _ => Ok(()),
        }
    }

    fn check_members(&self, name: &str, members: &Map<String, Value>) -> Result<(), String> {
        if let Some(missing) = self.required.iter().find(|member| !members.contains_key(*member)) {
            return Err(format!("{name}.{missing}: missing"));
        }
        members.iter().try_for_each(|(inner, value)| match self.properties.get(inner) {
            Some(member) => member.check(&format!("{name}.{inner}"), value),
            None => Err(format!("{name}.{}: not of this type", brief(inner))),
        })
    }
}

/// Whatever a granted detail says holds for what is asked too; a list may be shorter, and what it leaves open may be said.
fn is_within(asked: &Map<String, Value>, granted: &Map<String, Value>) -> bool {
    let subset = |asked: &Value, granted: &Value| match (asked.as_array(), granted.as_array()) {
        (Some(asked), Some(granted)) => asked.iter().all(|item| granted.contains(item)),
        _ => false,
    };
    let keeps = granted.iter().all(|(name, value)| match asked.get(name) {
        Some(said) if LISTS.contains(&name.as_str()) => subset(said, value),
        said => said == Some(value),
    });
    let narrows = |name: &&String| LISTS.contains(&name.as_str()) || *name == "identifier";
    keeps && asked.keys().filter(|name| !granted.contains_key(*name)).all(|name| narrows(&name))
}

fn describe(detail: &Map<String, Value>, types: &DetailTypes) -> Described {
    let name = detail.get("type").and_then(Value::as_str).unwrap_or_default();
    let known = types.0.get(name);
    let title = known.and_then(|known| known.title.clone()).unwrap_or_else(|| name.to_owned());
    let mut facts = Vec::new();
    for (name, value) in detail.iter().filter(|(name, _)| *name != "type") {
        let member = known.and_then(|known| known.properties.get(name));
        tell(&mut facts, titled(name, member), value, member);
    }
    Described { title, facts }
}

fn titled<'m>(name: &'m str, member: Option<&'m Member>) -> &'m str {
    member.and_then(|member| member.title.as_deref()).unwrap_or(name)
}

/// One line for each value; the members of an object are lines of their own.
fn tell(facts: &mut Vec<(String, String)>, label: &str, value: &Value, member: Option<&Member>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let of = member.and_then(|member| member.properties.get(name));
                tell(facts, &format!("{label}: {}", titled(name, of)), value, of);
            }
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let texts: Vec<_> = items.iter().map(plain).collect();
            facts.push((label.to_owned(), texts.join(", ")));
        }
        other => facts.push((label.to_owned(), plain(other))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A name fit for an error text.
fn brief(name: &str) -> &str {
    if name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
        name
    } else {
        "a member"
    }
}

/// RFC 9396 §5: invalid_authorization_details.
fn invalid(text: &str) -> Denied {
    Denied::new(ErrorCode::InvalidAuthorizationDetails, format!("authorization_details: {text}"))
}

#[cfg(test)]
mod tests;
