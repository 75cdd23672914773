//! Just enough HTML to press a button: the form around it, its hidden fields, and where it goes.

/// What pressing the button with this id sends, or None when the page has no such button.
pub(crate) struct Press {
    /// As written: absolute, relative, or empty for the page's own address.
    pub(crate) action: String,
    /// Hidden fields and the button's own value.
    pub(crate) fields: Vec<(String, String)>,
}

pub(crate) fn press(html: &str, button: &str) -> Option<Press> {
    let tags: Vec<Tag<'_>> = tags(html).collect();
    let at = tags.iter().position(|tag| tag.attribute("id").as_deref() == Some(button))?;
    let start = tags[..at].iter().rposition(|tag| tag.name == "form")?;
    let end = at + tags[at..].iter().position(|tag| tag.name == "/form")?;
    let mut fields: Vec<_> = tags[start..end]
        .iter()
        .filter(|tag| tag.name == "input" && tag.attribute("type").as_deref() == Some("hidden"))
        .filter_map(|tag| Some((tag.attribute("name")?, tag.attribute("value").unwrap_or_default())))
        .collect();
    if let Some(name) = tags[at].attribute("name") {
        fields.push((name, tags[at].attribute("value").unwrap_or_default()));
    }
    let action = tags[at].attribute("formaction").or_else(|| tags[start].attribute("action")).unwrap_or_default();
    Some(Press { action, fields })
}

/// The name of the field with this id.
pub(crate) fn field_name(html: &str, id: &str) -> Option<String> {
    tags(html).find(|tag| tag.attribute("id").as_deref() == Some(id))?.attribute("name")
}

pub(crate) fn has(html: &str, id: &str) -> bool {
    tags(html).any(|tag| tag.attribute("id").as_deref() == Some(id))
}

struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
}

impl Tag<'_> {
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start();
            let length = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
            let (name, after) = rest.split_at(length);
            if name.is_empty() {
                return None;
            }
            let (value, after) = match after.strip_prefix('=') {
                Some(value) => match value.strip_prefix('"') {
                    Some(quoted) => quoted.split_once('"')?,
                    None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
                },
                None => ("", after),
            };
            if name == wanted {
                return Some(unescape(value));
            }
            rest = after;
        }
    }
}

fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    html.split('<').skip(1).filter_map(|piece| {
        let tag = piece.split_once('>')?.0;
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        Some(Tag { name, attributes })
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = entity.split_once(';').expect("an entity ends");
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            _ => {
                let code = name.strip_prefix('#').unwrap_or_else(|| panic!("unknown entity {name}"));
                let number = code.strip_prefix('x').map_or_else(|| code.parse(), |hex| u32::from_str_radix(hex, 16));
                char::from_u32(number.unwrap()).unwrap()
            }
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[test]
fn a_button_sends_the_hidden_fields_of_its_form_and_its_own_value() {
    let html = r#"<form action="/a"><input type="hidden" name="x" value="1"></form>
        <form id="f" method="post" action="/b?x=1&amp;y=2"><input type="hidden" name="csrf" value="&#34;&#x2F;">
        <input id="u" required name=user><button id="ok" name="decision" value="allow">Go</button></form>"#;
    let press = press(html, "ok").unwrap();
    assert_eq!(press.action, "/b?x=1&y=2");
    assert_eq!(press.fields, [("csrf".into(), "\"/".into()), ("decision".into(), "allow".into())]);
    assert_eq!(field_name(html, "u").as_deref(), Some("user"));
}
