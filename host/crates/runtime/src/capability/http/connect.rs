//! Finds a server and connects to it.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use springline_model::capability::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

use super::Network;
use super::address::{Host, Server};

/// So many addresses of a name are looked at, and tried one after the other.
const ADDRESSES: usize = 16;

/// The addresses of a name, once they are found.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Finds the addresses of a name. It is asked once for each request.
pub trait Resolver: Send + Sync {
    /// The addresses of this name, which is in ASCII and lower case.
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a>;
}

/// The system's own resolver, `/etc/hosts` included.
pub(super) struct System;

impl Resolver for System {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects the calls of a runtime.
pub(crate) struct Connector {
    network: Network,
    /// Made for the first encrypted connection.
    tls: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Connector {
    /// One for this network. Nothing is read or opened yet.
    pub(crate) fn new(network: Network) -> Self {
        Self { network, tls: OnceLock::new() }
    }

    /// The addresses of a server. Nobody asks for them a second time, so that they can't be others
    /// when it is connected to than when they were judged.
    pub(super) async fn addresses(&self, server: &Server) -> Result<Vec<IpAddr>, Error> {
        let name = match &server.host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Name(name) => name,
        };
        let unknown = |rcode: String| Error::DnsError { rcode: Some(rcode), info_code: None };
        let mut addresses = self.network.resolver.resolve(name).await.map_err(|error| unknown(error.to_string()))?;
        addresses.dedup();
        match addresses.len() {
            0 => Err(unknown("the name has no address".into())),
            found if found > ADDRESSES => Err(unknown(format!("the name has more than {ADDRESSES} addresses"))),
            _ => Ok(addresses),
        }
    }

    /// Connects to one of these addresses of a server, the first that answers.
    pub(super) async fn connect(&self, server: &Server, addresses: &[IpAddr]) -> Result<Box<dyn Stream>, Error> {
        let mut failure = Error::DestinationNotFound;
        for address in addresses {
            match TcpStream::connect(SocketAddr::new(*address, server.port)).await {
                Ok(stream) => {
                    // Without it, only small requests are slower.
                    let _ = stream.set_nodelay(true);
                    return match server.scheme {
                        Scheme::Http => Ok(Box::new(stream)),
                        Scheme::Https => self.encrypt(server, stream).await,
                    };
                }
                Err(error) => failure = of_connect(&error),
            }
        }
        Err(failure)
    }

    async fn encrypt(&self, server: &Server, stream: TcpStream) -> Result<Box<dyn Stream>, Error> {
        let config = self.tls.get_or_init(|| tls(&self.network.authorities));
        let config = config.as_ref().map_err(|message| Error::InternalError(Some(message.clone())))?;
        let name = match &server.host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)?,
        };
        let encrypted = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
        Ok(Box::new(encrypted.map_err(|error| of_tls(&error))?))
    }
}

fn tls(authorities: &[PathBuf]) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots: Vec<CertificateDer<'static>> = Vec::new();
    for path in authorities {
        let failed = |error: &dyn std::fmt::Display| format!("the certificates of {}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            roots.push(certificate.map_err(|error| failed(&error))?);
        }
        if roots.len() == before {
            return Err(failed(&"there is none in it"));
        }
    }
    let failed = |error: rustls::Error| format!("TLS can't be started: {error}");
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(failed)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn of_connect(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        _ => Error::DestinationUnavailable,
    }
}

fn of_tls(error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => {
            Error::TlsAlertReceived { alert_id: Some(u8::from(*alert)), alert_message: Some(format!("{alert:?}")) }
        }
        _ => Error::TlsProtocolError,
    }
}
