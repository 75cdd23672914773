//! The client credentials grant (RFC 6749 §4.4).

use firman_proto::form;
use firman_proto::metadata::path;

use super::Scenario;
use crate::bench::BenchError;
use crate::bench::client::{Answer, Connection};
use crate::bench::load::Work;
use crate::bench::site::{RESOURCE, Site};

/// Always the same request.
pub(super) struct ClientCredentials(Vec<u8>);

impl ClientCredentials {
    /// With this beside the grant type, form-encoded.
    pub(super) fn new(site: &Site, more: &[&str]) -> Self {
        let mut request = Vec::new();
        let form = [&["grant_type=client_credentials"], more].concat();
        site.service(path::TOKEN).write(&mut request, &form);
        Self(request)
    }

    /// A token for a resource, which is to be a JWT.
    pub(super) fn for_resource(site: &Site) -> Result<Self, BenchError> {
        let mut resource = String::from("&");
        form::append(&mut resource, "resource", RESOURCE);
        let asked = Self::new(site, &[&resource]);
        let mut connection = Connection::open(site.address)?;
        let answer = connection.exchange(&asked.0)?;
        // Otherwise another thing would be measured than is said.
        let is_jwt = answer.member("access_token")?.split('.').count() == 3;
        if is_jwt { Ok(asked) } else { Err(answer.unexpected()) }
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
