//! Whose files are written, replaced and removed.

use std::{net::TcpListener, os::unix::fs::PermissionsExt as _};

use kube::config::Kubeconfig;
use tempfile::TempDir;

use super::*;

const SERVER: &str = "127.0.0.1:1";

fn server() -> SocketAddr {
    SERVER.parse().unwrap()
}

#[test]
fn the_file_is_a_kubeconfig_for_the_user_alone_and_goes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pocket.yaml");
    let (file, replaced) = KubeconfigFile::write(&path, server()).unwrap();
    assert!(!replaced);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = Kubeconfig::read_from(&path).unwrap();
    assert_eq!(read.current_context.as_deref(), Some("pocket"));
    let cluster = read.clusters[0].cluster.clone().unwrap();
    assert_eq!(cluster.server.as_deref(), Some("http://127.0.0.1:1"));
    file.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn files_of_others_stay() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("config");
    for text in [&b"apiVersion: v1\n"[..], b"\xff\xfe"] {
        fs::write(&path, text).unwrap();
        let refused = KubeconfigFile::write(&path, server()).unwrap_err();
        assert_eq!(refused.exit(), Exit::Usage, "{refused}");
        assert_eq!(fs::read(&path).unwrap(), text);
    }
}

#[test]
fn a_changed_file_stays() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pocket.yaml");
    let (file, _) = KubeconfigFile::write(&path, server()).unwrap();
    fs::write(&path, "mine\n").unwrap();
    file.remove().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"mine\n");
}

#[test]
fn only_the_file_of_a_cluster_that_is_gone_is_replaced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pocket.yaml");
    let running = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = running.local_addr().unwrap();
    KubeconfigFile::write(&path, address).unwrap();
    let refused = KubeconfigFile::write(&path, server()).unwrap_err();
    assert!(
        refused.to_string().contains("a cluster that runs"),
        "{refused}"
    );
    // The same port: what listens there is the new cluster itself.
    assert!(KubeconfigFile::write(&path, address).unwrap().1);
    drop(running);
    assert!(KubeconfigFile::write(&path, server()).unwrap().1);
}
