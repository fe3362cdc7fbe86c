//! Each block at both its ends, every way to write an address, and what is embedded.

use proptest::prelude::*;
use url::{Host, Url};

use super::Class::*;
use super::*;

fn class(text: &str) -> Class {
    AddressClasses::default().class(text.parse().unwrap_or_else(|_| panic!("{text} is no address")))
}

/// A block, its class, and what lies just before and behind it.
#[track_caller]
fn block(first: &str, last: &str, inside: Class, before: Option<(&str, Class)>, after: Option<(&str, Class)>) {
    assert_eq!([class(first), class(last)], [inside; 2], "{first} to {last}");
    for (text, outside) in before.into_iter().chain(after) {
        assert_eq!(class(text), outside, "{text} is beside {first} to {last}");
    }
}

#[test]
fn every_block_of_ipv4_has_its_ends() {
    let public = |text| Some((text, Public));
    block("0.0.0.0", "0.255.255.255", Unspecified, None, public("1.0.0.0"));
    block("10.0.0.0", "10.255.255.255", Private, public("9.255.255.255"), public("11.0.0.0"));
    block("100.64.0.0", "100.127.255.255", Shared, public("100.63.255.255"), public("100.128.0.0"));
    block("127.0.0.0", "127.255.255.255", Loopback, public("126.255.255.255"), public("128.0.0.0"));
    block("169.254.0.0", "169.254.255.255", LinkLocal, public("169.253.255.255"), public("169.255.0.0"));
    block("172.16.0.0", "172.31.255.255", Private, public("172.15.255.255"), public("172.32.0.0"));
    block("192.0.0.0", "192.0.0.8", Reserved, public("191.255.255.255"), public("192.0.0.9"));
    block("192.0.0.11", "192.0.0.255", Reserved, public("192.0.0.10"), public("192.0.1.0"));
    block("192.0.2.0", "192.0.2.255", Documentation, public("192.0.1.255"), public("192.0.3.0"));
    block("192.31.196.0", "192.31.196.255", Public, None, None);
    block("192.52.193.0", "192.52.193.255", Public, None, None);
    block("192.88.99.0", "192.88.99.255", Reserved, public("192.88.98.255"), public("192.88.100.0"));
    block("192.168.0.0", "192.168.255.255", Private, public("192.167.255.255"), public("192.169.0.0"));
    block("192.175.48.0", "192.175.48.255", Public, None, None);
    block("198.18.0.0", "198.19.255.255", Benchmarking, public("198.17.255.255"), public("198.20.0.0"));
    block("198.51.100.0", "198.51.100.255", Documentation, public("198.51.99.255"), public("198.51.101.0"));
    block("203.0.113.0", "203.0.113.255", Documentation, public("203.0.112.255"), public("203.0.114.0"));
    block("224.0.0.0", "239.255.255.255", Multicast, public("223.255.255.255"), Some(("240.0.0.0", Reserved)));
    block("240.0.0.0", "255.255.255.254", Reserved, None, Some(("255.255.255.255", Broadcast)));
}

#[test]
fn every_block_of_ipv6_has_its_ends() {
    let f = "ffff:ffff:ffff:ffff:ffff:ffff";
    let ends = |first: &str, last: &str, inside| block(first, last, inside, None, None);
    ends("::", "::", Unspecified);
    ends("::1", "::1", Loopback);
    ends("100::", "100::ffff:ffff:ffff:ffff", Reserved);
    ends("100:0:0:1::", "1fff:ffff::", Reserved);
    let next = Some(("4000::", Reserved));
    block("2600::", "3ffe:ffff::", Public, Some(("1fff::", Reserved)), None);
    block("3fff:1000::", &format!("3fff:ffff:{f}"), Public, None, next);
    let before = Some(("3ffe:ffff:ffff::", Public));
    block("3fff::", "3fff:fff:ffff::", Documentation, before, Some(("3fff:1000::", Public)));
    let before = Some(("2001:db7:ffff::", Public));
    block("2001:db8::", "2001:db8:ffff::ffff", Documentation, before, Some(("2001:db9::", Public)));
    // 2001::/23 and what is reachable of it.
    block("2001:1ff:ffff::", "2001:100::", Reserved, None, Some(("2001:200::", Public)));
    block("2001:1::1", "2001:1::3", Public, Some(("2001:1::", Reserved)), Some(("2001:1::4", Reserved)));
    let after = Some(("2001:2:1::", Reserved));
    block("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Benchmarking, Some(("2001:1:ffff::", Reserved)), after);
    block("2001:3::", "2001:3:ffff::", Public, Some(("2001:2:ffff::", Reserved)), Some(("2001:4::", Reserved)));
    let after = Some(("2001:4:113::", Reserved));
    block("2001:4:112::", "2001:4:112:ffff::", Public, Some(("2001:4:111::", Reserved)), after);
    ends("2001:10::", "2001:1f:ffff::", Reserved);
    block("2001:20::", "2001:3f:ffff::", Public, None, Some(("2001:40::", Reserved)));
    ends("2620:4f:8000::", "2620:4f:8000:ffff::", Public);
    ends("5f00::", "5f00:ffff::", Reserved);
    let before = Some(("fbff:ffff::", Reserved));
    block("fc00::", &format!("fdff:ffff:{f}"), UniqueLocal, before, Some(("fe00::", Reserved)));
    let before = Some(("fe7f:ffff::", Reserved));
    block("fe80::", &format!("febf:ffff:{f}"), LinkLocal, before, Some(("fec0::", UniqueLocal)));
    block("fec0::", &format!("feff:ffff:{f}"), UniqueLocal, None, Some(("ff00::", Multicast)));
    ends("ff00::", &format!("ffff:ffff:{f}"), Multicast);
}

#[test]
fn an_address_that_embeds_ipv4_has_the_class_of_that() {
    for (text, is) in [
        ("::ffff:127.0.0.1", Loopback),
        ("::ffff:8.8.8.8", Public),
        ("::ffff:0:10.0.0.1", Private),
        ("64:ff9b::169.254.169.254", LinkLocal),
        ("64:ff9b::8.8.8.8", Public),
        ("64:ff9b:1::10.0.0.1", Private),
        ("64:ff9b:1::8.8.8.8", Public),
        // A local NAT64 in another form does not reveal the position of its IPv4 address.
        ("64:ff9b:1:1::8.8.8.8", Reserved),
        ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Reserved),
        ("64:ff9b:2::8.8.8.8", Reserved),
        // Deprecated: never public.
        ("::127.0.0.1", Loopback),
        ("::8.8.8.8", Reserved),
        ("2002:7f00:1::", Loopback),
        ("2002:a00:1::1", Private),
        ("2002:808:808::1", Public),
        // The client 10.0.0.1 behind a public server, and the other way round.
        ("2001:0:808:808::f5ff:fffe", Private),
        ("2001:0:a00:1::f7f7:f7f7", Private),
        ("2001:0:808:808::f7f7:f7f7", Public),
        ("2600::5efe:10.0.0.1", Private),
        ("2600::200:5efe:127.0.0.1", Loopback),
        ("2600::5efe:8.8.8.8", Public),
        ("fe80::5efe:8.8.8.8", LinkLocal),
    ] {
        assert_eq!(class(text), is, "{text}");
    }
}

