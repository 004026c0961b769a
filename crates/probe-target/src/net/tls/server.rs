//! The TLS server: certificate, ALPN and handshake. TLS 1.3 only, which every prober supports.
//!
//! The operating system supplies the randomness for keys, also in virtual time: no observable
//! result depends on it. No clock is read.

use std::io::{self, ErrorKind};
use std::sync::{Arc, OnceLock};

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use tokio::io::AsyncWriteExt;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{Acceptor, ClientHello, NoServerSessionStorage};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, ServerConfig};

use super::certificate;
use super::layer::{Layer, bare};
use super::options::TlsOptions;
use super::provider::{FixedClock, provider};
use crate::model::parse_error::ParseError;
use crate::model::port_spec::Protocol;
use crate::net::Connection;
use crate::net::buffered::Buffered;
use crate::net::closing;

/// The response of Go's servers, with the same text, as people search for it.
const NOT_TLS: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// The alert of that name (RFC 7301), sent before any other message, as other servers do. The
/// library would begin its handshake first.
const NO_APPLICATION_PROTOCOL: &[u8] = b"\x15\x03\x03\0\x02\x02\x78";

/// The certificate and the TLS configurations of a target.
#[derive(Debug)]
pub(crate) struct Tls {
    pair: OnceLock<Arc<CertifiedKey>>,
    alpn: Vec<Vec<u8>>,
    configs: [OnceLock<Arc<ServerConfig>>; 2],
}

impl Tls {
    /// Uses the configured pair; otherwise a pair is generated at its first use.
    pub(crate) fn new(options: &TlsOptions) -> Result<Self, ParseError> {
        let pair = match &options.pair {
            Some((certificates, key)) => OnceLock::from(read(certificates, key)?),
            None => OnceLock::new(),
        };
        let alpn = match &options.alpn[..] {
            [] => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            names => names.iter().map(|name| name.clone().into_bytes()).collect(),
        };
        Ok(Self {
            pair,
            alpn,
            configs: Default::default(),
        })
    }

    /// Prepares the TLS configuration for a port of `protocol`.
    pub(crate) fn prepare(&self, protocol: Protocol) -> Result<(), String> {
        if protocol.is_secured() {
            self.config(protocol)
                .map_err(|error| format!("cannot make a certificate: {error}"))?;
        }
        Ok(())
    }

    /// Performs the handshake if the protocol requires TLS.
    pub(crate) async fn accept<C: Connection>(
        &self,
        protocol: Protocol,
        connection: C,
    ) -> io::Result<Layer<C>> {
        if !protocol.is_secured() {
            return Ok(bare(connection));
        }
        let config = self.config(protocol)?;
        let mut stream = Buffered::new(connection);
        stream.fill().await?;
        // A handshake begins with the byte 22 (RFC 8446, 5.1), a request with its method.
        if stream.read.first().is_some_and(u8::is_ascii_uppercase) {
            stream.write_all(NOT_TLS).await?;
            closing::close(stream).await;
            return Err(ErrorKind::InvalidData.into());
        }
        let mut handshake = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if !has_common_protocol(&handshake.client_hello(), &config) {
            handshake.io.write_all(NO_APPLICATION_PROTOCOL).await?;
            closing::close(handshake.io).await;
            return Err(ErrorKind::InvalidData.into());
        }
        let stream = handshake.into_stream(config).await?;
        Ok(Layer::Right(Box::new(stream.into())))
    }

    fn config(&self, protocol: Protocol) -> io::Result<Arc<ServerConfig>> {
        let (known, alpn) = match protocol {
            Protocol::Grpcs => (&self.configs[1], vec![b"h2".to_vec()]),
            _ => (&self.configs[0], self.alpn.clone()),
        };
        if let Some(config) = known.get() {
            return Ok(Arc::clone(config));
        }
        let pair = match self.pair.get() {
            Some(pair) => Arc::clone(pair),
            None => self_signed().map_err(io::Error::other)?,
        };
        // Another task may have been first; all ports show one certificate.
        let pair = Arc::clone(self.pair.get_or_init(|| pair));
        let config = config(pair, alpn).map_err(io::Error::other)?;
        Ok(Arc::clone(known.get_or_init(|| config)))
    }
}

/// Whether the client offers no protocols, or at least one that the server supports.
fn has_common_protocol(hello: &ClientHello<'_>, config: &ServerConfig) -> bool {
    let ours = |name: &[u8]| config.alpn_protocols.iter().any(|known| known == name);
    hello.alpn().is_none_or(|mut offered| offered.any(ours))
}

