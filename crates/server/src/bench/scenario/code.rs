//! The code exchange (RFC 6749 §4.1.3) with PKCE (RFC 7636).

use std::time::Duration;

use firman_proto::form;
use firman_proto::metadata::path;

use super::Scenario;
use crate::bench::BenchError;
use crate::bench::client::Answer;
use crate::bench::load::{Load, Work};
use crate::bench::request::Post;
use crate::bench::site::{Site, VERIFIER};
use crate::bench::stop::Stop;

/// With it comes an ID token.
const SCOPE: &str = "openid profile offline_access";
/// At most, whatever the rate.
const MOST_CODES: f64 = 500_000.0;

/// Redeems codes that were made before.
pub(super) struct Exchange {
    post: Post,
    rest: String,
    codes: Vec<Box<str>>,
    keep: bool,
    tokens: Vec<Tokens>,
}

/// What a code became.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Exchange {
    pub(super) fn new(site: &Site) -> Self {
        let mut rest = String::new();
        form::append(&mut rest, "redirect_uri", &site.ready.redirect_uri);
        form::append(&mut rest, "code_verifier", VERIFIER);
        let post = site.application(path::TOKEN);
        Self { post, rest: format!("&{rest}"), codes: Vec::new(), keep: false, tokens: Vec::new() }
    }
}

/// So many grants of this scope.
pub(super) fn grants(site: &Site, count: usize, scope: &str, stop: &Stop) -> Result<Vec<Tokens>, BenchError> {
    let mut exchange = Exchange::new(site);
    exchange.keep = true;
    exchange.codes = site.codes(count, scope, stop)?;
    let time = Duration::from_mins(1);
    Load::open(site.address, count.clamp(1, 64), stop)?.run(&mut exchange, time, &mut || Ok(()))?;
    Ok(exchange.tokens)
}

impl Work for Exchange {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        let Some(code) = self.codes.pop() else { return false };
        self.post.write(out, &["grant_type=authorization_code&code=", &code, &self.rest]);
        true
    }

    fn answered(&mut self, _: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)?;
        if self.keep {
            let access = answer.member("access_token")?.to_owned();
            self.tokens.push(Tokens { access, refresh: answer.member("refresh_token")?.to_owned() });
        }
        Ok(())
    }
}

impl Scenario for Exchange {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above and positive")]
    fn stock(&mut self, site: &Site, time: Duration, rate: f64, stop: &Stop) -> Result<(), BenchError> {
        let wanted = (rate * time.as_secs_f64()).clamp(1_000.0, MOST_CODES) as usize;
        let missing = wanted.saturating_sub(self.codes.len());
        if missing > 0 {
            self.codes.extend(site.codes(missing, SCOPE, stop)?);
        }
        Ok(())
    }
}
