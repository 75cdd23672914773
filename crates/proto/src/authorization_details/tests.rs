use serde_json::json;

use super::*;

fn types() -> DetailTypes {
    serde_json::from_value(json!({
        "payment": {
            "title": "Make a payment",
            "actions": ["initiate", "status", "cancel"],
            "locations": ["https://bank.example/payments"],
            "properties": {
                "amount": {
                    "type": "object",
                    "title": "Amount",
                    "properties": {
                        "currency": {"type": "string", "enum": ["EUR", "USD"]},
                        "value": {"type": "string", "maxLength": 12},
                    },
                    "required": ["currency", "value"],
                },
                "items": {"type": "array", "maxLength": 2, "items": {"type": "integer"}},
                "urgent": {"type": "boolean"},
            },
            "required": ["actions", "amount"],
        },
        "files": {"actions": ["read"], "locations": ["*"], "datatypes": ["text"], "privileges": ["own"], "identifier": true},
    }))
    .unwrap()
}

fn payment() -> Value {
    json!({"type": "payment", "actions": ["initiate"], "amount": {"currency": "EUR", "value": "12.50"}})
}

fn with(mut detail: Value, name: &str, value: Value) -> Value {
    detail[name] = value;
    detail
}

fn parse(text: &str) -> Result<Details, Denied> {
    Details::parse(text, &types(), &["payment".to_owned(), "files".to_owned()])
}

fn details(value: &Value) -> Details {
    parse(&value.to_string()).unwrap()
}

// RFC 9396 §2, §2.2.
#[test]
fn a_list_of_objects_of_known_types_is_taken() {
    let files = json!({
        "type": "files", "actions": ["read"], "locations": ["https://any.example/"], "datatypes": ["text"],
        "privileges": ["own"], "identifier": "7",
    });
    let both = json!([with(payment(), "items", json!([1, 2])), files]);
    assert_eq!(details(&both).to_value(), both);
}

// RFC 9396 §5.
#[test]
fn an_unknown_type_field_or_value_and_a_missing_field_are_refused() {
    for detail in [
        json!({}),
        json!({"type": 1}),
        json!({"type": "unknown"}),
        json!("payment"),
        json!({"type": "payment"}),
        with(payment(), "actions", json!(["refund"])),
        with(payment(), "actions", json!("initiate")),
        with(payment(), "actions", json!([])),
        with(payment(), "actions", json!([1])),
        with(payment(), "locations", json!(["https://other.example"])),
        with(payment(), "datatypes", json!(["text"])),
        with(payment(), "identifier", json!("7")),
        with(payment(), "other", json!(1)),
        with(payment(), "urgent", json!("yes")),
        with(payment(), "items", json!([1, 2, 3])),
        with(payment(), "items", json!([1, "2"])),
        with(payment(), "items", json!([0.5])),
        with(payment(), "amount", json!("12 EUR")),
        with(payment(), "amount", json!({"currency": "EUR"})),
        with(payment(), "amount", json!({"currency": "GBP", "value": "1"})),
        with(payment(), "amount", json!({"currency": "EUR", "value": "1234567890123"})),
        with(payment(), "amount", json!({"currency": "EUR", "value": "1", "to": "me"})),
    ] {
        let denied = parse(&json!([detail]).to_string()).unwrap_err();
        assert_eq!(denied.code.as_str(), "invalid_authorization_details", "{detail}");
        assert!(denied.text.starts_with("authorization_details: "), "{detail}");
    }
    assert!(Details::parse(&json!([payment()]).to_string(), &types(), &["files".to_owned()]).is_err());
    assert!(Details::parse(&json!([payment()]).to_string(), &DetailTypes::default(), &["payment".to_owned()]).is_err());
}

#[test]
fn what_is_no_list_or_too_much_is_refused() {
    let twice = r#"[{"type":"files","type":"payment","actions":["read"]}]"#;
    let (long, many) = (format!("[{}]", " ".repeat(9000)), json!(vec![payment(); 33]).to_string());
    for text in ["", "x", "{}", "[]", "null", "[[]]", "[1]", r#"{"type":"files"}"#, "[{}]x", twice, &long, &many] {
        assert!(parse(text).is_err(), "{text}");
    }
}

// RFC 9396 §6.1.
#[test]
fn narrower_details_are_within_and_wider_ones_are_not() {
    let granted = details(
        &json!([with(payment(), "actions", json!(["initiate", "status"])), {"type": "files", "actions": ["read"]}]),
    );
    for (asked, within) in [
        (json!([payment()]), true),
        (json!([{"type": "files", "actions": ["read"]}]), true),
        (json!([{"type": "files", "actions": ["read"], "identifier": "7", "locations": ["https://a.example"]}]), true),
        (json!([payment(), payment()]), true),
        (json!([with(payment(), "actions", json!(["cancel"]))]), false),
        (json!([with(payment(), "actions", json!(["initiate", "cancel"]))]), false),
        (json!([with(payment(), "amount", json!({"currency": "EUR", "value": "99.00"}))]), false),
        (json!([with(payment(), "urgent", json!(true))]), false),
        (json!([{"type": "files"}]), false),
    ] {
        assert_eq!(details(&asked).are_within(&granted), within, "{asked}");
    }
    assert!(granted.are_within(&granted));
    assert!(!granted.are_within(&details(&json!([payment()]))));
}

#[test]
fn everything_that_is_asked_for_is_told_to_the_person() {
    let asked = with(with(payment(), "items", json!([1, 2])), "urgent", json!(true));
    let described = details(&json!([asked])).describe(&types());
    let [only] = described.as_slice() else { panic!() };
    assert_eq!(only.title, "Make a payment");
    let facts: Vec<_> = only.facts.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    assert_eq!(
        facts,
        ["actions = initiate", "Amount: currency = EUR", "Amount: value = 12.50", "items = 1, 2", "urgent = true"]
    );
    let unnamed = details(&json!([{"type": "files", "actions": ["read"]}])).describe(&types());
    assert_eq!(unnamed.first().map(|detail| detail.title.as_str()), Some("files"));
}

#[test]
fn a_registry_with_an_unknown_word_is_refused() {
    for types in [
        json!({"a": {"action": ["x"]}}),
        json!({"a": {"properties": {"b": {"type": "text"}}}}),
        json!({"a": {"properties": {"b": {}}}}),
        json!({"a": {"properties": {"b": {"type": "string", "pattern": ".*"}}}}),
    ] {
        assert!(serde_json::from_value::<DetailTypes>(types.clone()).is_err(), "{types}");
    }
}
