use super::*;
use crate::scope::Scope;

struct Record {
    id: RecordId,
    salt: Salt,
    live: bool,
}

impl Anchor<Access> for Record {
    fn record(&self) -> RecordId {
        self.id
    }

    fn salt_for(&self, serial: u64) -> Option<&Salt> {
        (serial > 0).then_some(&self.salt)
    }

    fn admits(&self, _: Timestamp) -> bool {
        self.live
    }
}

fn anchor() -> Record {
    Record { id: record(), salt: salt(), live: true }
}

fn opened(texts: &[&str]) -> Opened<Access> {
    let token = keyring().seal::<Access>(&reference(&salt()));
    keyring().open(&weakened(token.reveal(), texts), NOW).unwrap()
}

fn authorize(texts: &[&str], request: &Presented<'_>) -> Result<Authority<Access>, Refusal> {
    opened(texts).authorize(&anchor(), request)
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

#[test]
fn the_record_has_the_last_word() {
    let request = Presented::at(NOW);
    let with = |anchor: Record| opened(&[]).authorize(&anchor, &request).map(|authority| authority.record());
    assert_eq!(with(anchor()), Ok(record()));
    assert_eq!(with(Record { id: RecordId::new(NOW, [3; 10]), ..anchor() }), Err(Refusal::OtherRecord));
    assert_eq!(with(Record { salt: Salt::from_bytes([1; 16]), ..anchor() }), Err(Refusal::Disproved));
    assert_eq!(with(Record { live: false, ..anchor() }), Err(Refusal::NotLive));
    let salt = salt();
    let token = keyring().seal::<Access>(&Reference { serial: 0, ..reference(&salt) });
    let opened = keyring().open::<Access>(token.reveal(), NOW).unwrap();
    assert_eq!(opened.authorize(&anchor(), &request).unwrap_err(), Refusal::Disproved);
}

#[test]
fn an_expired_token_opened_all_the_same_authorizes_nothing() {
    let token = keyring().seal::<Access>(&reference(&salt()));
    let opened = keyring().open_even_expired::<Access>(token.reveal(), later(300)).unwrap();
    assert_eq!(opened.authorize(&anchor(), &Presented::at(later(300))).unwrap_err(), Refusal::Expired);
}

#[test]
fn a_caveat_without_its_context_is_unmet() {
    let print = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    for (text, kind) in [
        ("scope = a".to_owned(), CaveatKind::Scope),
        ("aud = https://api.example".to_owned(), CaveatKind::Audience),
        ("method = GET".to_owned(), CaveatKind::Method),
        ("path = /v1".to_owned(), CaveatKind::Path),
        (format!("cnf.jkt = {print}"), CaveatKind::Key),
        (format!("cnf.x5t#S256 = {print}"), CaveatKind::Certificate),
    ] {
        assert_eq!(authorize(&[&text], &Presented::at(NOW)).unwrap_err(), Refusal::Unmet(kind));
        let folded = authorize(&[&text], &Presented::folding(NOW)).map(|_| ());
        assert_eq!(folded, if kind.is_contextual() { Err(Refusal::Unmet(kind)) } else { Ok(()) });
        let all = [CaveatKind::STANDARD, &[CaveatKind::Method, CaveatKind::Path]].concat();
        assert!(authorize(&[&text], &Presented { left_to_reader: &all, ..Presented::at(NOW) }).is_ok());
    }
}

#[test]
fn a_caveat_holds_for_what_it_names_and_nothing_else() {
    let print = Thumbprint::from_bytes([1; 32]);
    let other = Thumbprint::from_bytes([2; 32]);
    let (a, ab, none) = (scope("a"), scope("a b"), scope(""));
    let at = Presented::at(NOW);
    let jkt = format!("cnf.jkt = {print}");
    let x5t = format!("cnf.x5t#S256 = {print}");
    for (text, met, unmet) in [
        ("scope = a", Presented { scope: Some(&a), ..at }, Presented { scope: Some(&ab), ..at }),
        ("scope = ", Presented { scope: Some(&none), ..at }, Presented { scope: Some(&a), ..at }),
        ("aud = x y", Presented { audience: Some("y"), ..at }, Presented { audience: Some("z"), ..at }),
        ("method = GET", Presented { method: Some("GET"), ..at }, Presented { method: Some("get"), ..at }),
        ("path = /v1", Presented { path: Some("/v1/x"), ..at }, Presented { path: Some("/v1x"), ..at }),
        (&jkt, Presented { jkt: Some(&print), ..at }, Presented { jkt: Some(&other), ..at }),
        (&x5t, Presented { certificate: Some(&print), ..at }, Presented { jkt: Some(&print), ..at }),
    ] {
        assert!(authorize(&[text], &met).is_ok(), "{text}");
        assert!(matches!(authorize(&[text], &unmet), Err(Refusal::Unmet(_))), "{text}");
    }
    for text in ["aud = ", "method = "] {
        let request = Presented { audience: Some(""), method: Some(""), ..at };
        assert!(authorize(&[text], &request).is_err(), "{text}");
    }
}

#[test]
fn all_caveats_of_a_kind_must_hold() {
    let granted = scope("a b c");
    let list = caveats(&["scope = a b", "scope = b c", "before = 1795000100", "before = 1795000050"]);
    assert_eq!(list.scope(&granted), scope("b"));
    assert_eq!(list.expires_at(), Some(Timestamp::from_seconds(1_795_000_050)));
    assert_eq!(caveats(&["scope = "]).scope(&granted), scope(""));
    assert_eq!(caveats(&[]).scope(&granted), granted);
    let audiences = ["x", "y", "z"];
    assert_eq!(caveats(&["aud = x y", "aud = y z"]).audience(&audiences), ["y"]);
    assert!(caveats(&["aud = "]).audience(&audiences).is_empty());
    let (a, b) = (scope("a"), scope("b"));
    let needs =
        |scope| authorize(&["scope = a b", "scope = b c"], &Presented { scope: Some(scope), ..Presented::at(NOW) });
    assert!(needs(&a).is_err() && needs(&b).is_ok());
}

#[test]
fn a_time_caveat_ends_a_token_sooner_and_never_later() {
    let seconds = NOW.seconds();
    let request = |millis| Presented::folding(Timestamp::from_millis(millis));
    let text = format!("before = {}", seconds + 5);
    assert!(authorize(&[&text], &request((seconds + 5) * 1000 - 1)).is_ok());
    assert_eq!(authorize(&[&text], &request((seconds + 5) * 1000)).unwrap_err(), Refusal::Unmet(CaveatKind::Before));
    let sooner = authorize(&[&text], &request(NOW.millis())).unwrap();
    assert_eq!(sooner.expires_at(), Some(Timestamp::from_seconds(seconds + 5)));
    let later_caveat = authorize(&["before = 1999999999"], &request(NOW.millis())).unwrap();
    assert_eq!(later_caveat.expires_at(), Some(later(300)));
}

#[test]
fn a_token_bound_to_two_keys_is_nobodys() {
    let (one, two) = (Thumbprint::from_bytes([1; 32]), Thumbprint::from_bytes([2; 32]));
    let (one_text, two_text) = (format!("cnf.jkt = {one}"), format!("cnf.jkt = {two}"));
    assert_eq!(caveats(&[]).jkt(), Ok(None));
    assert_eq!(caveats(&[&one_text, &one_text]).jkt(), Ok(Some(one)));
    assert_eq!(caveats(&[&one_text, &two_text]).jkt(), Err(Refusal::Unmet(CaveatKind::Key)));
    for request in [Presented::folding(NOW), Presented { jkt: Some(&one), ..Presented::at(NOW) }] {
        assert_eq!(authorize(&[&one_text, &two_text], &request).unwrap_err(), Refusal::Unmet(CaveatKind::Key));
    }
}

#[test]
fn contextual_lists_what_no_standard_member_expresses() {
    let list = caveats(&["scope = a", "path = /v1", "method = GET", "path = /v1/x"]);
    assert_eq!(list.contextual().into_iter().collect::<Vec<_>>(), [CaveatKind::Method, CaveatKind::Path]);
    assert!(caveats(&["scope = a", "before = 1"]).contextual().is_empty());
}

#[test]
fn what_was_weakened_from_a_revoked_token_dies_with_it() {
    let root = opened(&[]);
    let weaker = opened(&["scope = a"]);
    let weakest = opened(&["scope = a", "path = /v1"]);
    let sibling = opened(&["scope = b"]);
    let revoked = weaker.digest();
    assert!(weakest.ancestor_digests().contains(&revoked) && weaker.ancestor_digests().contains(&revoked));
    assert!(!root.ancestor_digests().contains(&revoked) && !sibling.ancestor_digests().contains(&revoked));
    assert_eq!(weakest.ancestor_digests(), [root.digest(), weaker.digest(), weakest.digest()]);
}

#[test]
fn the_digest_is_of_the_last_signature() {
    let token = keyring().seal::<Access>(&reference(&salt()));
    let bytes = super::super::macaroon::decode(token.reveal().strip_prefix("fm_at_").unwrap()).unwrap();
    let hash = crate::digest::sha256(&bytes[bytes.len() - 32..]);
    assert_eq!(opened(&[]).digest().0, hash[..16]);
}

#[test]
fn caveats_survive_a_record_body() {
    let list = caveats(&["scope = a", "path = /v1"]);
    let json = serde_json::to_string(&list).unwrap();
    assert_eq!(json, r#"["scope = a","path = /v1"]"#);
    assert_eq!(serde_json::from_str::<Caveats>(&json).unwrap(), list);
    assert!(serde_json::from_str::<Caveats>(r#"["colour = blue"]"#).is_err());
    assert!(serde_json::from_str::<Caveats>(&serde_json::to_string(&["scope = a"; 17]).unwrap()).is_err());
}
