use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Turns a name into addresses.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// Every address of a name.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the system does it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}
