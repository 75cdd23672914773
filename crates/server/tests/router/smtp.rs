//! Mail by SMTP, to servers that speak in every way.

use std::path::PathBuf;

use firman::config::Settings;
use firman::mail::Smtp;
use firman_engine::mail::{About, Mail};
use firman_engine::outbox::{Deliver as _, Letter, Outcome};
use firman_proto::id::RecordId;
use firman_store::record::DeliveryKind;
use zeroize::Zeroizing;

use crate::mailbox::{Mailbox, Speech};
use crate::world::{NOW, World};

fn smtp(port: u16, more: &[(&str, &str)]) -> Result<Smtp, String> {
    let port = port.to_string();
    let usual = [("host", "localhost"), ("port", &*port), ("from", "Example <id@login.example>")];
    let given = usual.iter().chain(more).map(|(key, value)| (format!("smtp.{key}"), (*value).to_owned()));
    let mut given: Vec<_> = given.collect();
    given.push(("outbox.attempt_timeout_ms".to_owned(), "2000".to_owned()));
    given.push(("server.issuer".to_owned(), "https://login.example".to_owned()));
    let given: Vec<_> = given.iter().map(|(key, value)| (&**key, value.clone())).collect();
    let settings = Settings::load(None, std::iter::empty(), &given).map_err(|error| error.to_string())?;
    Smtp::of(&settings).map(|smtp| smtp.expect("a host is set"))
}

/// A letter to somebody, sent in this way.
async fn sent(smtp: &Smtp) -> Outcome {
    let mail = Mail {
        to: "reader@people.example".to_owned(),
        about: About::Reset,
        username: "reader".to_owned(),
        link: "https://login.example/login/reset?token=a-token".to_owned(),
        language: "de".to_owned(),
    };
    let letter = Letter {
        id: RecordId::from_bytes([7; 16]),
        kind: DeliveryKind::Email,
        client: None,
        to: "people.example".to_owned(),
        attempt: 1,
        expires_at: NOW,
        body: Zeroizing::new(serde_json::to_vec(&mail).unwrap()),
    };
    smtp.deliver(&World::new().await.engine, &letter, NOW).await
}

struct Pem {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

fn file(text: &str) -> Pem {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, text).unwrap();
    Pem { _folder: folder, file }
}

// RFC 3834 §5, RFC 8314 §3.3.
#[tokio::test]
async fn mail_goes_by_tls_to_a_server_whose_certificate_is_known() {
    for (speech, tls) in [(Speech::StartTls, "starttls"), (Speech::Tls, "tls")] {
        let mailbox = Mailbox::open(speech);
        let (pem, password) = (file(&mailbox.certificate), file("a secret\n"));
        let (ca, secret) = (pem.file.to_str().unwrap(), password.file.to_str().unwrap());
        let more = [("tls", tls), ("ca_file", ca), ("user", "us"), ("password_file", secret)];
        let with_login = smtp(mailbox.port, &more).unwrap();
        assert_eq!(sent(&with_login).await, Outcome::Done, "{tls}");
        let received = mailbox.next();
        assert!(received.tls);
        assert_eq!(received.to, ["reader@people.example"]);
        assert_eq!(received.login, Some(("us".to_owned(), "a secret".to_owned())));
        for line in ["Auto-Submitted: auto-generated", "From: Example <id@login.example>", "To: reader@people.example"]
        {
            assert!(received.data.lines().any(|said| said == line), "{line}: {}", received.data);
        }
        assert_eq!(
            received.data.matches("Message-ID: <07070707-0707-0707-0707-070707070707@login.example>").count(),
            1
        );
        let strangers = smtp(mailbox.port, &[("tls", tls)]).unwrap();
        assert!(matches!(sent(&strangers).await, Outcome::NoAnswer(_)), "{tls}: nobody knows that certificate");
        assert!(mailbox.is_empty());
    }
}

// RFC 3207 §6.
#[tokio::test]
async fn nothing_is_said_in_clear_text_to_a_server_that_offers_nothing_better() {
    let mailbox = Mailbox::open(Speech::Clear);
    let usual = smtp(mailbox.port, &[]).unwrap();
    assert!(sent(&usual).await != Outcome::Done);
    assert!(mailbox.is_empty());
    let plain = smtp(mailbox.port, &[("tls", "none")]).unwrap();
    assert_eq!(sent(&plain).await, Outcome::Done);
    assert!(!mailbox.next().tls);
    for (key, value, told) in
        [("host", "mail.example", "another machine"), ("from", "", "smtp.from"), ("password_file", "/x", "smtp.user")]
    {
        let wrong = smtp(25, &[("tls", "none"), (key, value)]).err().expect(told);
        assert!(wrong.contains(told), "{wrong}");
    }
}

#[tokio::test]
async fn what_a_mail_server_answers_decides_whether_it_is_tried_again_and_nobody_reads_whose_mail_it_was() {
    for (code, outcome) in [(550, Outcome::GiveUp("answered 550".into())), (451, Outcome::Later("answered 451".into()))]
    {
        let mailbox = Mailbox::open(Speech::Refuses(code));
        assert_eq!(sent(&smtp(mailbox.port, &[("tls", "none")]).unwrap()).await, outcome);
    }
    let gone = Mailbox::open(Speech::Clear).port;
    assert_eq!(sent(&smtp(gone, &[("tls", "none")]).unwrap()).await, Outcome::NoAnswer("no answer".into()));
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_holds_nobody_up() {
    let mailbox = Mailbox::open(Speech::Silent);
    let outcome = sent(&smtp(mailbox.port, &[("tls", "none")]).unwrap()).await;
    assert_eq!(outcome, Outcome::NoAnswer("it took too long".into()));
}