fn config(pair: Arc<CertifiedKey>, alpn: Vec<Vec<u8>>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_details(provider(), Arc::new(FixedClock));
    let mut config = builder
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = alpn;
    // Every handshake is a full one, like that of a prober that connects for the first time.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// A generated key with a self-signed certificate, which probers do not verify.
fn self_signed() -> Result<Arc<CertifiedKey>, rustls::Error> {
    let no_randomness = |_| rustls::Error::General("the system gives no random bytes".to_owned());
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
    let key = PrivatePkcs8KeyDer::from(key.map_err(no_randomness)?.as_ref().to_vec());
    let key = any_supported_type(&key.into())?;
    let certificate = certificate::self_signed(&*key)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate], key)))
}

fn read(certificates: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, ParseError> {
    let wrong = |option: &'static str| {
        move |error: pem::Error| ParseError::new(option, format!("not in PEM: {error}"))
    };
    let certificates = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(wrong("--tls-cert"))?;
    if certificates.is_empty() {
        return Err(ParseError::new(
            "--tls-cert",
            "there is no certificate in it",
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(wrong("--tls-key"))?;
    let pair = certified(certificates, &key);
    pair.map_err(|error| {
        ParseError::new(
            "--tls-key",
            format!("cannot be used with --tls-cert: {error}"),
        )
    })
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let key = any_supported_type(key)?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        // Not every kind of key can tell its public half.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(pair))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio_rustls::TlsStream;

    use super::*;
    use crate::net::tests::memory::Memory;
    use crate::net::{Listener, Network};

    /// A pair as files have it: certificate, key.
    fn pair() -> (CertificateDer<'static>, (Vec<u8>, Vec<u8>)) {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.as_ref().to_vec());
        let signing = any_supported_type(&key.clone_key().into()).unwrap();
        let certificate = certificate::self_signed(&*signing).unwrap();
        let texts = (
            pem("CERTIFICATE", &certificate),
            pem("PRIVATE KEY", key.secret_pkcs8_der()),
        );
        (certificate, texts)
    }

    /// RFC 7468.
    fn pem(label: &str, bytes: &[u8]) -> Vec<u8> {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = format!("-----BEGIN {label}-----\n");
        for (place, three) in bytes.chunks(3).enumerate() {
            let bits = three
                .iter()
                .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
            let bits = bits << (8 * (3 - three.len()));
            for letter in 0..4 {
                let padding = three.len() < letter;
                let index = bits >> (18 - 6 * letter) & 63;
                text.push(if padding {
                    '='
                } else {
                    char::from(LETTERS[index])
                });
            }
            if place % 16 == 15 {
                text.push('\n');
            }
        }
        format!("{text}\n-----END {label}-----\n").into_bytes()
    }

    fn given(pair: (Vec<u8>, Vec<u8>)) -> Result<Tls, ParseError> {
        Tls::new(&TlsOptions {
            pair: Some(pair),
            alpn: Vec::new(),
        })
    }

    /// The certificate that a client is shown.
    async fn shown(tls: Tls) -> CertificateDer<'static> {
        let (network, port) = (Memory::default(), (Ipv4Addr::LOCALHOST, 1).into());
        let mut listener = network.listen(port).await.unwrap();
        let connection = network.connect(port).await.unwrap();
        let accepted = listener.accept().await.unwrap();
        let (client, server) = tokio::join!(
            crate::net::tls::connect(connection, "h2"),
            tls.accept(Protocol::Https, accepted)
        );
        server.unwrap();
        let Layer::Right(client) = client.unwrap() else {
            panic!("the client must have a layer")
        };
        let TlsStream::Client(client) = *client else {
            panic!("the client must be one")
        };
        let chain = client.get_ref().1.peer_certificates().unwrap();
        chain[0].clone().into_owned()
    }

    #[tokio::test]
    async fn the_pair_that_is_given_is_shown() {
        let (certificate, texts) = pair();
        assert_eq!(shown(given(texts).unwrap()).await, certificate);
    }

    #[tokio::test]
    async fn without_one_a_pair_is_made_once() {
        let tls = Tls::new(&TlsOptions::default()).unwrap();
        tls.prepare(Protocol::Grpcs).unwrap();
        let made = tls.pair.get().unwrap().cert[0].clone();
        tls.prepare(Protocol::Https).unwrap();
        assert_eq!(shown(tls).await, made);
    }

    #[test]
    fn a_pair_that_is_none_is_refused() {
        let ((certificate, key), (other, _)) = (pair().1, pair().1);
        let error = given((other, key.clone())).unwrap_err();
        assert_eq!(error.field, "--tls-key");
        assert!(
            error
                .reason
                .to_string()
                .starts_with("cannot be used with --tls-cert"),
            "{error}"
        );
        let error = given((certificate.clone(), certificate)).unwrap_err();
        assert_eq!(error.field, "--tls-key");
        assert!(
            error.reason.to_string().starts_with("not in PEM"),
            "{error}"
        );
        let error = given((key.clone(), key)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`--tls-cert`: there is no certificate in it"
        );
    }
}
