//! The OpenAPI document of the admin API: made of the code that answers.

use serde_json::{Map, Value, json};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

use super::gate::SCHEME;
use super::{PREFIX, api};

/// What may go wrong wherever something is done.
const ALWAYS: &[(&str, &str)] = &[
    ("401", "No good access token: see WWW-Authenticate."),
    ("403", "The token, or the person, may not do this."),
    ("500", "Something broke."),
    ("503", "Something is out of reach now; try again."),
];
const OF_QUERIES: &[(&str, &str)] = &[("400", "What is asked is malformed, or cannot be done: see detail.")];
const OF_BODIES: &[(&str, &str)] = &[
    ("400", "What is asked is malformed, or cannot be done: see detail."),
    ("413", "The body is too large."),
    ("415", "The body is not JSON."),
];
const OF_RECORDS: &[(&str, &str)] = &[("404", "There is no such record.")];
const OF_EDITS: &[(&str, &str)] =
    &[("412", "It was edited since the revision in If-Match."), ("428", "If-Match is missing.")];

/// The document as it is served.
pub fn document() -> Value {
    finished(api().into_openapi())
}

/// What is the same whatever the operations are.
pub(super) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Firman admin API")
        .version("1")
        .description(Some(
            "For operators. Access tokens come from the server itself, with the resource `<issuer>/admin`; each operation needs the \
             scope that it names. Tokens bound to a key (DPoP) or a certificate are taken as everywhere. Times are Unix seconds.",
        ))
        .build();
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = ComponentsBuilder::new().security_scheme(SCHEME, scheme).build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// With what every operation may answer beside what it was asked for.
pub(super) fn finished(document: OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.insert("Problem".to_owned(), problem());
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                add_problems(path, method, operation);
            }
        }
    }
    document
}

fn add_problems(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let has_body = operation.contains_key("requestBody");
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let in_ = |place: &str| {
        let stands = |parameter: &Value| parameter.get("in").and_then(Value::as_str) == Some(place);
        parameters.is_some_and(|parameters| parameters.iter().any(stands))
    };
    let mut kinds = vec![ALWAYS];
    if has_body {
        kinds.push(OF_BODIES);
    }
    if in_("query") {
        kinds.push(OF_QUERIES);
    }
    if in_("path") {
        kinds.push(OF_RECORDS);
        // What cannot be read as a text is no name.
        kinds.push(OF_QUERIES);
    }
    if in_("header") {
        kinds.push(OF_EDITS);
    }
    debug_assert!(path.starts_with(PREFIX), "{method} {path}");
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, description) in kinds.into_iter().flatten() {
        let content = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        responses.insert((*status).to_owned(), json!({"description": description, "content": content}));
    }
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["title", "status", "detail", "code"],
        "properties": {
            "title": {"type": "string", "description": "What the status means."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What is wrong, for people."},
            "code": {"type": "string", "description": "What is wrong, for programs."},
        },
        "additionalProperties": false,
    })
}
