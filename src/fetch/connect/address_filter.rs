//! The addresses that a request may be sent to, and the look-up of names.
//!
//! The connector looks a name up when it opens a connection, and removes forbidden addresses from the list that it
//! connects to. So no second look-up can give other addresses. A host that is an address is never looked up, so it is
//! checked before a client sees it.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns;
use url::{Host, Url};

use super::connect_context;
use super::dns::{DnsError, Lookup, Resolver};
use super::error::ClientError;
use crate::config::{IpVersion, PrivateAddresses};
use crate::fetch::config::{AddressRules, FetchConfig};
use crate::policy::network::address::Class;

/// The resolver, and the rules for allowed addresses.
#[derive(Debug)]
pub(crate) struct AddressFilter {
    config: Arc<FetchConfig>,
    resolver: Resolver,
}

impl AddressFilter {
    /// Makes a filter with the rules of these settings.
    pub(crate) fn new(config: &Arc<FetchConfig>, resolver: &Resolver) -> Self {
        Self { config: config.clone(), resolver: resolver.clone() }
    }

    fn rules(&self) -> &AddressRules {
        &self.config.addresses
    }

    /// Returns the addresses that a URL of the list may lead to.
    pub(crate) fn of_the_list(&self) -> AllowedAddresses {
        if self.rules().private == PrivateAddresses::Deny { AllowedAddresses::Public } else { AllowedAddresses::All }
    }

    /// Returns the addresses that a redirect from this peer may lead to. An unknown peer counts as a public host.
    pub(crate) fn behind(&self, peer: Option<SocketAddr>) -> AllowedAddresses {
        match self.rules().private {
            PrivateAddresses::Allow => AllowedAddresses::All,
            PrivateAddresses::Deny => AllowedAddresses::Public,
            PrivateAddresses::Guard if peer.is_none_or(|peer| self.is_public(peer)) => AllowedAddresses::Public,
            PrivateAddresses::Guard => AllowedAddresses::All,
        }
    }

    /// Whether a connection to this peer may serve a request.
    pub(crate) fn permits(&self, allowed: AllowedAddresses, peer: Option<SocketAddr>) -> bool {
        allowed == AllowedAddresses::All || peer.is_some_and(|peer| self.is_public(peer))
    }

    fn is_public(&self, peer: SocketAddr) -> bool {
        self.rules().classes.class(peer.ip()) == Class::Public
    }

    /// Checks a host that is an address.
    pub(crate) fn check(&self, url: &Url, allowed: AllowedAddresses) -> Result<(), Blocked> {
        if allowed == AllowedAddresses::All && self.rules().version == IpVersion::Any {
            return Ok(());
        }
        let address = match url.host() {
            Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if !self.is_of_version(address) {
            return Err(Blocked { address, name: None, why: Why::Version(self.rules().version) });
        }
        if self.permits(allowed, Some(SocketAddr::new(address, 0))) { Ok(()) } else { Err(self.blocked(address, None)) }
    }

    /// Returns the addresses of a name that a connection may use.
    fn admit(
        &self,
        name: &str,
        mut found: Vec<SocketAddr>,
        allowed: AllowedAddresses,
    ) -> Result<Vec<SocketAddr>, ClientError> {
        found.retain(|address| self.is_of_version(address.ip()));
        let Some(first) = found.first().copied() else {
            return Err(DnsError::absent("it has no address of the version that is asked for").into());
        };
        found.retain(|address| self.permits(allowed, Some(*address)));
        if found.is_empty() { Err(self.blocked(first.ip(), Some(name)).into()) } else { Ok(found) }
    }

    fn is_of_version(&self, address: IpAddr) -> bool {
        match self.rules().version {
            IpVersion::Any => true,
            IpVersion::Four => address.is_ipv4(),
            IpVersion::Six => address.is_ipv6(),
        }
    }

    fn blocked(&self, address: IpAddr, name: Option<&str>) -> Blocked {
        let class = self.rules().classes.class(address);
        let why = if self.rules().private == PrivateAddresses::Deny { Why::Denied(class) } else { Why::Guarded(class) };
        Blocked { address, name: name.map(Box::from), why }
    }

    /// The addresses that were given for a name: of its own rather than of every name, and those given last.
    fn pinned(&self, name: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let mut for_port = self.rules().pins.iter().rev().filter(|pin| pin.port == port);
        let its_own = for_port.clone().find(|pin| pin.host.as_deref() == Some(name));
        let pin = its_own.or_else(|| for_port.find(|pin| pin.host.is_none()))?;
        Some(pin.addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect())
    }
}

/// The addresses that one request may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AllowedAddresses {
    All,
    Public,
}

/// An address that the rules forbid.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Blocked {
    address: IpAddr,
    name: Option<Box<str>>,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Guarded(Class),
    Denied(Class),
    Version(IpVersion),
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} has the address {}, which ", self.address)?,
            None => write!(f, "{} ", self.address)?,
        }
        match self.why {
            Why::Guarded(class) => write!(
                f,
                "is not public ({class}), and a redirect from a public host may not lead there (guard); \
                 --private-addresses allow permits it"
            ),
            Why::Denied(class) => {
                write!(
                    f,
                    "is not public ({class}), and those are forbidden (deny); --private-addresses guard permits it"
                )
            }
            Why::Version(IpVersion::Six) => f.write_str("is not of IPv6, which alone --ip-version permits"),
            Why::Version(_) => f.write_str("is not of IPv4, which alone --ip-version permits"),
        }
    }
}

