//! TLS for HTTPS probes and hooks, as a node does it: any certificate, no server name, and HTTP/2
//! preferred by probes.
//!
//! Keys come from the operating system even in virtual time: no probe report depends on them.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{ClientConfig, Resumption};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::{AlertDescription, DigitallySignedStruct, Error, SignatureScheme};

use super::client::Client;
use super::request_error::RequestError;
use crate::kubelet::recorded_stream::{ReadRecord, RecordedStream};
use crate::net::Stream;

/// Rule: Go's `net/http/transport.go`, `DefaultTransport.TLSHandshakeTimeout`, which
/// `pkg/probe/http` does not change.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// A TLS connection.
pub(super) struct TlsConnection(TlsStream<RecordedStream>);

impl TlsConnection {
    /// Performs the TLS handshake over `stream`.
    pub(super) async fn handshake(stream: Stream, client: Client) -> Result<Self, RequestError> {
        let addresses = format!("{}->{}", stream.local(), stream.peer());
        // An address, so that no server name is sent.
        let name = ServerName::from(stream.peer().ip());
        let (stream, seen) = RecordedStream::new(stream);
        let (config, limit) = match client {
            Client::Probe => (&PROBE_CONFIG, HANDSHAKE_LIMIT),
            Client::Lifecycle => (&LIFECYCLE_CONFIG, Duration::MAX),
        };
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        match tokio::time::timeout(limit, handshake).await {
            Ok(Ok(stream)) => Ok(Self(stream)),
            // Go looks at the bytes that are no TLS record.
            Ok(Err(_)) if !seen.reset() && seen.head() == b"HTTP/" => Err(RequestError {
                text: "http: server gave HTTP response to HTTPS client".to_owned(),
                is_plain_http: true,
            }),
            Ok(Err(error)) => Err(handshake_error(&error, &seen, &addresses).into()),
            Err(_) => Err("net/http: TLS handshake timeout".to_owned().into()),
        }
    }

    /// Whether ALPN selected HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        self.0.get_ref().1.alpn_protocol() == Some(b"h2")
    }
}

fn handshake_error(error: &io::Error, seen: &ReadRecord, addresses: &str) -> String {
    if seen.reset() || error.kind() == ErrorKind::ConnectionReset {
        return format!("read tcp {addresses}: read: connection reset by peer");
    }
    let why = error.get_ref().and_then(|why| why.downcast_ref::<Error>());
    match why {
        Some(Error::InvalidMessage(_)) => {
            "tls: first record does not look like a TLS handshake".to_owned()
        }
        Some(Error::AlertReceived(alert)) => format!("remote error: tls: {}", alert_name(*alert)),
        Some(why) => format!("tls: {why}"),
        None => "EOF".to_owned(),
    }
}

/// Go's name of a TLS alert: the one in RFC 8446, as lower-case words.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    for letter in format!("{alert:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push(' ');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

static PROBE_CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| config(&[b"h2", b"http/1.1"]));
static LIFECYCLE_CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| config(&[]));

/// The configuration of a client that offers these protocols.
fn config(protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(AcceptAny(Arc::clone(&provider)));
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(FixedTime))
        .with_safe_default_protocol_versions()
        .expect("the provider must have suites for the versions")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    // Each attempt is independent.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// A constant time: certificates are not checked and sessions are not kept.
#[derive(Debug)]
struct FixedTime;

impl TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::ZERO))
    }
}

/// Accepts any certificate, but checks that the server holds its key.
///
/// Rule: `pkg/probe/http/http.go`, `InsecureSkipVerify`.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.0).poll_read(context, buffer) {
            // A close without `close_notify`, which Go accepts as the end between two records.
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            read => read,
        }
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
