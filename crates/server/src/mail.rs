//! E-mail by SMTP.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use firman_engine::Engine;
use firman_engine::mail::{About, Mail};
use firman_engine::outbox::{Deliver, Letter, Outcome};
use firman_proto::time::Timestamp;
use firman_store::record::DeliveryKind;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use url::Url;

use crate::config::{Settings, SmtpTls};
use crate::pages::language;
use crate::pages::texts::{ENGLISH, Phrase, SPOKEN, Texts};

/// Delivers e-mail to a server that passes it on: one connection for each mail, and no longer than that.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// What the service is called.
    service: String,
    /// How long all of it may take with one mail.
    limit: Duration,
}

impl Smtp {
    /// What the settings say; `None` if no mail is sent.
    pub fn of(settings: &Settings) -> Result<Option<Self>, String> {
        let smtp = &settings.smtp;
        let Some(host) = &smtp.host else { return Ok(None) };
        let host = host.as_str();
        let from = smtp.from.as_ref().ok_or("smtp.from: say who writes")?;
        let from = from.as_str().parse().map_err(|error| format!("smtp.from: {error}"))?;
        let (tls, port) = match smtp.tls {
            // RFC 8314 §3.3.
            SmtpTls::Implicit => (Tls::Wrapper(roots(settings, host)?), 465),
            // RFC 3207 §6: a server that does not offer it, or from which somebody has taken the offer away, gets nothing.
            SmtpTls::StartTls => (Tls::Required(roots(settings, host)?), 587),
            SmtpTls::None if is_this_machine(host) => (Tls::None, 25),
            SmtpTls::None => return Err("smtp.tls: \"none\" is for a server on this machine only".to_owned()),
        };
        let port = u16::try_from(smtp.port).ok().filter(|port| *port != 0).unwrap_or(port);
        let limit = Duration::from_millis(u64::try_from(settings.outbox.attempt_timeout_ms.millis()).unwrap_or(0));
        let mut relay = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).tls(tls).port(port);
        relay = relay.timeout(Some(limit));
        if let Some(url) = settings.server.issuer.as_ref().and_then(|issuer| Url::parse(issuer.origin()).ok()) {
            relay = relay.hello_name(ClientId::Domain(url.host_str().unwrap_or("localhost").to_owned()));
        }
        if let Some(file) = &smtp.password_file {
            let password = std::fs::read_to_string(file)
                .map_err(|error| format!("smtp.password_file: {}: {error}", file.display()))?;
            let user = smtp.user.as_ref().ok_or("smtp.user: say whose password smtp.password_file has")?;
            relay = relay.credentials(Credentials::new(user.as_str().to_owned(), password.trim_end().to_owned()));
        }
        let service = settings.brand.name.as_ref().map_or("Firman", |name| name.as_str()).to_owned();
        Ok(Some(Self { transport: relay.build(), from, service, limit }))
    }

    fn message(&self, letter: &Letter, mail: &Mail) -> Result<Message, String> {
        let to = mail.to.parse().map_err(|_| "it is no address".to_owned())?;
        let texts = language::speaking(SPOKEN, &mail.language).unwrap_or(&ENGLISH);
        let (subject, text) = written(texts, &self.service, mail);
        let host = self.from.email.domain();
        let message = Message::builder().from(self.from.clone()).to(Mailbox::new(None, to)).subject(subject);
        // The same at each attempt: what arrives twice can be seen to.
        let message = message.message_id(Some(format!("<{}@{host}>", letter.id))).header(ContentType::TEXT_PLAIN);
        // RFC 3834 §5: no answering machine answers.
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        message.raw_header(automatic).body(text).map_err(|error| error.to_string())
    }
}

/// Which certificates are trusted.
fn roots(settings: &Settings, host: &str) -> Result<TlsParameters, String> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(file) = &settings.smtp.ca_file {
        let wrong = |error: &dyn std::fmt::Display| format!("smtp.ca_file: {}: {error}", file.display());
        let pem = std::fs::read(file).map_err(|error| wrong(&error))?;
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| wrong(&error))?);
    }
    parameters.build().map_err(|error| format!("smtp.tls: {error}"))
}