/// The resolver of one connection: gives only what may be connected to.
#[derive(Debug, Clone)]
pub(crate) struct FilteredResolver {
    pub(crate) filter: Arc<AddressFilter>,
    pub(crate) allowed: AllowedAddresses,
    /// The port that is connected to: addresses may be given for one port alone.
    pub(crate) port: u16,
}

impl FilteredResolver {
    /// The addresses of a name.
    pub(crate) async fn look_up(&self, name: &str) -> Result<Vec<SocketAddr>, ClientError> {
        let Self { filter, allowed, port } = self;
        if let Some(given) = filter.pinned(name, *port) {
            return filter.admit(name, given, *allowed);
        }
        let answer = match filter.resolver.look_up(name) {
            Lookup::Cached(answer) => answer,
            Lookup::Pending(coming) => connect_context::look_up(coming.answer()).await,
        };
        filter.admit(name, answer?.to_vec(), *allowed)
    }
}

impl tower_service::Service<dns::Name> for FilteredResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ClientError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ClientError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ClientError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        let names = self.clone();
        Box::pin(async move { Ok(names.look_up(name.as_str()).await?.into_iter()) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::config::Pin;

    fn filter(private: PrivateAddresses, look_up: fn(u32) -> Vec<SocketAddr>) -> Arc<AddressFilter> {
        let times = Mutex::new(0);
        let answer = move |_: &str| {
            let mut times = times.lock().unwrap();
            *times += 1;
            Ok(look_up(*times).into())
        };
        let pins = vec![Pin { host: Some("given.test".into()), port: 80, addresses: vec![[10, 0, 0, 1].into()] }];
        let addresses = AddressRules { private, pins, ..FetchConfig::plain().addresses };
        let config = FetchConfig { addresses, ..FetchConfig::plain() };
        Arc::new(AddressFilter::new(&Arc::new(config), &Resolver::with(answer, 1, 10)))
    }

    async fn found(
        filter: &Arc<AddressFilter>,
        allowed: AllowedAddresses,
        name: &str,
    ) -> Result<Vec<SocketAddr>, String> {
        found_at(filter, allowed, name, 80).await
    }

    async fn found_at(
        filter: &Arc<AddressFilter>,
        allowed: AllowedAddresses,
        name: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, String> {
        let names = FilteredResolver { filter: filter.clone(), allowed, port };
        names.look_up(name).await.map_err(|e| e.to_string())
    }

    /// A public address at first, later a private one too.
    fn rebound(times: u32) -> Vec<SocketAddr> {
        let public = SocketAddr::from(([93, 184, 216, 34], 0));
        if times == 1 { vec![public] } else { vec![([169, 254, 169, 254], 0).into(), public] }
    }

    #[tokio::test(start_paused = true)]
    async fn the_current_addresses_of_a_name_decide() {
        let filter = filter(PrivateAddresses::Guard, |times| rebound(times).into_iter().take(1).collect());
        assert_eq!(found(&filter, AllowedAddresses::Public, "evil.test").await.unwrap(), rebound(1));
        // Known: each caller gets the same list.
        assert_eq!(found(&filter, AllowedAddresses::Public, "evil.test").await.unwrap(), rebound(1));
        tokio::time::advance(Duration::from_secs(80)).await;
        for _ in 0..2 {
            let error = found(&filter, AllowedAddresses::Public, "evil.test").await.unwrap_err();
            assert!(error.starts_with("evil.test has the address 169.254.169.254, which is not public (link-local)"));
        }
        assert!(found(&filter, AllowedAddresses::All, "evil.test").await.is_ok(), "a list may name it");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_addresses_are_removed_before_the_connection() {
        let filter = filter(PrivateAddresses::Guard, |times| rebound(times + 1));
        assert_eq!(found(&filter, AllowedAddresses::Public, "both.test").await.unwrap(), rebound(1));
        assert_eq!(found(&filter, AllowedAddresses::All, "both.test").await.unwrap(), rebound(2));
    }

    #[tokio::test(start_paused = true)]
    async fn given_addresses_obey_the_rules_too() {
        let filter = filter(PrivateAddresses::Deny, rebound);
        let error = found_at(&filter, AllowedAddresses::Public, "given.test", 80).await.unwrap_err();
        assert!(error.contains("10.0.0.1, which is not public (private), and those are forbidden (deny)"), "{error}");
        assert_eq!(found_at(&filter, AllowedAddresses::Public, "given.test", 81).await.unwrap(), rebound(1));
    }

    #[test]
    fn a_redirect_from_an_unknown_address_counts_as_public() {
        let allowed = |private, peer: Option<[u8; 4]>| filter(private, rebound).behind(peer.map(|ip| (ip, 80).into()));
        assert_eq!(allowed(PrivateAddresses::Guard, None), AllowedAddresses::Public);
        assert_eq!(allowed(PrivateAddresses::Guard, Some([8, 8, 8, 8])), AllowedAddresses::Public);
        assert_eq!(allowed(PrivateAddresses::Guard, Some([10, 0, 0, 1])), AllowedAddresses::All);
        assert_eq!(allowed(PrivateAddresses::Deny, Some([10, 0, 0, 1])), AllowedAddresses::Public);
        assert_eq!(allowed(PrivateAddresses::Allow, None), AllowedAddresses::All);
        assert!(
            !filter(PrivateAddresses::Guard, rebound).permits(AllowedAddresses::Public, None),
            "of an unknown peer too"
        );
    }
}
