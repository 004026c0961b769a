//! The cluster's addresses: which the node, its Pods and its Services have.

use std::net::{IpAddr, Ipv4Addr};

/// Of an instance with sockets, the second bytes of its Pods' and its Services' addresses before
/// its number is added.
const LOOPBACK_PODS: u8 = 64;
const LOOPBACK_SERVICES: u8 = 128;

/// The address ranges of a cluster, both /16. The default are those of many clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnets {
    pods: [u8; 2],
    services: [u8; 2],
}

impl Default for Subnets {
    fn default() -> Self {
        Self {
            pods: [10, 244],
            services: [10, 96],
        }
    }
}

impl Subnets {
    /// The number of [`Self::loopback`] ranges.
    pub const LOOPBACKS: u8 = 64;

    /// The ranges of the instance with this number, within 127.0.0.0/8: programs of this machine
    /// can reach them without any rights.
    ///
    /// # Panics
    /// If the number is not below [`Self::LOOPBACKS`].
    pub fn loopback(number: u8) -> Self {
        assert!(number < Self::LOOPBACKS, "there is no range {number}");
        Self {
            pods: [127, LOOPBACK_PODS + number],
            services: [127, LOOPBACK_SERVICES + number],
        }
    }

    /// The node's address, from which probes come.
    // The first of the Pods' addresses, as a bridge plugin gives it to a node.
    pub fn node(self) -> IpAddr {
        self.pod(1)
    }

    /// The Pod address with this number.
    pub(crate) fn pod(self, number: u16) -> IpAddr {
        address(self.pods, number).into()
    }

    /// The Service address with this number.
    pub(crate) fn service(self, number: u16) -> Ipv4Addr {
        address(self.services, number)
    }

    /// The address of the Service `kubernetes`: the first.
    pub(crate) fn kubernetes(self) -> Ipv4Addr {
        self.service(1)
    }

    /// Whether an address belongs to the node, a Pod or a Service.
    pub(crate) fn contains(self, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        let [first, second, ..] = ip.octets();
        [self.pods, self.services].contains(&[first, second])
    }

    /// The Pods' range, such as `10.244.0.0/16`.
    pub fn of_pods(self) -> String {
        format!("{}/16", self.pod(0))
    }

    /// The Services' range.
    pub fn of_services(self) -> String {
        format!("{}/16", self.service(0))
    }
}

fn address([first, second]: [u8; 2], number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(first, second, high, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_ranges_of_its_own() {
        let all = (0..Subnets::LOOPBACKS).map(Subnets::loopback);
        let mut ranges: Vec<String> = all
            .flat_map(|it| [it.of_pods(), it.of_services()])
            .collect();
        assert_eq!(ranges[0..2], ["127.64.0.0/16", "127.128.0.0/16"]);
        assert_eq!(ranges[126..], ["127.127.0.0/16", "127.191.0.0/16"]);
        ranges.sort();
        ranges.dedup();
        assert_eq!(ranges.len(), 128);
    }

    #[test]
    fn a_range_does_not_contain_the_private_loopback() {
        let check = |subnets: Subnets, ip: &str, expected| {
            assert_eq!(subnets.contains(ip.parse().unwrap()), expected, "{ip}");
        };
        check(Subnets::default(), "10.96.0.1", true);
        check(Subnets::default(), "127.64.0.1", false);
        check(Subnets::loopback(0), "127.64.0.1", true);
        check(Subnets::loopback(0), "127.128.255.9", true);
        check(Subnets::loopback(0), "127.0.0.1", false);
        check(Subnets::loopback(0), "127.65.0.1", false);
        check(Subnets::loopback(0), "::1", false);
    }
}
