//! Finding what a server says of itself, by its issuer alone (RFC 8414 §3, OpenID Connect Discovery §4).

use std::collections::VecDeque;

use firman_proto::time::Timestamp;
use url::Url;

use super::document::Document;
use super::{address, answer, ask};
use crate::error::{Breach, Error};
use crate::exchange::{Request, Response, Transport};
use crate::flow::metadata::ServerMetadata;

/// Which form is asked for first. Every form is asked for in its turn, and each document must be of the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// OpenID Connect Discovery §4: for who wants ID tokens and userinfo.
    OpenId,
    /// RFC 8414 §3: for who wants access tokens alone.
    OAuth,
}

/// A search under way: the addresses that are left to ask.
#[derive(Clone, Debug)]
pub struct Discovery {
    issuer: String,
    left: VecDeque<String>,
    known: Option<Document<ServerMetadata>>,
    /// Why the first address gave nothing: told if no other gives more.
    trouble: Option<Error>,
}

/// What came of one answer.
#[derive(Clone, Debug)]
pub enum Step {
    /// The metadata.
    Found(Document<ServerMetadata>),
    /// Not here: ask the next address.
    Next(Discovery),
}

impl Discovery {
    /// A search for the metadata of an issuer. What is `known` of it is asked for where it was, and only if it has changed.
    pub fn of(issuer: &str, first: First, known: Option<Document<ServerMetadata>>) -> Result<Self, Error> {
        let mut left = addresses(&address::issuer(issuer)?, first);
        let before = known.as_ref().and_then(|known| left.iter().position(|at| at == known.url()));
        left.rotate_left(before.unwrap_or_default());
        Ok(Self { issuer: issuer.to_owned(), left, known, trouble: None })
    }

    /// What to send now.
    pub fn request(&self) -> Request {
        let mut request = ask::get(self.here(), ask::JSON);
        if let Some(known) = &self.known {
            known.unless_changed(&mut request);
        }
        request
    }

    fn here(&self) -> &str {
        self.left.front().map_or(&self.issuer, String::as_str)
    }

    /// What the answer to [`Self::request`] brings.
    ///
    /// # Errors
    ///
    /// The server is in trouble, or this was the last address and none had a document of the issuer.
    pub fn read(mut self, response: &Response, now: Timestamp) -> Result<Step, Error> {
        let url = self.here().to_owned();
        if let Some(same) = self.known.as_ref().and_then(|known| known.unchanged(&url, response, now)) {
            return Ok(Step::Found(same));
        }
        let read =
            answer::members(&url, response, now).and_then(|members| ServerMetadata::read(&url, members, &self.issuer));
        let error = match read {
            Ok(metadata) => return Ok(Step::Found(Document::new(metadata, &url, response, now))),
            Err(error) if error.is_outage() => return Err(error),
            Err(error) => error,
        };
        self.left.pop_front();
        // That one form is not there says little; that somebody else answers, or a page, says more.
        let absent = |error: &Error| matches!(error, Error::Protocol { breach: Breach::Status(_), .. });
        if self.trouble.as_ref().is_none_or(absent) {
            self.trouble = Some(error);
        }
        match self.trouble {
            Some(trouble) if self.left.is_empty() => Err(trouble),
            trouble => Ok(Step::Next(Self { trouble, ..self })),
        }
    }
}

/// Asks one address after the other, as [`Discovery::of`].
///
/// # Errors
///
/// As [`Discovery::read`], or there is no answer.
pub async fn discover(
    transport: &dyn Transport,
    issuer: &str,
    (first, known): (First, Option<Document<ServerMetadata>>),
    now: Timestamp,
) -> Result<Document<ServerMetadata>, Error> {
    let mut search = Discovery::of(issuer, first, known)?;
    loop {
        let response = transport.send(search.request()).await?;
        match search.read(&response, now)? {
            Step::Found(document) => return Ok(document),
            Step::Next(next) => search = next,
        }
    }
}

fn addresses(issuer: &Url, first: First) -> VecDeque<String> {
    // RFC 8414 §3.1, OpenID Connect Discovery §4: without the last slash.
    let (path, origin) = (issuer.path().trim_end_matches('/'), issuer.origin().ascii_serialization());
    let oauth = format!("{origin}/.well-known/oauth-authorization-server{path}");
    let appended = format!("{origin}{path}/.well-known/openid-configuration");
    // RFC 8414 §5: OpenID's document in the place that RFC 8414 gives to it.
    let inserted = format!("{origin}/.well-known/openid-configuration{path}");
    let all = match first {
        First::OpenId => [appended, inserted, oauth],
        First::OAuth => [oauth, inserted, appended],
    };
    let mut in_order = VecDeque::with_capacity(all.len());
    for address in all {
        if !in_order.contains(&address) {
            in_order.push_back(address);
        }
    }
    in_order
}

