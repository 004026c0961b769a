//! The TLS client, which accepts every certificate, as the kubelet does.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::layer::Layer;
use super::provider::{FixedClock, provider};
use crate::net::Connection;
use crate::net::buffered::Buffered;

/// Performs a TLS handshake that offers `alpn`.
pub(crate) async fn connect<C: Connection>(connection: C, alpn: &str) -> io::Result<Layer<C>> {
    let config = config(alpn).map_err(io::Error::other)?;
    // For an IP address, no server name is sent, as by the kubelet.
    let name = ServerName::from(connection.peer().ip());
    let connection = Buffered::new(connection);
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, connection);
    let stream = connecting.await.map_err(tls_error)?;
    Ok(Layer::Right(Box::new(stream.into())))
}

/// Marks a TLS error, so that it is not taken for invalid HTTP. Errors of the network are
/// unchanged.
fn tls_error(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::InvalidData => io::Error::other(format!("no TLS: {error}")),
        _ => error,
    }
}

fn config(alpn: &str) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_details(provider(), Arc::new(FixedClock));
    let mut config = builder
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAny))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Ok(config)
}

/// A verifier that accepts every certificate.
#[derive(Debug)]
struct AcceptAny;

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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // Offered only: a server refuses a client that shares no scheme with its key.
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ED25519,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
        ]
    }
}
