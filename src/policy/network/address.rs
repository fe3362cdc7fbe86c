//! Decides whether an IP address is public, and by which rule it is not.
//!
//! The IANA special-purpose address registries (RFC 6890) decide: globally reachable addresses are public. An
//! IPv6 address that leads to an embedded IPv4 address has the class of that one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// The purpose of an address.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Class { $($(#[doc = $doc])+ $variant),+ }

        impl Class {
            /// Every class.
            pub const ALL: &[Class] = &[$(Class::$variant),+];

            /// The name of the rule, such as `link-local`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Class::$variant => $name),+ }
            }
        }
    };
}

classes! {
    /// Reachable from anywhere.
    Public = "public",
    /// The host itself.
    Loopback = "loopback",
    /// A network of one's own (RFC 1918).
    Private = "private",
    /// The same for IPv6 (RFC 4193), and its predecessor, site-local.
    UniqueLocal = "unique-local",
    /// One link, where clouds keep their metadata services.
    LinkLocal = "link-local",
    /// Between a provider and its customers (RFC 6598).
    Shared = "shared",
    /// No address, or "this network"; connecting to it reaches the host itself.
    Unspecified = "unspecified",
    /// Many at once.
    Multicast = "multicast",
    /// All hosts on the link.
    Broadcast = "broadcast",
    /// Examples in documents.
    Documentation = "documentation",
    /// Measurements of devices (RFC 2544).
    Benchmarking = "benchmarking",
    /// All other addresses that are unreachable, or not globally reachable.
    Reserved = "reserved",
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A block of addresses, such as `10.0.0.0/8` or `fc00::/7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(IpAddr, u8)", into = "(IpAddr, u8)")]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// The block around an address; `None` with more bits than it has.
    pub const fn new(within: IpAddr, bits: u8) -> Option<Self> {
        let most = match within {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if bits > most { None } else { Some(Self { first: within, bits }) }
    }

    /// Whether it lies in the block.
    pub const fn contains(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => within_v4(address.to_bits(), (first.to_bits(), self.bits)),
            (IpAddr::V6(first), IpAddr::V6(address)) => within_v6(address.to_bits(), (first.to_bits(), self.bits)),
            _ => false,
        }
    }
}

impl TryFrom<(IpAddr, u8)> for Network {
    type Error = &'static str;

    fn try_from((within, bits): (IpAddr, u8)) -> Result<Self, Self::Error> {
        Self::new(within, bits).ok_or("more bits than an address has")
    }
}

impl From<Network> for (IpAddr, u8) {
    fn from(network: Network) -> Self {
        (network.first, network.bits)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no block of addresses; write 10.0.0.0/8 or fc00::/7");
        let (first, bits) = text.split_once('/').ok_or_else(wrong)?;
        let first = first.parse().map_err(|_| wrong())?;
        bits.parse().ok().and_then(|bits| Self::new(first, bits)).ok_or_else(wrong)
    }
}

/// The class of each address: the registered one, unless an exception overrides it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressClasses {
    exceptions: Vec<(Network, Class)>,
}

impl AddressClasses {
    /// Creates classes with exceptions; an earlier exception precedes a later one. A test on one machine can so
    /// simulate public and other servers.
    pub fn with(exceptions: Vec<(Network, Class)>) -> Self {
        Self { exceptions }
    }

    /// Returns the class of an address.
    pub fn class(&self, address: IpAddr) -> Class {
        if let Some((_, class)) = self.exceptions.iter().find(|(network, _)| network.contains(address)) {
            return *class;
        }
        match address {
            IpAddr::V4(v4) => registered(v4.to_bits(), V4, within_v4, Class::Public),
            IpAddr::V6(v6) => self.class_v6(v6),
        }
    }

    fn class_v6(&self, address: Ipv6Addr) -> Class {
        let own = registered(address.to_bits(), V6, within_v6, Class::Reserved);
        let of = |v4: Ipv4Addr| self.class(IpAddr::V4(v4));
        match Embedded::of(address) {
            Embedded::Nothing => own,
            Embedded::Is(v4) => of(v4),
            Embedded::Passes(hops) => hops.into_iter().map(of).find(|class| *class != Class::Public).unwrap_or(own),
        }
    }
}

/// The IPv4 addresses within an IPv6 address.
enum Embedded {
    Nothing,
    /// Another notation of this address, or a route to it.
    Is(Ipv4Addr),
    /// Traffic to the address passes or ends at these.
    Passes([Ipv4Addr; 2]),
}

impl Embedded {
    fn of(address: Ipv6Addr) -> Self {
        let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Embedded::Nothing,
            // IPv4-mapped and IPv4-translated (RFC 4291, section 2.5.5.2; RFC 2765).
            [0, 0, 0, 0, 0, 0xffff, a, b] | [0, 0, 0, 0, 0xffff, 0, a, b] => Embedded::Is(v4(a, b)),
            // IPv4-compatible, deprecated (RFC 4291, section 2.5.5.1).
            [0, 0, 0, 0, 0, 0, a, b] => Embedded::Passes([v4(a, b); 2]),
            // NAT64 (RFC 6052, section 2.1), and a local one in the form that is in use (RFC 8215).
            [0x64, 0xff9b, 0 | 1, 0, 0, 0, a, b] => Embedded::Is(v4(a, b)),
            // 6to4 (RFC 3056, section 2).
            [0x2002, a, b, ..] => Embedded::Passes([v4(a, b); 2]),
            // Teredo: the server, and the client in disguise (RFC 4380, section 4).
            [0x2001, 0, a, b, _, _, c, d] => Embedded::Passes([v4(a, b), v4(!c, !d)]),
            // ISATAP, under any prefix (RFC 5214, section 6.1).
            [_, _, _, _, 0 | 0x200, 0x5efe, a, b] => Embedded::Passes([v4(a, b); 2]),
            _ => Embedded::Nothing,
        }
    }
}

const fn within_v4(address: u32, (first, bits): (u32, u8)) -> bool {
    // None: the block has no bits and contains every address.
    matches!((address ^ first).checked_shr(32 - bits as u32), Some(0) | None)
}

const fn within_v6(address: u128, (first, bits): (u128, u8)) -> bool {
    matches!((address ^ first).checked_shr(128 - bits as u32), Some(0) | None)
}

/// The class of the first block that holds the address.
fn registered<A: Copy>(address: A, table: &[((A, u8), Class)], within: fn(A, (A, u8)) -> bool, or: Class) -> Class {
    table.iter().find(|(block, _)| within(address, *block)).map_or(or, |(_, class)| *class)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> (u32, u8) {
    (Ipv4Addr::new(a, b, c, d).to_bits(), bits)
}

const fn v6(a: u16, b: u16, c: u16, bits: u8) -> (u128, u8) {
    (Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_bits(), bits)
}

/// The IANA IPv4 special-purpose address registry, exceptions before what they are excepted from;
/// what is not here is public. Blocks that it calls globally reachable (AS112, AMT) are left out.
const V4: &[((u32, u8), Class)] = &[
    (v4(0, 0, 0, 0, 8), Class::Unspecified),
    (v4(10, 0, 0, 0, 8), Class::Private),
    (v4(100, 64, 0, 0, 10), Class::Shared),
    (v4(127, 0, 0, 0, 8), Class::Loopback),
    (v4(169, 254, 0, 0, 16), Class::LinkLocal),
    (v4(172, 16, 0, 0, 12), Class::Private),
    // Port control protocol and TURN anycast.
    (v4(192, 0, 0, 9, 32), Class::Public),
    (v4(192, 0, 0, 10, 32), Class::Public),
    (v4(192, 0, 0, 0, 24), Class::Reserved),
    (v4(192, 0, 2, 0, 24), Class::Documentation),
    // Relays of 6to4, deprecated (RFC 7526).
    (v4(192, 88, 99, 0, 24), Class::Reserved),
    (v4(192, 168, 0, 0, 16), Class::Private),
    (v4(198, 18, 0, 0, 15), Class::Benchmarking),
    (v4(198, 51, 100, 0, 24), Class::Documentation),
    (v4(203, 0, 113, 0, 24), Class::Documentation),
    (v4(224, 0, 0, 0, 4), Class::Multicast),
    (v4(255, 255, 255, 255, 32), Class::Broadcast),
    (v4(240, 0, 0, 0, 4), Class::Reserved),
];

/// The same of IPv6; what is not here is reserved, for only 2000::/3 is handed out.
const V6: &[((u128, u8), Class)] = &[
    ((0, 128), Class::Unspecified),
    ((1, 128), Class::Loopback),
    (v6(0xfc00, 0, 0, 7), Class::UniqueLocal),
    (v6(0xfec0, 0, 0, 10), Class::UniqueLocal),
    (v6(0xfe80, 0, 0, 10), Class::LinkLocal),
    (v6(0xff00, 0, 0, 8), Class::Multicast),
    // Of 2001::/23, for protocols, only these are globally reachable: PCP, TURN and SRP anycast,
    // AMT, AS112, ORCHIDv2, DETs. Teredo is what its IPv4 addresses are.
    ((0x2001_0001 << 96 | 1, 128), Class::Public),
    ((0x2001_0001 << 96 | 2, 128), Class::Public),
    ((0x2001_0001 << 96 | 3, 128), Class::Public),
    (v6(0x2001, 0, 0, 32), Class::Public),
    (v6(0x2001, 2, 0, 48), Class::Benchmarking),
    (v6(0x2001, 3, 0, 32), Class::Public),
    (v6(0x2001, 4, 0x112, 48), Class::Public),
    (v6(0x2001, 0x20, 0, 28), Class::Public),
    (v6(0x2001, 0x30, 0, 28), Class::Public),
    (v6(0x2001, 0, 0, 23), Class::Reserved),
    (v6(0x2001, 0xdb8, 0, 32), Class::Documentation),
    (v6(0x3fff, 0, 0, 20), Class::Documentation),
    (v6(0x2000, 0, 0, 3), Class::Public),
];

#[cfg(test)]
mod tests;