/// Whether what is sent there in clear text never leaves this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Subject and text of a mail.
fn written(texts: &Texts, service: &str, mail: &Mail) -> (String, String) {
    let t = &texts.mail;
    let named = |lead: Phrase| format!("{}{}{}", lead.before(), mail.username, lead.after());
    let way =
        |lead: Phrase| (t.ways_changed_subject, format!("{} {}", named(lead), t.ways_changed_text), t.changed_end);
    let (subject, lead, end) = match mail.about {
        About::Verify => (t.verify_subject, named(t.verify_text), t.verify_end),
        About::Reset => (t.reset_subject, named(t.reset_text), t.reset_end),
        About::SignUp => (t.sign_up_subject, t.sign_up_text.to_owned(), t.sign_up_end),
        About::HasAccount => (t.has_account_subject, named(t.has_account_text), t.has_account_end),
        About::PasswordChanged => (t.password_changed_subject, named(t.password_changed_text), t.changed_end),
        About::AddressChanged => (t.address_changed_subject, named(t.address_changed_text), t.changed_end),
        About::AppAdded => way(t.app_added),
        About::AppRemoved => way(t.app_removed),
        About::RecoveryCodesMade => way(t.recovery_codes_made),
        About::PasskeyAdded => way(t.passkey_added),
        About::PasskeyRemoved => way(t.passkey_removed),
        About::UpstreamLinked => way(t.upstream_linked),
        About::UpstreamUnlinked => way(t.upstream_unlinked),
    };
    let subject = format!("{}{service}{}", subject.before(), subject.after());
    (subject, format!("{lead}\n\n{}\n\n{end}\n", mail.link))
}

#[async_trait]
impl Deliver for Smtp {
    fn kind(&self) -> DeliveryKind {
        DeliveryKind::Email
    }

    async fn deliver(&self, _: &Engine, letter: &Letter, _: Timestamp) -> Outcome {
        let Ok(mail) = serde_json::from_slice::<Mail>(&letter.body) else {
            return Outcome::GiveUp("it cannot be read".into());
        };
        let message = match self.message(letter, &mail) {
            Ok(message) => message,
            Err(why) => return Outcome::GiveUp(why.into()),
        };
        // The library bounds the steps that it waits for, and not each.
        let Ok(answer) = tokio::time::timeout(self.limit, self.transport.send(message)).await else {
            return Outcome::NoAnswer("it took too long".into());
        };
        match answer {
            Ok(_) => Outcome::Done,
            // What a mail server says may have the address in it: the number is enough.
            Err(error) => {
                let code = error.status().map_or_else(|| "no answer".to_owned(), |code| format!("answered {code}"));
                if error.is_permanent() {
                    Outcome::GiveUp(code.into())
                } else if error.is_transient() {
                    Outcome::Later(code.into())
                } else {
                    tracing::info!(%error, "the mail server does not take a mail");
                    Outcome::NoAnswer(code.into())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_says_who_writes_to_whom_and_where_to_go_in_every_language() {
        let every = [
            About::Verify,
            About::Reset,
            About::HasAccount,
            About::SignUp,
            About::PasswordChanged,
            About::AddressChanged,
            About::AppAdded,
            About::AppRemoved,
            About::RecoveryCodesMade,
            About::PasskeyAdded,
            About::PasskeyRemoved,
            About::UpstreamLinked,
            About::UpstreamUnlinked,
        ];
        for (about, texts) in every.into_iter().flat_map(|about| SPOKEN.iter().map(move |texts| (about, texts))) {
            let mail = Mail {
                to: "a@b.example".to_owned(),
                about,
                username: "somebody".to_owned(),
                link: "https://login.example/x?token=t".to_owned(),
                language: texts.lang.to_owned(),
            };
            let (subject, text) = written(texts, "Example", &mail);
            assert!(subject.contains("Example") && !subject.contains('\n'), "{subject}");
            assert_eq!(text.contains("somebody"), about != About::SignUp, "{text}");
            assert!(text.contains("\nhttps://login.example/x?token=t\n"), "{text}");
        }
    }

    #[test]
    fn clear_text_stays_on_this_machine() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["mail.example", "localhost.example", "10.0.0.1", "0.0.0.0", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
