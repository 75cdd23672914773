//! Token introspection (RFC 7662): a service asks about access tokens of other clients' grants.

use firman_proto::metadata::path;

use super::Scenario;
use super::code::grants;
use crate::bench::BenchError;
use crate::bench::client::Answer;
use crate::bench::load::Work;
use crate::bench::request::Post;
use crate::bench::site::Site;
use crate::bench::stop::Stop;

const GRANTS: usize = 512;

/// Asks about one token after the other.
pub(super) struct Introspect {
    post: Post,
    tokens: Vec<String>,
    turn: usize,
}

impl Introspect {
    pub(super) fn new(site: &Site, stop: &Stop) -> Result<Self, BenchError> {
        let tokens = grants(site, GRANTS, "profile email", stop)?.into_iter().map(|tokens| tokens.access).collect();
        Ok(Self { post: site.service(path::INTROSPECT), tokens, turn: 0 })
    }
}

impl Work for Introspect {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        self.turn = (self.turn + 1) % self.tokens.len().max(1);
        let Some(token) = self.tokens.get(self.turn) else { return false };
        self.post.write(out, &["token=", token]);
        true
    }

    fn answered(&mut self, _: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)?;
        // A token that is not live would be cheaper to answer.
        if answer.body.starts_with(b"{\"active\":true") { Ok(()) } else { Err(answer.unexpected()) }
    }
}

impl Scenario for Introspect {}
