//! Allocates the node's Pod addresses in turn; an address is free again when its Pod is gone.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::subnets::Subnets;

/// The addresses of the Pods' range, without the node's own.
#[derive(Debug)]
pub(super) struct Addresses {
    subnets: Subnets,
    used: BTreeSet<u16>,
    next: u16,
}

/// The first Pod address: .0.0 is the network, .0.1 the node.
const FIRST: u16 = 2;
/// The last Pod address; the next one is the broadcast address.
const LAST: u16 = u16::MAX - 1;

impl Addresses {
    pub(super) fn new(subnets: Subnets) -> Self {
        Self {
            subnets,
            used: BTreeSet::new(),
            next: FIRST,
        }
    }

    /// Takes the next free address; `None` if all are in use.
    pub(super) fn take(&mut self) -> Option<IpAddr> {
        // In turn, as CNI's host-local plugin allocates: clients may still connect to the address
        // of a Pod that has just gone.
        let free = (self.next..=LAST).chain(FIRST..self.next);
        let number = free
            .into_iter()
            .find(|number| !self.used.contains(number))?;
        self.used.insert(number);
        self.next = if number == LAST { FIRST } else { number + 1 };
        Some(self.subnets.pod(number))
    }

    /// Frees the address of a Pod that is gone.
    pub(super) fn give_back(&mut self, address: IpAddr) {
        if let IpAddr::V4(address) = address {
            let [.., high, low] = address.octets();
            self.used.remove(&u16::from_be_bytes([high, low]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_round() {
        let mut addresses = Addresses::new(Subnets::default());
        let mut check = |expected: &str| {
            let taken = addresses.take().unwrap();
            assert_eq!(taken.to_string(), expected);
            addresses.give_back(taken);
        };
        check("10.244.0.2");
        check("10.244.0.3");
        for _ in 0..u32::from(LAST) - 4 {
            let taken = addresses.take().unwrap();
            addresses.give_back(taken);
        }
        let mut check =
            |expected: &str| assert_eq!(addresses.take().unwrap().to_string(), expected);
        check("10.244.255.254");
        check("10.244.0.2");
    }
}
