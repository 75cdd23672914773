use super::super::macaroon::{self, Macaroon};
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

fn access() -> (Keyring, String) {
    let keyring = keyring();
    let token = keyring.seal::<Access>(&reference(&salt())).reveal().to_owned();
    (keyring, token)
}

fn decoded(token: &str) -> Vec<u8> {
    macaroon::decode(token.strip_prefix(Access::PREFIX).unwrap()).unwrap()
}

fn encoded(bytes: &[u8]) -> String {
    format!("{}{}", Access::PREFIX, URL_SAFE_NO_PAD.encode(bytes))
}

fn refused(keyring: &Keyring, token: &str) -> Unsealed {
    keyring.open::<Access>(token, NOW).unwrap_err()
}

#[test]
fn what_was_sealed_opens_to_the_same_reference() {
    let (keyring, token) = access();
    assert_eq!(token.len(), 168);
    let opened = keyring.open::<Access>(&token, NOW).unwrap();
    assert_eq!((opened.record(), opened.serial()), (record(), 0x0102_0304_0506_0708));
    assert_eq!((opened.issued_at(), opened.expires_at()), (NOW, Some(later(300))));
    assert_eq!(opened.key_number(), 7);
    assert!(opened.caveats().is_empty() && opened.proves(&salt()));
    assert!(!opened.proves(&Salt::from_bytes([6; 16])));
}

// RFC 6749 §1.3.1, §1.4, §1.5, RFC 7592 §3, RFC 8628 §3.2, RFC 9126 §2.2.
#[test]
fn every_kind_opens_as_itself_and_as_no_other() {
    fn as_itself<K: Kind>(tokens: &mut Vec<(&'static str, String)>) {
        let token = keyring().seal::<K>(&reference(&salt())).reveal().to_owned();
        assert!(token.starts_with(K::PREFIX) && keyring().open::<K>(&token, NOW).is_ok());
        tokens.push((K::PREFIX, token));
    }
    fn as_no_other<K: Kind>(tokens: &[(&str, String)]) {
        for (prefix, token) in tokens.iter().filter(|(prefix, _)| *prefix != K::PREFIX) {
            assert_eq!(keyring().open::<K>(token, NOW).unwrap_err(), Unsealed::Foreign);
            // Nor with the prefix changed.
            let renamed = token.replacen(prefix, K::PREFIX, 1);
            assert_eq!(keyring().open::<K>(&renamed, NOW).unwrap_err(), Unsealed::Foreign, "{prefix} {}", K::PREFIX);
        }
    }
    macro_rules! each {
        ($($kind:ident)*) => {{
            let mut tokens = Vec::new();
            $(as_itself::<$kind>(&mut tokens);)*
            $(as_no_other::<$kind>(&tokens);)*
        }};
    }
    each!(Access Refresh Code Session ApiKey Registration Device RequestUri);
}

#[test]
fn every_changed_bit_is_refused() {
    let (keyring, token) = access();
    let token = weakened(&token, &["scope = books.read"]);
    assert!(keyring.open::<Access>(&token, NOW).is_ok());
    let bytes = decoded(&token);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let refusal = refused(&keyring, &encoded(&changed));
            // The key number is in clear: changed, it names a key that is not there.
            let number = (4..8).contains(&at);
            assert_eq!(matches!(refusal, Unsealed::UnknownKey(_)), number, "byte {at} bit {bit}");
        }
    }
    for at in 0..token.len() {
        for byte in [b'A', b'_', b'=', b' ', b'+'] {
            let mut changed = token.clone().into_bytes();
            if changed[at] != byte {
                changed[at] = byte;
                refused(&keyring, &String::from_utf8(changed).unwrap());
            }
        }
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let (keyring, token) = access();
    for end in 0..token.len() {
        assert_eq!(refused(&keyring, &token[..end]), Unsealed::Foreign, "{end}");
        assert_eq!(refused(&keyring, &token[end + 1..]), Unsealed::Foreign, "{end}");
    }
    let bytes = decoded(&token);
    for end in 0..bytes.len() {
        assert_eq!(refused(&keyring, &encoded(&bytes[..end])), Unsealed::Foreign, "{end}");
    }
    for tail in ["=", "A", "AA", "AAAA", "\n", " ", ".x"] {
        assert_eq!(refused(&keyring, &format!("{token}{tail}")), Unsealed::Foreign, "{tail:?}");
    }
    assert_eq!(refused(&keyring, &format!("fm_at_{token}")), Unsealed::Foreign);
    assert_eq!(refused(&keyring, &token.to_uppercase()), Unsealed::Foreign);
}

