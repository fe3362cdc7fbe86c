//! Which addresses names have and which are used, on the way to a child. The child looks names up
//! by itself: a resolver is shared within a process.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FrameError, job};
use crate::config::{IpVersion, Pin, PrivateAddresses};
use crate::fetch::AddressSpec;
use crate::policy::network::address::{AddressClasses, Class, Network};

/// In the order of their numbers on the wire.
const PRIVATE: [PrivateAddresses; 3] = [PrivateAddresses::Allow, PrivateAddresses::Guard, PrivateAddresses::Deny];
const VERSIONS: [IpVersion; 3] = [IpVersion::Any, IpVersion::Four, IpVersion::Six];

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Addresses {
    private: u8,
    version: u8,
    /// Name, port, addresses.
    pins: Vec<(Option<Box<str>>, u16, Vec<IpAddr>)>,
    /// An address, how many of its bits are shared, the position in [`Class::ALL`].
    exceptions: Vec<(IpAddr, u8, u8)>,
}

impl Addresses {
    pub(super) fn new(spec: &AddressSpec) -> Result<Self, FrameError> {
        let exceptions = spec.classes.exceptions().iter().map(|(network, class)| {
            let (first, bits) = network.parts();
            Ok((first, bits, job::position(Class::ALL, *class).ok_or(FrameError::Garbage)?))
        });
        Ok(Self {
            private: job::position(&PRIVATE, spec.private).ok_or(FrameError::Garbage)?,
            version: job::position(&VERSIONS, spec.version).ok_or(FrameError::Garbage)?,
            pins: spec.pins.iter().map(|pin| (pin.host.clone(), pin.port, pin.addresses.clone())).collect(),
            exceptions: exceptions.collect::<Result<_, FrameError>>()?,
        })
    }

    pub(super) fn into_spec(self) -> Result<Arc<AddressSpec>, FrameError> {
        let exceptions = self.exceptions.into_iter().map(|(first, bits, class)| {
            Ok((Network::new(first, bits).ok_or(FrameError::Garbage)?, job::entry(Class::ALL, class)?))
        });
        let classes = AddressClasses::with(exceptions.collect::<Result<_, FrameError>>()?);
        let pins = self.pins.into_iter().map(|(host, port, addresses)| Pin { host, port, addresses }).collect();
        let (private, version) = (job::entry(&PRIVATE, self.private)?, job::entry(&VERSIONS, self.version)?);
        Ok(Arc::new(AddressSpec::new(private, classes, pins, version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_arrive_as_they_were_sent() {
        let network = "127.0.0.128/25".parse().unwrap();
        for ((private, version), class) in PRIVATE.into_iter().zip(VERSIONS).zip([Class::Public, Class::Private]) {
            let pins = vec![
                Pin { host: Some("a.test".into()), port: 80, addresses: vec!["::1".parse().unwrap()] },
                Pin { host: None, port: 443, addresses: vec!["127.0.0.1".parse().unwrap()] },
            ];
            let sent = AddressSpec::new(private, AddressClasses::with(vec![(network, class)]), pins, version);
            let bytes = postcard::to_allocvec(&Addresses::new(&sent).unwrap()).unwrap();
            let came = postcard::from_bytes::<Addresses>(&bytes).unwrap().into_spec().unwrap();
            assert_eq!((came.private, came.version, &came.pins), (sent.private, sent.version, &sent.pins));
            assert_eq!(came.classes, sent.classes);
        }
    }

    #[test]
    fn unknown_rules_are_errors() {
        let good = || Addresses { private: 1, version: 0, pins: Vec::new(), exceptions: Vec::new() };
        assert!(good().into_spec().is_ok());
        let address = "127.0.0.1".parse().unwrap();
        for bad in [
            Addresses { private: 3, ..good() },
            Addresses { version: 3, ..good() },
            Addresses { exceptions: vec![(address, 33, 0)], ..good() },
            Addresses { exceptions: vec![(address, 8, u8::MAX)], ..good() },
        ] {
            assert!(matches!(bad.into_spec(), Err(FrameError::Garbage)));
        }
    }
}
