//! Which addresses are special. No library function is enough: the usual `is_global` calls Azure's wire server,
//! Oracle's metadata service and the NAT64 spelling of the link-local range global.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anybody may go there.
    Public,
    /// Only who was granted its network.
    Special(&'static str),
    /// Nobody: a cloud's metadata service, or nothing that a request can be sent to.
    Forbidden(&'static str),
}

/// The address as the network will understand it: v4-mapped addresses are the v4 address.
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
    }
}

/// Classify, after the registries of RFC 6890 and what clouds put beside them.
pub(super) fn reach(address: IpAddr) -> Reach {
    match canonical(address) {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    use Reach::{Forbidden, Public, Special};
    match address.octets() {
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [169, 254, 42, 42]
        | [168, 63, 129, 16]
        | [100, 100, 100, 200]
        | [192, 0, 0, 192] => Forbidden("a cloud's metadata service"),
        [0, ..] => Forbidden("an unspecified address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Special("a private address"),
        [100, 64..=127, ..] => Special("a carrier's private address"),
        [127, ..] => Special("a loopback address"),
        [169, 254, ..] => Special("a link-local address"),
        [192, 0, 0, _] | [192, 88, 99, _] => Special("a protocol assignment"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Special("a documentation address"),
        [198, 18 | 19, ..] => Special("a benchmarking address"),
        [224..=239, ..] => Forbidden("a multicast address"),
        [240..=255, ..] => Forbidden("a reserved address"),
        _ => Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    use Reach::{Forbidden, Public, Special};
    match address.segments() {
        // AWS (instances, and pods), Google, Oracle, Scaleway, and what OpenStack answers on.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254 | 0x0023]
        | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254]
        | [0xfd00, 0x00c1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]
        | [0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042]
        | [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe] => Forbidden("a cloud's metadata service"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Forbidden("an unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Special("a loopback address"),
        [0, 0, 0, 0, 0, 0, ..] => Forbidden("an IPv4-compatible address"),
        // NAT64 is how hosts without IPv4 reach it: what counts is the address inside.
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            match reach_v4(Ipv4Addr::new(a, b, c, d)) {
                Public => Public,
                // A network granted in IPv4 is not granted through a translator.
                Special(why) | Forbidden(why) => Forbidden(why),
            }
        }
        [0x0064, 0xff9b, 1, ..] => Forbidden("a local NAT64 address"),
        [0xfc00..=0xfdff, ..] => Special("a private address"),
        [0xfe80..=0xfebf, ..] => Special("a link-local address"),
        [0xfec0..=0xfeff, ..] => Special("a site-local address"),
        [0xff00..=0xffff, ..] => Forbidden("a multicast address"),
        [0x2002, ..] => Forbidden("a 6to4 address"),
        [0x2001, 0, ..] => Forbidden("a Teredo address"),
        [0x2001, 0x0001..=0x01ff, ..] => Special("a protocol assignment"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Special("a documentation address"),
        [0x2000..=0x3fff, ..] => Public,
        _ => Forbidden("a reserved address"),
    }
}

#[cfg(test)]
mod tests;