#[test]
fn other_base64_of_the_same_bytes_is_refused() {
    // 121 bytes leave four bits of the last character free.
    let (keyring, token) = access();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *token.as_bytes().last().unwrap();
    let spelled = |other: u8| format!("{}{}", &token[..token.len() - 1], char::from(other));
    let opens = |other: &u8| keyring.open::<Access>(&spelled(*other), NOW).is_ok();
    assert_eq!(alphabet.iter().copied().filter(opens).collect::<Vec<_>>(), [last]);
    refused(&keyring, &format!("{token}=="));
    refused(&keyring, &token.replace('-', "+").replace('_', "/"));
}

#[test]
fn another_issuer_deployment_or_key_opens_nothing() {
    let (_, token) = access();
    for realm in [
        Realm { issuer: "https://id.example/", ..REALM },
        Realm { deployment: [8; 16], ..REALM },
        // The same keys, but the number inside the seal is another issuer's.
        Realm { number: IssuerNumber(4), ..REALM },
    ] {
        let other = Keyring::new([key(7, 1, KeyUse::Current)], &realm).unwrap();
        assert_eq!(refused(&other, &token), Unsealed::Foreign, "{realm:?}");
    }
    let other = Keyring::new([key(7, 2, KeyUse::Current)], &REALM).unwrap();
    assert_eq!(refused(&other, &token), Unsealed::Foreign);
    let unknown = Keyring::new([key(8, 1, KeyUse::Current)], &REALM).unwrap();
    assert_eq!(refused(&unknown, &token), Unsealed::UnknownKey(7));
}

#[test]
fn a_key_opens_while_it_may() {
    let (_, token) = access();
    let with = |usage| Keyring::new([key(7, 1, usage), key(8, 2, KeyUse::Current)], &REALM).unwrap();
    assert!(with(KeyUse::Next).open::<Access>(&token, NOW).is_ok());
    assert!(with(KeyUse::Retired { until: later(1) }).open::<Access>(&token, NOW).is_ok());
    assert_eq!(refused(&with(KeyUse::Retired { until: NOW }), &token), Unsealed::Foreign);
    assert_eq!(refused(&with(KeyUse::Revoked), &token), Unsealed::Foreign);
    assert!(with(KeyUse::Revoked).seal_with::<Access>(7, &reference(&salt()), NOW).is_none());
    assert!(with(KeyUse::Next).seal_with::<Access>(9, &reference(&salt()), NOW).is_none());
}

#[test]
fn the_same_reference_gives_the_same_token() {
    let (first, token) = access();
    assert_eq!(first.seal::<Access>(&reference(&salt())), first.seal::<Access>(&reference(&salt())));
    let rotated = [key(7, 1, KeyUse::Retired { until: later(60) }), key(8, 2, KeyUse::Current)];
    let rotated = Keyring::new(rotated, &REALM).unwrap();
    assert_eq!(rotated.current_number(), 8);
    assert_ne!(rotated.seal::<Access>(&reference(&salt())).reveal(), token);
    assert_eq!(rotated.seal_with::<Access>(7, &reference(&salt()), NOW).unwrap().reveal(), token);
    let bound = caveats(&["scope = a"]);
    let again = rotated.seal_bound_with::<Access>(7, &reference(&salt()), &bound, NOW).unwrap();
    assert_eq!(again, first.seal_bound::<Access>(&reference(&salt()), &bound));
    assert_eq!(again.reveal(), weakened(&token, &["scope = a"]));
}

#[test]
fn a_seal_ends_at_its_expiry() {
    let (keyring, token) = access();
    assert!(keyring.open::<Access>(&token, later(299)).is_ok());
    assert_eq!(keyring.open::<Access>(&token, later(300)).unwrap_err(), Unsealed::Expired);
    assert!(keyring.open_even_expired::<Access>(&token, later(300)).unwrap().has_expired(later(300)));
    let salt = salt();
    let open_end = keyring.seal::<Refresh>(&Reference { expires_at: None, ..reference(&salt) });
    assert_eq!(keyring.open::<Refresh>(open_end.reveal(), Timestamp::NEVER).unwrap().expires_at(), None);
    // Zero is how "the record decides" is written, so an expiry of zero must not become one that never ends.
    let epoch = Reference { expires_at: Some(Timestamp::from_millis(0)), ..reference(&salt) };
    let epoch = keyring.seal::<Access>(&epoch);
    assert_eq!(keyring.open::<Access>(epoch.reveal(), NOW).unwrap_err(), Unsealed::Expired);
}

