//! The refresh token grant (RFC 6749 §6): every grant is a chain, and no two connections pull at one.

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

/// Rotates the refresh tokens of many grants.
pub(super) struct Refresh {
    post: Post,
    lanes: Vec<Lane>,
}

/// The grants of one connection, and whose turn it is.
#[derive(Default)]
struct Lane {
    tokens: Vec<String>,
    turn: usize,
}

impl Refresh {
    pub(super) fn new(site: &Site, lanes: usize, scope: &str, stop: &Stop) -> Result<Self, BenchError> {
        let each = GRANTS.div_ceil(lanes).max(1);
        let mut tokens = grants(site, each * lanes, scope, stop)?.into_iter().map(|tokens| tokens.refresh);
        let lanes = (0..lanes).map(|_| Lane { tokens: tokens.by_ref().take(each).collect(), turn: 0 }).collect();
        Ok(Self { post: site.application(path::TOKEN), lanes })
    }
}

impl Work for Refresh {
    fn ask(&mut self, lane: usize, out: &mut Vec<u8>) -> bool {
        let Some(token) = self.lanes.get(lane).and_then(|lane| lane.tokens.get(lane.turn)) else { return false };
        self.post.write(out, &["grant_type=refresh_token&refresh_token=", token]);
        true
    }

    fn answered(&mut self, lane: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)?;
        let Some(lane) = self.lanes.get_mut(lane) else { return Ok(()) };
        if let Some(token) = lane.tokens.get_mut(lane.turn) {
            answer.member("refresh_token")?.clone_into(token);
        }
        lane.turn = (lane.turn + 1) % lane.tokens.len().max(1);
        Ok(())
    }
}

impl Scenario for Refresh {}
