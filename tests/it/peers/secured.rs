//! Tests of TLS with OpenSSL, curl and gRPC's library: protocols, replies, faults and health.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use expect_test::expect;

use super::{curl, python, target::Target};
use crate::program::{Ended, root};

#[test]
fn openssl_agrees_on_a_version_and_a_protocol() {
    if python("openssl_agrees_on_a_version_and_a_protocol").is_none() {
        return;
    }
    let target = Target::start(&["https"]);
    for (offered, agreed) in [
        ("h2,http/1.1", "ALPN protocol: h2"),
        ("http/1.1", "ALPN protocol: http/1.1"),
        ("dns", "no application protocol"),
    ] {
        let told = openssl(&target, 0, &["-alpn", offered]);
        assert!(told.contains(agreed), "{offered}: {told}");
    }
    let told = openssl(&target, 0, &["-tls1_3"]);
    assert!(told.contains("New, TLSv1.3"), "{told}");
    let told = openssl(&target, 0, &["-tls1_2"]);
    assert!(told.contains("alert protocol version"), "{told}");
}

#[test]
fn a_fault_over_tls_is_what_its_name_says() {
    if python("a_fault_over_tls_is_what_its_name_says").is_none() {
        return;
    }
    let target = Target::start(&["https"]);
    let ask = |fault: &str| {
        target.lay("/x", &format!("{{{fault}}}"));
        let url = target.url("/x").replace("http:", "https:");
        let patience = if fault.contains("hang") { "5" } else { "60" };
        let answer = curl::ask(&["-k", "--http1.1", "--max-time", patience, &url]);
        format!("{fault:32} {answer}\n")
    };
    let seen = [
        r#""status":200"#,
        r#""status":503"#,
        r#""fault":"hang""#,
        r#""fault":"close""#,
        r#""fault":"reset""#,
        r#""fault":"short-body","bytes":7"#,
        r#""fault":"malformed""#,
    ];
    expect![[r#"
        "status":200                     whole, 200, 7 bytes
        "status":503                     whole, 503, 24 bytes
        "fault":"hang"                   28 timeout, 000, 0 bytes
        "fault":"close"                  52 empty, 000, 0 bytes
        "fault":"reset"                  56 reset, 000, 0 bytes
        "fault":"short-body","bytes":7   18 cut short, 200, 7 bytes
        "fault":"malformed"              1 not HTTP, 000, 0 bytes
    "#]]
    .assert_eq(&seen.map(ask).concat());
    target.lay("/x", r#"{"status":404}"#);
    let url = target.url("/x").replace("http:", "https:");
    let answer = curl::ask(&["-k", "--http2", &url]);
    assert_eq!(answer.to_string(), "whole, 404, 14 bytes");
}

#[test]
fn health_is_told_over_tls_to_who_trusts_the_certificate() {
    let Some(python) = python("health_is_told_over_tls_to_who_trusts_the_certificate") else {
        return;
    };
    let target = Target::start(&["https", "grpcs"]);
    let told = openssl(&target, 1, &[]);
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let (_, certificate) = told.split_once(begin).expect("a certificate is shown");
    let (certificate, _) = certificate.split_once(end).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let trusted = folder.path().join("ca.pem");
    fs::write(&trusted, format!("{begin}{certificate}{end}\n")).unwrap();
    assert_eq!(health(&python, &target, &trusted), "SERVING\n");
    target.put(1, "/routes/a", r#"{"status":503}"#);
    assert_eq!(health(&python, &target, &trusted), "NOT_SERVING\n");
}

/// The output of `openssl s_client` for the port with this index.
fn openssl(target: &Target, index: u16, words: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect"])
        .arg(format!("127.0.0.1:{}", target.port(index)))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("openssl must be installed");
    let ended = Ended::from(output);
    ended.stdout + &ended.stderr
}

fn health(python: &Path, target: &Target, trusted: &Path) -> String {
    let output = Command::new(python)
        .arg(root().join("tests/peers/health.py"))
        .arg(format!("127.0.0.1:{}", target.port(1)))
        .args(["check", "a"])
        .env("PROBE_TARGET_CA", trusted)
        .output();
    let ended = Ended::from(output.unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}
