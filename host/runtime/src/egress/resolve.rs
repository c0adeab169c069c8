//! Names become addresses here, and every address is looked at before anything is dialled.

use super::network::{Networks, Reachable};
use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A name server that does not answer within this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks up names. Tests bring their own.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a name.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
pub(crate) struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A name that could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("its name could not be looked up: {0}")]
pub(super) struct NameError(String);

/// What the HTTP client asks each time it opens a connection, so that the addresses that were looked at are the
/// addresses that are dialled.
pub(super) struct GateResolver {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) networks: Arc<Networks>,
    pub(super) reachable: Reachable,
}

impl Resolve for GateResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.resolver);
        let networks = Arc::clone(&self.networks);
        let reachable = self.reachable;
        Box::pin(async move {
            let looked_up = tokio::time::timeout(PATIENCE, resolver.resolve(name.as_str())).await;
            let addresses = match looked_up {
                Err(_) => return Err(NameError("no answer".to_owned()).into()),
                Ok(Err(error)) => return Err(NameError(error.to_string()).into()),
                Ok(Ok(addresses)) if addresses.is_empty() => return Err(NameError("no address".to_owned()).into()),
                Ok(Ok(addresses)) => addresses,
            };
            // One bad answer spoils them all: a name with mixed answers is how rebinding looks.
            for address in &addresses {
                networks.judge(*address, reachable)?;
            }
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
