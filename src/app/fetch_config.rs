//! Builds the settings of HTTP fetches: fields, proxies, TLS, limits of time and size.

use std::path::{Path, PathBuf};

use http::header::{COOKIE, HeaderName, HeaderValue, USER_AGENT};

use super::SetupError;
use super::bounded_read::{LARGE, read_for as read};
use super::cookies;
use crate::config::{Config, HostTable, Proxies, headers, pins, user};
use crate::fetch::{AddressRules, FetchConfig, HostFields, Keeping, Saving, TlsConfig};
use crate::model::{Needs, is_secret, shown_path};
use crate::policy::credentials::netrc::Netrc;
use crate::policy::network::address::AddressClasses;
use crate::policy::network::no_proxy::NoProxy;

/// Builds the trust roots and the client certificate of TLS, and tries them out.
fn tls(config: &Config) -> Result<TlsConfig, SetupError> {
    let check = |tls: &TlsConfig, path: Option<&PathBuf>| {
        let path = shown_path(path.map_or(Path::new(""), PathBuf::as_path));
        tls.check().map_err(|e| SetupError::Setting(format!("cannot use {path}: {}", e.0)))
    };
    let ca_pem = config.cacert.as_deref().map(|path| read(path, "certificate authorities", LARGE)).transpose()?;
    let mut tls = TlsConfig { ca_pem, identity: None, insecure: config.insecure, http1: config.http1 };
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

/// Builds the settings of fetches; the destination of bodies is left open.
pub(super) fn fetch_config(config: &Config, classes: AddressClasses) -> Result<FetchConfig, SetupError> {
    let proxies = Proxies::parse(config.proxy.as_deref().unwrap_or_default())
        .map_err(|why| SetupError::Setting(format!("proxy: {why}")))?;
    Ok(FetchConfig {
        headers: request_fields(config)?,
        user: user(config),
        netrc: Netrc::default(),
        anyauth: config.anyauth,
        proxies,
        no_proxy: NoProxy::parse(config.noproxy.as_deref().unwrap_or_default()),
        head: config.head,
        hosts: host_fields(config),
        max_redirects: config.max_redirects,
        addresses: AddressRules {
            private: config.private_addresses,
            classes,
            pins: pins(config),
            version: config.ip_version,
        },
        tls: tls(config)?,
        compression: config.compression,
        connect_timeout: config.connect_timeout,
        read_timeout: config.read_timeout,
        timeout: config.timeout,
        low_speed: config.low_speed,
        // Known with the rest of the run.
        needs: Needs::empty(),
        text_format: config.text.format,
        saving: Saving::Discard,
        page_types: config.crawl.page_types.clone(),
        forms: config.crawl.forms,
        checks: config.crawl.check,
        // With `fresh`, the run requests every URL anew.
        refresh: config.refresh && !config.fresh,
        remote_time: config.sets_file_times(),
        keeping: Keeping::ForNow,
        names: true,
        sync: config.sync,
        content_disposition: config.content_disposition,
        adjust_extension: config.crawl.adjust_extension,
        convert_links: config.crawl.convert_links,
        skip_existing: config.skip_existing,
        dry_run: config.dry_run,
        run: fastrand::u64(..),
        max_size: config.max_size,
        // Shared out when everything else is open.
        idle_connections: 1,
    })
}

/// Builds the fields and credentials for single hosts.
fn host_fields(config: &Config) -> Vec<HostFields> {
    let told = |table: &HostTable| {
        let mut fields = table.fields();
        hide_secrets(&mut fields);
        HostFields { pattern: table.pattern.clone(), fields, credentials: table.credentials() }
    };
    config.hosts.iter().map(told).collect()
}

/// Marks secret values, so that no log shows them.
fn hide_secrets(fields: &mut [(HeaderName, Option<HeaderValue>)]) {
    for value in fields.iter_mut().filter(|(name, _)| is_secret(name)).filter_map(|(_, value)| value.as_mut()) {
        value.set_sensitive(true);
    }
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
    hide_secrets(&mut fields);
    // A field that the user wrote out is the one that is sent, as curl does it.
    if fields.iter().all(|(name, _)| *name != USER_AGENT) {
        fields.insert(0, (USER_AGENT, Some(agent).filter(|agent| !agent.is_empty())));
    }
    Ok(fields)
}