#[test]
fn every_spelling_of_an_address_is_that_address() {
    for (host, is) in [
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7F.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("１２７.０.０.１", "127.0.0.1"),
        ("127。0。0。1", "127.0.0.1"),
        ("①②⑦.0.0.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[0000::0001]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("[::FFFF:7f00:1]", "::ffff:127.0.0.1"),
        ("[64:ff9b::7f00:1]", "64:ff9b::127.0.0.1"),
    ] {
        let url = Url::parse(&format!("http://{host}/")).unwrap();
        let address = match url.host().unwrap() {
            Host::Ipv4(v4) => IpAddr::V4(v4),
            Host::Ipv6(v6) => IpAddr::V6(v6),
            Host::Domain(name) => panic!("{host} became the name {name}"),
        };
        assert_eq!(address, is.parse::<IpAddr>().unwrap(), "{host}");
        assert_ne!(AddressClasses::default().class(address), Public, "{host}");
    }
    for zone in ["[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%251]", "127.0.0.1%25lo"] {
        assert!(Url::parse(&format!("http://{zone}/")).is_err(), "{zone} has a zone");
    }
    // An overflow is neither an address of another network nor a name.
    for wrong in ["256.0.0.1", "4294967296", "127.0.0.256", "1.2.3.4.5"] {
        assert!(Url::parse(&format!("http://{wrong}/")).is_err(), "{wrong}");
    }
}

#[test]
fn blocks_can_be_said_to_be_something_else() {
    let network = |text: &str| text.parse::<Network>().unwrap();
    let classes = AddressClasses::with(vec![
        (network("127.0.0.2/32"), Private),
        (network("127.0.0.0/8"), Public),
        (network("0.0.0.0/0"), Shared),
        (network("::1/128"), Public),
    ]);
    let class = |text: &str| classes.class(text.parse().unwrap());
    assert_eq!(
        [class("127.0.0.1"), class("127.0.0.2"), class("8.8.8.8"), class("::1")],
        [Public, Private, Shared, Public]
    );
    assert_eq!([class("::ffff:127.0.0.2"), class("::2"), class("64:ff9b::127.0.0.3")], [Private, Shared, Public]);
    for wrong in ["127.0.0.0", "127.0.0.0/33", "::/129", "x/8", "1.2.3.4/", "1.2.3.4/-1"] {
        assert!(wrong.parse::<Network>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn embedded_addresses_have_the_class_of_what_they_embed(bits: u32) {
        let classes = AddressClasses::default();
        let v4 = Ipv4Addr::from_bits(bits);
        let is = classes.class(IpAddr::V4(v4));
        let [a, b] = [(bits >> 16) as u16, bits as u16];
        let mapped = v4.to_ipv6_mapped();
        let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b);
        let six_to_four = Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1);
        for v6 in [mapped, nat64, six_to_four] {
            prop_assert_eq!(classes.class(IpAddr::V6(v6)), is, "{}", v6);
        }
    }

    #[test]
    fn only_what_is_handed_out_is_public(bits: u128) {
        let address = Ipv6Addr::from_bits(bits);
        let is = AddressClasses::default().class(IpAddr::V6(address));
        let translated = matches!(Embedded::of(address), Embedded::Is(_));
        prop_assert!(is != Public || translated || bits >> 125 == 1, "{}", address);
    }

    #[test]
    fn a_block_holds_what_shares_its_bits(first: u32, other: u32, bits in 0_u8..=32) {
        let network = Network::new(IpAddr::V4(Ipv4Addr::from_bits(first)), bits).unwrap();
        let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
        prop_assert_eq!(network.contains(IpAddr::V4(Ipv4Addr::from_bits(other))), first & mask == other & mask);
        prop_assert!(network.contains(IpAddr::V4(Ipv4Addr::from_bits(first))));
    }
}
