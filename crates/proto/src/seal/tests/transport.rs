use super::*;
use zeroize::Zeroizing;

const NONCE: [u8; 12] = [3; 12];

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes(&Zeroizing::new([byte; 32])).unwrap()
}

fn place() -> Place {
    Place { issuer: IssuerNumber(3), record: record(), number: 7 }
}

#[test]
fn an_envelope_opens_for_its_purpose_and_binding_only() {
    let keyring = keyring();
    let envelope = keyring.seal_envelope("authorize", b"cookie", NONCE, b"client_id=x").unwrap();
    assert_eq!(**keyring.open_envelope("authorize", b"cookie", &envelope, NOW).unwrap(), *b"client_id=x");
    for (purpose, binding) in [("login", &b"cookie"[..]), ("authorize", b"other"), ("authorizec", b"ookie"), ("", b"")]
    {
        let refusal = keyring.open_envelope(purpose, binding, &envelope, NOW);
        assert_eq!(refusal.unwrap_err(), Unsealed::Foreign, "{purpose}");
    }
    let other = Keyring::new([key(7, 1, KeyUse::Current)], &Realm { deployment: [8; 16], ..REALM }).unwrap();
    assert!(other.open_envelope("authorize", b"cookie", &envelope, NOW).is_err());
    let rotated =
        Keyring::new([key(7, 1, KeyUse::Retired { until: later(1) }), key(8, 2, KeyUse::Current)], &REALM).unwrap();
    assert!(rotated.open_envelope("authorize", b"cookie", &envelope, NOW).is_ok());
    assert_eq!(rotated.open_envelope("authorize", b"cookie", &envelope, later(1)).unwrap_err(), Unsealed::Foreign);
    let unknown = Keyring::new([key(8, 1, KeyUse::Current)], &REALM).unwrap();
    assert_eq!(unknown.open_envelope("authorize", b"cookie", &envelope, NOW).unwrap_err(), Unsealed::UnknownKey(7));
}

#[test]
fn a_changed_or_cut_envelope_is_refused() {
    let keyring = keyring();
    let envelope = keyring.seal_envelope("authorize", b"cookie", NONCE, b"client_id=x").unwrap();
    for at in 0..envelope.len() {
        let mut changed = envelope.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(keyring.open_envelope("authorize", b"cookie", &changed, NOW).is_err(), "{at}");
        assert!(keyring.open_envelope("authorize", b"cookie", &envelope[..at], NOW).is_err(), "{at}");
    }
    assert!(keyring.open_envelope("authorize", b"cookie", &"A".repeat(1 << 20), NOW).is_err());
}

#[test]
fn a_wrapped_key_unwraps_in_its_place_only() {
    let wrapped = master(1).wrap_key(&place(), NONCE, b"key material").unwrap();
    assert_eq!(**master(1).unwrap_key(&place(), &wrapped).unwrap(), *b"key material");
    for other in [
        Place { issuer: IssuerNumber(4), ..place() },
        Place { record: RecordId::new(NOW, [0; 10]), ..place() },
        Place { number: 8, ..place() },
    ] {
        assert!(master(1).unwrap_key(&other, &wrapped).is_err(), "{other:?}");
    }
    assert!(master(2).unwrap_key(&place(), &wrapped).is_err());
    for end in 0..wrapped.len() {
        assert!(master(1).unwrap_key(&place(), &wrapped[..end]).is_err(), "{end}");
    }
}

#[test]
fn derived_secrets_differ_by_label_and_by_key() {
    assert_eq!(master(1).derive("csrf").unwrap(), master(1).derive("csrf").unwrap());
    assert_ne!(master(1).derive("csrf").unwrap(), master(1).derive("other").unwrap());
    assert_ne!(master(1).derive("csrf").unwrap(), master(2).derive("csrf").unwrap());
    assert_ne!(keyring().derive("csrf").unwrap(), keyring().derive("other").unwrap());
}

#[test]
fn a_salt_survives_a_record_body() {
    let json = serde_json::to_string(&salt()).unwrap();
    assert_eq!(json, r#""BQUFBQUFBQUFBQUFBQUFBQ""#);
    assert_eq!(serde_json::from_str::<Salt>(&json).unwrap(), salt());
    assert!(serde_json::from_str::<Salt>(r#""BQUF""#).is_err());
}
