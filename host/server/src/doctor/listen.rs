//! Where the host listens, and under which address others reach it.

use super::Finding;
use crate::config::Config;
use crate::start::cannot_listen;
use opssight_cli::readiness;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long a host on this machine may take to say how it is. Another program may say nothing at all.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut found = address(config.server.listen).await;
    found.extend(public_url(config));
    found
}

async fn address(listen: SocketAddr) -> Vec<Finding> {
    const CHECK: &str = "listen";
    let error = match tokio::net::TcpListener::bind(listen).await {
        Ok(_) => return vec![Finding::ok(CHECK, format!("{listen} is free"))],
        Err(error) => error,
    };
    if error.kind() == ErrorKind::AddrInUse {
        let mut asked = listen;
        match listen {
            SocketAddr::V4(at) if at.ip().is_unspecified() => asked.set_ip(Ipv4Addr::LOCALHOST.into()),
            SocketAddr::V6(at) if at.ip().is_unspecified() => asked.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let server = format!("http://{asked}");
        if let Ok(Some(ready)) = tokio::time::timeout(PATIENCE, readiness(&server)).await {
            let own = Finding::ok(CHECK, format!("an OpsSight host runs at {listen}"));
            return std::iter::once(own).chain(ready).collect();
        }
    }
    vec![Finding::failing(CHECK, format!("failed to {}: {error}", cannot_listen(listen, &error)))]
}

fn public_url(config: &Config) -> Option<Finding> {
    const CHECK: &str = "public url";
    let listen = config.server.listen.ip();
    let Some(url) = &config.server.public_url else {
        let reachable = !listen.is_loopback();
        return reachable.then(|| {
            let detail = "server.public_url is not set: the addresses of webhooks that are shown are of this machine";
            Finding::warning(CHECK, detail).mend("set it to the address under which others reach this host")
        });
    };
    let is_here = url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    });
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        let detail = "server.public_url holds more than an address, which ends up in the addresses of webhooks";
        return Some(
            Finding::warning(CHECK, detail).mend("leave out what stands before an `@` and after a `?` or `#`"),
        );
    }
    if url.scheme() == "http" && !is_here {
        let detail = format!("{url}: sessions and webhooks cross the network in the clear");
        return Some(
            Finding::warning(CHECK, detail).mend("put a proxy with TLS in front, and set its https:// address"),
        );
    }
    Some(Finding::ok(CHECK, url.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use opssight_cli::FindingStatus as Status;

    #[test]
    fn the_address_for_others_is_judged() {
        for (listen, url, status) in [
            ("127.0.0.1:8080", None, None),
            ("0.0.0.0:8080", None, Some(Status::Warning)),
            ("0.0.0.0:8080", Some("https://ops.example.com/"), Some(Status::Ok)),
            ("0.0.0.0:8080", Some("http://ops.example.com/"), Some(Status::Warning)),
            ("127.0.0.1:8080", Some("http://[::1]:8080/"), Some(Status::Ok)),
            ("127.0.0.1:8080", Some("http://localhost:8080/"), Some(Status::Ok)),
            ("0.0.0.0:8080", Some("https://a:b@ops.example.com/"), Some(Status::Warning)),
        ] {
            let mut config = Config::default();
            config.server.listen = listen.parse().unwrap();
            config.server.public_url = url.map(|url| url.parse().unwrap());
            let found = public_url(&config);
            assert_eq!(found.as_ref().map(|found| found.status), status, "{listen} {url:?}: {found:?}");
            assert!(!found.is_some_and(|found| found.detail.contains("a:b@")));
        }
    }
}
