//! Builds the inputs of HTTP fetches: fields, proxies, TLS, limits of time and size.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{COOKIE, HeaderName, HeaderValue, USER_AGENT};

use super::SetupError;
use super::bounded_read::{LARGE, read_for as read};
use super::cookies;
use crate::config::{Config, Digest, HostTable, Proxies, headers, pins, user};
use crate::fetch::{AddressSpec, DecoderMemory, HostFields, HttpSpec, Keeping, Saving, Throttle, TlsSpec};
use crate::model::{is_secret, shown_path};
use crate::policy::credentials::netrc::Netrc;
use crate::policy::network::address::AddressClasses;
use crate::policy::network::no_proxy::NoProxy;

/// Builds the rules about which addresses are connected to.
pub(super) fn addresses(config: &Config, classes: AddressClasses) -> AddressSpec {
    AddressSpec::new(config.private_addresses, classes, pins(config), config.ip_version)
}

/// Builds the trust roots and the client certificate of TLS, and tries them out.
fn tls_spec(config: &Config) -> Result<TlsSpec, SetupError> {
    let check = |tls: &TlsSpec, path: Option<&PathBuf>| {
        let path = shown_path(path.map_or(Path::new(""), PathBuf::as_path));
        tls.check().map_err(|e| SetupError::Setting(format!("cannot use {path}: {}", e.0)))
    };
    let ca_pem = config.cacert.as_deref().map(|path| read(path, "certificate authorities", LARGE)).transpose()?;
    let mut tls = TlsSpec { ca_pem, identity: None, insecure: config.insecure, http1: config.http1 };
    check(&tls, config.cacert.as_ref())?;
    if let Some(cert) = &config.cert {
        let key = config.key.as_ref();
        let chain = read(cert, "the certificate to show", LARGE)?;
        let private = key.map(|path| read(path, "its private key", LARGE)).transpose()?;
        let private = private.unwrap_or_else(|| chain.clone());
        tls.identity = Some((chain, private));
        check(&tls, Some(key.unwrap_or(cert)))?;
    }
    Ok(tls)
}

/// Builds the inputs of fetches; the destination of bodies is left open.
pub(super) fn http_spec(config: &Config, addresses: AddressSpec) -> Result<HttpSpec, SetupError> {
    let proxies = Proxies::parse(config.proxy.as_deref().unwrap_or_default())
        .map_err(|why| SetupError::Setting(format!("proxy: {why}")))?;
    Ok(HttpSpec {
        headers: request_fields(config)?,
        user: user(config),
        netrc: Netrc::default(),
        anyauth: config.anyauth,
        challenges: Arc::default(),
        decoder_memory: DecoderMemory::default(),
        cookies: None,
        proxies,
        no_proxy: NoProxy::parse(config.noproxy.as_deref().unwrap_or_default()),
        head: config.head,
        hosts: host_fields(config),
        max_redirects: config.max_redirects,
        addresses: Arc::new(addresses),
        tls: tls_spec(config)?,
        compression: config.compression,
        connect_timeout: config.connect_timeout,
        read_timeout: config.read_timeout,
        timeout: config.timeout,
        low_speed: config.low_speed,
        // Known with the rest of the run.
        keeps_validators: false,
        // Made with the rest of the run.
        throttle: Throttle::default(),
        saving: Saving::Discard,
        // With `fresh`, the run requests every URL anew.
        refresh: config.refresh && !config.fresh,
        remote_time: config.sets_file_times(),
        keeping: Keeping::ForNow,
        names: true,
        sync: config.sync,
        content_disposition: config.content_disposition,
        skip_existing: config.skip_existing,
        dry_run: config.dry_run,
        run: fastrand::u64(..),
        digest: digest(config),
        max_size: config.max_size,
        // Shared out when everything else is open.
        idle_connections: 1,
    })
}

/// Returns the digest to compute. Without a configured digest, `--changes` selects one: if a server
/// sends neither tag nor time, only a digest reveals a change of equal length. URLs that earlier
/// runs completed without a digest stay done.
fn digest(config: &Config) -> Digest {
    match config.digest {
        Digest::None if config.changes.is_some() => Digest::Blake3,
        asked => asked,
    }
}

/// Builds the fields and credentials for single hosts.
fn host_fields(config: &Config) -> Vec<HostFields> {
    let told = |table: &HostTable| HostFields {
        pattern: table.pattern.clone(),
        fields: table.fields(),
        credentials: table.credentials(),
    };
    config.hosts.iter().map(told).collect()
}

/// User-Agent and the fields of the configuration; `None` where one of ours is not sent.
fn request_fields(config: &Config) -> Result<Vec<(HeaderName, Option<HeaderValue>)>, SetupError> {
    let agent = HeaderValue::from_bytes(config.user_agent.as_bytes())
        .map_err(|_| SetupError::Setting("user-agent: has a control character; remove it".to_owned()))?;
    let mut fields = headers(config);
    if let Some(text) = cookies::field(config) {
        let value = HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| SetupError::Setting("cookie: has a control character; remove it".to_owned()))?;
        fields.push((COOKIE, Some(value)));
    }
    for value in fields.iter_mut().filter(|(name, _)| is_secret(name)).filter_map(|(_, value)| value.as_mut()) {
        value.set_sensitive(true);
    }
    // A field that the user wrote out is the one that is sent, as curl does it.
    if fields.iter().all(|(name, _)| *name != USER_AGENT) {
        fields.insert(0, (USER_AGENT, Some(agent).filter(|agent| !agent.is_empty())));
    }
    Ok(fields)
}
