//! The networks that an operator granted to a connection.

use super::address::{Reach, canonical, reach};
use std::net::IpAddr;

/// An address that a connection may not use.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{address} is {why}")]
pub(super) struct AddressDenied {
    pub(super) address: IpAddr,
    pub(super) why: &'static str,
}

/// Who may go beyond public addresses, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reachable {
    /// Public addresses, and those granted.
    PublicOrGranted,
    /// Only those granted: literal addresses and plain http.
    Granted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cidr {
    network: IpAddr,
    prefix: u32,
}

/// Granted networks. Text that is not one grants nothing.
#[derive(Debug, Default)]
pub(super) struct Networks(Vec<Cidr>);

impl Networks {
    pub(super) fn new(texts: &[String]) -> Self {
        let parsed = texts.iter().filter_map(|text| {
            let cidr = Cidr::parse(text.trim());
            if cidr.is_none() {
                tracing::warn!(network = text, "a granted network is not written as CIDR and grants nothing");
            }
            cidr
        });
        Self(parsed.collect())
    }

    /// May it go there?
    pub(super) fn judge(&self, address: IpAddr, reachable: Reachable) -> Result<(), AddressDenied> {
        let address = canonical(address);
        let granted = || self.0.iter().any(|cidr| cidr.contains(address));
        match (reach(address), reachable) {
            (Reach::Forbidden(why), _) => Err(AddressDenied { address, why }),
            (Reach::Special(_), _) if granted() => Ok(()),
            (Reach::Special(why), _) => Err(AddressDenied { address, why }),
            (Reach::Public, Reachable::PublicOrGranted) => Ok(()),
            (Reach::Public, Reachable::Granted) if granted() => Ok(()),
            (Reach::Public, Reachable::Granted) => Err(AddressDenied { address, why: "not a granted network" }),
        }
    }
}

impl Cidr {
    fn parse(text: &str) -> Option<Self> {
        let (network, prefix) = text.split_once('/').map_or((text, None), |(network, prefix)| (network, Some(prefix)));
        let network: IpAddr = network.parse().ok()?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), str::parse).ok()?;
        (prefix <= most).then_some(Self { network, prefix })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differ = u32::from(network) ^ u32::from(address);
                differ.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differ = u128::from(network) ^ u128::from(address);
                differ.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Networks, Reachable};

    #[test]
    fn a_grant_opens_exactly_its_network() {
        let networks =
            Networks::new(&["10.1.2.0/24".into(), "127.0.0.0/8".into(), "fd12::/16".into(), "nonsense".into()]);
        let cases = [
            ("10.1.2.3", true, true),
            ("10.1.3.3", false, false),
            ("::ffff:10.1.2.3", true, true),
            ("64:ff9b::a01:203", false, false),
            ("127.0.0.1", true, true),
            ("fd12::1", true, true),
            ("fd13::1", false, false),
            ("140.82.121.6", true, false),
        ];
        for (address, anywhere, granted_only) in cases {
            let ip = address.parse().unwrap();
            assert_eq!(networks.judge(ip, Reachable::PublicOrGranted).is_ok(), anywhere, "{address}");
            assert_eq!(networks.judge(ip, Reachable::Granted).is_ok(), granted_only, "{address}");
        }
    }

    #[test]
    fn metadata_services_cannot_be_granted() {
        let networks = Networks::new(&["0.0.0.0/0".into(), "::/0".into()]);
        for address in ["169.254.169.254", "168.63.129.16", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "0.0.0.0"] {
            assert!(networks.judge(address.parse().unwrap(), Reachable::PublicOrGranted).is_err(), "{address}");
        }
        assert!(networks.judge("192.168.7.7".parse().unwrap(), Reachable::PublicOrGranted).is_ok());
    }
}