#[cfg(test)]
mod tests {
    use http::header::{ETAG, IF_NONE_MATCH};
    use serde_json::{Value, json};

    use super::super::answer::tests::{NOW, answer, json};
    use super::*;
    use crate::error::Advice;

    const ISSUER: &str = "https://as.example/tenant";

    fn document(issuer: &str) -> Value {
        json!({"issuer": issuer, "token_endpoint": "https://as.example/token"})
    }

    fn next(step: Step) -> Discovery {
        let Step::Next(next) = step else { panic!("it was found") };
        next
    }

    // RFC 8414 §3, §3.1, §5, OpenID Connect Discovery §4.
    #[test]
    fn every_form_of_address_is_asked_for() {
        let of = |issuer: &str, first| Vec::from(Discovery::of(issuer, first, None).unwrap().left);
        assert_eq!(
            of(ISSUER, First::OAuth),
            [
                "https://as.example/.well-known/oauth-authorization-server/tenant",
                "https://as.example/.well-known/openid-configuration/tenant",
                "https://as.example/tenant/.well-known/openid-configuration",
            ]
        );
        assert_eq!(of(&format!("{ISSUER}/"), First::OAuth), of(ISSUER, First::OAuth));
        assert_eq!(
            of("http://127.0.0.1:8080", First::OpenId),
            [
                "http://127.0.0.1:8080/.well-known/openid-configuration",
                "http://127.0.0.1:8080/.well-known/oauth-authorization-server",
            ]
        );
        for issuer in ["http://as.example", "https://as.example?x", "as.example"] {
            assert!(Discovery::of(issuer, First::OAuth, None).is_err(), "{issuer}");
        }
    }

    // RFC 8414 §3.3, OpenID Connect Discovery §4.3.
    #[test]
    fn the_first_document_that_is_of_the_issuer_is_taken() {
        let search = Discovery::of(ISSUER, First::OAuth, None).unwrap();
        let search = next(search.read(&answer(404, &[], "<html>"), NOW).unwrap());
        let search = next(search.read(&json(200, &document("https://as.example")), NOW).unwrap());
        assert_eq!(search.request().url, "https://as.example/tenant/.well-known/openid-configuration");
        let step = search.read(&json(200, &document(ISSUER)), NOW).unwrap();
        assert!(matches!(step, Step::Found(document) if document.value().issuer == ISSUER));
    }

    // RFC 9110 §13.1.2, RFC 9111 §4.3.4.
    #[test]
    fn what_is_known_is_asked_for_where_it_was_and_may_be_as_it_was() {
        let at = format!("{ISSUER}/.well-known/openid-configuration");
        let metadata = ServerMetadata { issuer: ISSUER.to_owned(), ..ServerMetadata::default() };
        let known = Document::new(metadata, &at, &answer(200, &[(ETAG, "\"7\"")], ""), NOW);
        let search = Discovery::of(ISSUER, First::OAuth, Some(known)).unwrap();
        assert_eq!((search.request().url, &search.request().headers[IF_NONE_MATCH]), (at, &"\"7\"".parse().unwrap()));
        let same = search.clone().read(&answer(304, &[], ""), NOW).unwrap();
        assert!(matches!(same, Step::Found(document) if document.value().issuer == ISSUER));
        // It has gone from there: it is looked for everywhere, and who was not asked for a version says nothing by 304.
        let search = next(search.read(&answer(404, &[], ""), NOW).unwrap());
        assert!(!search.request().headers.contains_key(IF_NONE_MATCH));
        assert!(matches!(search.read(&answer(304, &[], ""), NOW).unwrap(), Step::Next(_)));
    }

    // RFC 8414 §3.3, OpenID Connect Discovery §4.3.
    #[test]
    fn who_calls_itself_another_is_told_at_the_end_and_an_outage_at_once() {
        let mut search = Discovery::of(ISSUER, First::OAuth, None).unwrap();
        search = next(search.read(&answer(404, &[], ""), NOW).unwrap());
        search = next(search.read(&json(200, &document("https://evil.example")), NOW).unwrap());
        let error = search.clone().read(&answer(404, &[], ""), NOW).unwrap_err();
        assert!(error.to_string().contains("https://evil.example"), "{error}");
        assert_eq!(error.advice(), Advice::ChangeSettings);
        assert!(search.read(&answer(500, &[], ""), NOW).unwrap_err().is_outage());
    }
}
