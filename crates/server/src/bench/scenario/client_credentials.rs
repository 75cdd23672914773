//! The client credentials grant (RFC 6749 §4.4).

use firman_proto::metadata::path;

use super::Scenario;
use crate::bench::BenchError;
use crate::bench::client::Answer;
use crate::bench::load::Work;
use crate::bench::site::Site;

/// Always the same request.
pub(super) struct ClientCredentials(Vec<u8>);

impl ClientCredentials {
    pub(super) fn new(site: &Site) -> Self {
        let mut request = Vec::new();
        site.service(path::TOKEN).write(&mut request, &["grant_type=client_credentials"]);
        Self(request)
    }
}

impl Work for ClientCredentials {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.0);
        true
    }

    fn answered(&mut self, _: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)
    }
}

impl Scenario for ClientCredentials {}
