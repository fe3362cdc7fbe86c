//! The TLS configuration: rustls with ring, authorities loaded only when the first handshake needs them.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, RootCertStore, SignatureScheme};

use crate::fetch::config::{BuildError, TlsConfig};

impl TlsConfig {
    /// Whether a client can be built from it.
    ///
    /// # Errors
    /// Returns the reason why no client can be built.
    pub fn check(&self) -> Result<(), BuildError> {
        client_config(self).map(|_| ())
    }
}

/// Builds the client configuration with these settings.
pub(crate) fn client_config(settings: &TlsConfig) -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = if settings.insecure {
        Trust::Anyone
    } else if let Some(pem) = &settings.ca_pem {
        Trust::These(webpki(roots_of(pem)?, &provider).map_err(|e| BuildError(e.to_string()))?)
    } else {
        Trust::System(OnceLock::new())
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| BuildError(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust, provider }));
    let mut config = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let (chain, key) = identity_of(chain, key)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| BuildError(format!("the key does not belong to the certificate: {e}")))?
        }
    };
    let protocols: &[&[u8]] = if settings.http1 { &[b"http/1.1"] } else { &[b"h2", b"http/1.1"] };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config.resumption = Resumption::in_memory_sessions(256);
    Ok(config)
}

fn roots_of(pem: &[u8]) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(pem) {
        let cert = cert.map_err(|e| BuildError(format!("the CA file is no valid PEM: {e:?}")))?;
        roots.add(cert).map_err(|e| BuildError(format!("the CA file holds an unusable certificate: {e}")))?;
    }
    if roots.is_empty() {
        return Err(BuildError("the CA file holds no certificate (it must be PEM)".to_owned()));
    }
    Ok(roots)
}

/// The certificate that servers are shown, with those above it, and its key.
fn identity_of(chain: &[u8], key: &[u8]) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), BuildError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|e| BuildError(format!("the certificate is no valid PEM: {e:?}")))?;
    if chain.is_empty() {
        return Err(BuildError("there is no certificate in it (it must be PEM)".to_owned()));
    }
    // The error of the parser is not repeated: it may contain part of the key.
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        BuildError("there is no private key (PEM, without a passphrase); name its file with --key".to_owned())
    })?;
    Ok((chain, key))
}

fn webpki(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|e| Error::General(e.to_string()))
}

/// The system's authorities, parsed once a process: it takes some 6 ms.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // Skip unreadable or invalid certificates, as every client does. If none is left, the handshake fails with
        // that reason.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

#[derive(Debug)]
enum Trust {
    System(OnceLock<Result<Arc<WebPkiServerVerifier>, Error>>),
    These(Arc<WebPkiServerVerifier>),
    Anyone,
}

/// Verifies certificates. Loads the system's authorities at the first verification.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let webpki = match &self.trust {
            Trust::Anyone => return Ok(ServerCertVerified::assertion()),
            Trust::These(verifier) => verifier,
            Trust::System(cell) => {
                let built = cell.get_or_init(|| {
                    let roots = system_roots();
                    if roots.is_empty() {
                        return Err(Error::General(
                            "this system has no certificate authorities; install ca-certificates or give --cacert"
                                .to_owned(),
                        ));
                    }
                    webpki(roots.clone(), &self.provider)
                });
                match built {
                    Ok(verifier) => verifier,
                    Err(error) => return Err(error.clone()),
                }
            }
        };
        webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns the name of a version of TLS, as in a WARC-Protocol field.
pub(super) fn version_name(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("tls/1.2"),
        ProtocolVersion::TLSv1_3 => Some("tls/1.3"),
        _ => None,
    }
}
