//! What is measured: one file per kind of request.

mod client_credentials;
mod code;
mod device;
mod introspect;
mod refresh;
mod signed;

use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::BenchError;
use super::load::Work;
use super::site::Site;
use super::stop::Stop;

/// The scenarios there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Name {
    /// A client gets a token of its own.
    ClientCredentials,
    /// The same for a client that signs an ES256 assertion for each request.
    PrivateKeyJwt,
    /// The same with an ES256 proof of a key (DPoP) beside each request.
    Dpop,
    /// The same for a resource that verifies signatures: an ES256 JWT (RFC 9068).
    JwtAccessToken,
    /// A service asks about live access tokens of many grants.
    Introspection,
    /// A code with PKCE becomes an access token, a refresh token and an ES256 ID token.
    Code,
    /// A device code to which somebody has said yes becomes the same.
    Device,
    /// A refresh token of a plain OAuth grant is rotated.
    Refresh,
    /// A refresh token of an OpenID grant is rotated: an ES256 ID token comes with it.
    RefreshOpenid,
}

impl Name {
    /// All of them, in the order in which they are run.
    pub(crate) const ALL: [Self; 9] = [
        Self::ClientCredentials,
        Self::PrivateKeyJwt,
        Self::Dpop,
        Self::JwtAccessToken,
        Self::Introspection,
        Self::Code,
        Self::Device,
        Self::Refresh,
        Self::RefreshOpenid,
    ];

    /// As people read it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::PrivateKeyJwt => "client_credentials, private_key_jwt",
            Self::Dpop => "client_credentials, DPoP",
            Self::JwtAccessToken => "client_credentials, JWT access token",
            Self::Introspection => "introspection",
            Self::Code => "code exchange, PKCE, ES256 ID token",
            Self::Device => "device code, ES256 ID token",
            Self::Refresh => "refresh, plain OAuth (no ID token)",
            Self::RefreshOpenid => "refresh, OpenID (ES256 ID token)",
        }
    }

    /// The share of the ceiling that is expected of a build.
    pub(crate) const fn expected(self) -> Option<f64> {
        match self {
            Self::ClientCredentials | Self::Introspection => Some(0.5),
            Self::Code => Some(0.08),
            Self::Refresh => Some(0.2),
            Self::RefreshOpenid | Self::PrivateKeyJwt | Self::Dpop | Self::JwtAccessToken | Self::Device => None,
        }
    }

    /// Makes what it needs of a server where somebody is signed in.
    pub(super) fn prepare(self, site: &Site, lanes: usize, stop: &Stop) -> Result<Box<dyn Scenario>, BenchError> {
        Ok(match self {
            Self::ClientCredentials => Box::new(client_credentials::ClientCredentials::new(site, &[])),
            Self::PrivateKeyJwt => Box::new(signed::Signed::assertions(site)?),
            Self::Dpop => Box::new(signed::Signed::proofs(site)?),
            Self::JwtAccessToken => Box::new(client_credentials::ClientCredentials::for_resource(site)?),
            Self::Introspection => Box::new(introspect::Introspect::new(site, stop)?),
            Self::Code => Box::new(code::Exchange::new(site)),
            Self::Device => Box::new(device::Device::new(site)),
            Self::Refresh => Box::new(refresh::Refresh::new(site, lanes, "profile", stop)?),
            Self::RefreshOpenid => Box::new(refresh::Refresh::new(site, lanes, "openid offline_access", stop)?),
        })
    }
}

/// Requests of one kind.
pub(super) trait Scenario: Work {
    /// Makes sure that there is enough to ask for so long, at this many answers per second. Not measured.
    fn stock(&mut self, _site: &Site, _time: Duration, _rate: f64, _stop: &Stop) -> Result<(), BenchError> {
        Ok(())
    }
}