#[test]
fn a_caveat_on_a_kind_that_takes_none_is_refused() {
    let keyring = keyring();
    let token = keyring.seal::<Refresh>(&reference(&salt()));
    assert_eq!(attenuate(token.reveal(), &caveat("scope = a")), Err(NotWeakened::OtherKind));
    // By hand, as a stranger's library would.
    let bytes = macaroon::decode(token.reveal().strip_prefix(Refresh::PREFIX).unwrap()).unwrap();
    let mut parts = Macaroon::parse(&bytes).unwrap();
    parts.signature = macaroon::weaken(&parts.signature, b"scope = a");
    parts.caveats.push(b"scope = a");
    let weaker = parts.to_text(Refresh::PREFIX);
    assert_eq!(keyring.open::<Refresh>(&weaker, NOW).unwrap_err(), Unsealed::Foreign);
}

#[test]
fn an_unknown_caveat_refuses_the_token() {
    let (keyring, token) = access();
    for text in ["colour = blue", "scope = b a", "scope=a", "", "\u{e9}"] {
        let bytes = decoded(&token);
        let mut parts = Macaroon::parse(&bytes).unwrap();
        parts.signature = macaroon::weaken(&parts.signature, text.as_bytes());
        parts.caveats.push(text.as_bytes());
        assert_eq!(refused(&keyring, &parts.to_text(Access::PREFIX)), Unsealed::Foreign, "{text:?}");
    }
}

#[test]
fn caveats_cannot_be_taken_off_or_reordered() {
    let (keyring, token) = access();
    let bytes = decoded(&weakened(&token, &["scope = a", "before = 1790000000"]));
    let parts = Macaroon::parse(&bytes).unwrap();
    let orders: [&[usize]; 4] = [&[], &[0], &[1], &[1, 0]];
    for order in orders {
        let caveats = order.iter().map(|at| parts.caveats[*at]).collect();
        let forged = Macaroon { identifier: parts.identifier, caveats, signature: parts.signature };
        assert_eq!(refused(&keyring, &forged.to_text(Access::PREFIX)), Unsealed::Foreign, "{order:?}");
    }
}

#[test]
fn a_token_is_full_at_16_caveats_or_1_kib() {
    let (keyring, token) = access();
    let full = (0..16).fold(token.clone(), |token, n| attenuate(&token, &caveat(&format!("before = {n}"))).unwrap());
    assert!(keyring.open::<Access>(&full, NOW).is_ok());
    assert_eq!(attenuate(&full, &caveat("before = 1")), Err(NotWeakened::Full));
    let longest = format!("scope = {}", "a".repeat(1024 - 8));
    assert!(keyring.open::<Access>(&weakened(&token, &[&longest]), NOW).is_ok());
    assert_eq!(attenuate(&token, &caveat(&format!("{longest}a"))), Err(NotWeakened::Full));
    assert!(Caveats::new(vec![caveat("scope = a"); 17]).is_err());
}

#[test]
fn a_keyring_has_one_current_key_and_distinct_numbers() {
    let make = |keys: [SealKey; 2]| Keyring::new(keys, &REALM).unwrap_err();
    assert_eq!(make([key(1, 1, KeyUse::Next), key(2, 2, KeyUse::Revoked)]), KeyringError::NoCurrent);
    assert_eq!(make([key(1, 1, KeyUse::Current), key(2, 2, KeyUse::Current)]), KeyringError::SeveralCurrent);
    assert_eq!(make([key(1, 1, KeyUse::Current), key(1, 2, KeyUse::Next)]), KeyringError::SameNumber(1));
}

// RFC 8452 §9.
#[test]
fn a_token_shows_nothing_of_what_it_refers_to() {
    // Two tokens of one record differ everywhere but in version, key number and framing.
    let keyring = keyring();
    let salt = salt();
    let bytes = |serial| decoded(keyring.seal::<Access>(&Reference { serial, ..reference(&salt) }).reveal());
    let (one, two) = (bytes(1), bytes(2));
    let same = one[8..85].iter().zip(&two[8..85]).filter(|(a, b)| a == b).count();
    assert!(same < 8, "{same} of 77 encrypted bytes agree");
    assert_eq!(one[..8], two[..8]);
}

#[test]
fn nothing_secret_is_printed() {
    let (keyring, token) = access();
    let sealed = keyring.seal::<Access>(&reference(&salt()));
    assert_eq!(format!("{sealed:?} {:?}", salt()), "Sealed(..) Salt(..)");
    assert!(!format!("{:?}", keyring.open::<Access>(&token, NOW)).contains("fm_at_"));
    assert_eq!(format!("{keyring:?}"), "Keyring(issuer 3, current key 7)");
    assert_eq!(Unsealed::UnknownKey(7).to_string(), Unsealed::Foreign.to_string());
}
