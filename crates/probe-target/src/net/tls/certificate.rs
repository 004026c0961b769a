//! A self-signed certificate (RFC 5280), written in DER by hand.
//! A library for certificates would add twenty crates.

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::sign::SigningKey;
use tokio_rustls::rustls::{Error, SignatureScheme};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// Tags of a `GeneralName`.
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
/// Context-specific tags of the certificate's body.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// Object identifiers with tag and length.
const ECDSA_WITH_SHA256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
const SUBJECT_ALT_NAME: &[u8] = b"\x06\x03\x55\x1d\x11";

/// A certificate for this host, signed by `key`, which must be of P-256. It never expires.
pub(super) fn self_signed(key: &dyn SigningKey) -> Result<CertificateDer<'static>, Error> {
    let unfit = || Error::General("the key must be one of P-256".to_owned());
    let signer = key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]);
    let public = key.public_key().ok_or_else(unfit)?;
    let body = body(&public);
    let signature = signer.ok_or_else(unfit)?.sign(&body)?;
    let algorithm = der(SEQUENCE, &[ECDSA_WITH_SHA256]);
    // The last byte has no unused bits.
    let signature = der(BIT_STRING, &[&[0], &signature]);
    Ok(der(SEQUENCE, &[&body, &algorithm, &signature]).into())
}

/// `TBSCertificate`.
fn body(public: &[u8]) -> Vec<u8> {
    let name = der(UTF8_STRING, &[b"probe-target"]);
    let name = der(SET, &[&der(SEQUENCE, &[COMMON_NAME, &name])]);
    let name = der(SEQUENCE, &[&name]);
    // 4.1.2.5: the end of certificates that do not expire.
    let validity = [
        der(UTC_TIME, &[b"700101000000Z"]),
        der(GENERALIZED_TIME, &[b"99991231235959Z"]),
    ];
    // As random as the key, and positive.
    let serial = &public[public.len().saturating_sub(8)..];
    der(
        SEQUENCE,
        &[
            // 2 is version 3.
            &der(VERSION, &[&der(INTEGER, &[&[2]])]),
            &der(INTEGER, &[&[1], serial]),
            &der(SEQUENCE, &[ECDSA_WITH_SHA256]),
            &name,
            &der(SEQUENCE, &[&validity.concat()]),
            &name,
            public,
            &der(EXTENSIONS, &[&der(SEQUENCE, &[&names()])]),
        ],
    )
}

/// The names and addresses of this host as a subject alternative name.
fn names() -> Vec<u8> {
    let names = [
        der(DNS_NAME, &[b"localhost"]),
        der(IP_ADDRESS, &[&[127, 0, 0, 1]]),
        der(IP_ADDRESS, &[&std::net::Ipv6Addr::LOCALHOST.octets()]),
    ];
    let names = der(SEQUENCE, &[&names.concat()]);
    der(SEQUENCE, &[SUBJECT_ALT_NAME, &der(OCTET_STRING, &[&names])])
}

/// Encodes one value: tag, length and contents.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    // X.690, 8.1.3: lengths from 128 on are preceded by the number of their bytes.
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len())
        .expect("a certificate must be short")
        .to_be_bytes();
    let mut value = match (high, low) {
        (0, ..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    value.extend(content);
    value
}
