//! `probeflip pocket`: the API, Pods and Services on ports, as other programs use them.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Stdio,
};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::AttachParams, config::Kubeconfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::{
    namespace::Namespace,
    program::{Cluster, Ended, probeflip, run},
    running::Running,
};

const SEED: [&str; 2] = ["manifests/seed/deploy.yaml", "manifests/seed/svc-2.yaml"];
const PODS: &str = "/api/v1/namespaces/default/pods";

/// A cluster on a port, which ends with this value.
pub(crate) struct Served {
    pub(crate) cluster: Cluster,
    pub(crate) server: SocketAddr,
    process: Running,
    _folder: TempDir,
}

impl Served {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let kubeconfig = folder.path().join("pocket.yaml");
        let mut command = probeflip();
        command.args(["pocket", "--latencies", "none", "--kubeconfig"]);
        let mut process = Running::start(command.arg(&kubeconfig));
        process.until("pocket listens on");
        let server = server(&kubeconfig);
        let context = "pocket".to_owned();
        Self {
            cluster: Cluster {
                kubeconfig,
                context,
            },
            server,
            process,
            _folder: folder,
        }
    }

    fn get(&self, path: &str) -> Value {
        let (code, body) = ask(self.server, "GET", path, "").unwrap();
        assert_eq!(code, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or(Value::String(body))
    }

    pub(crate) fn up(&self) {
        let ended = self.cluster.run(&["up", SEED[0], SEED[1]]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }

    /// The addresses of the seed's Pod and of the first of its Services.
    fn addresses(&self) -> (SocketAddr, SocketAddr) {
        let pod = &self.get(PODS)["items"][0]["status"]["podIP"];
        let service = self.get("/api/v1/namespaces/default/services/web-a");
        let service = &service["spec"]["clusterIP"];
        let address =
            |ip: &Value, port| SocketAddr::new(ip.as_str().unwrap().parse().unwrap(), port);
        (address(pod, 8080), address(service, 80))
    }

    /// Reads the lines of a watch up to the first with `text`.
    fn watch_until(&self, path: &str, text: &str) {
        let mut stream = TcpStream::connect(self.server).unwrap();
        let request = format!("GET {path}?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains(text)), "no `{text}`");
    }
}

fn server(kubeconfig: &PathBuf) -> SocketAddr {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let server = kubeconfig.clusters[0].cluster.clone().unwrap().server;
    let server = server.unwrap();
    server.strip_prefix("http://").unwrap().parse().unwrap()
}

/// Code and body of a request over HTTP/1.1.
fn ask(server: SocketAddr, method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(server)?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Ok((head[9..12].parse().unwrap(), body.to_owned()))
}

/// Connects until the address is open. A Service is some time after its endpoints are ready, as
/// the proxy takes changes once a second.
fn until_open(address: SocketAddr) {
    while TcpStream::connect(address).is_err() {}
}

/// Connects until the kernel refuses.
fn until_refused(address: SocketAddr) {
    while TcpStream::connect(address).is_ok() {}
}

#[test]
fn probeflips_commands_work_on_it() {
    let served = Served::start();
    served.up();
    let pod = served.get(PODS)["items"][0]["metadata"]["name"].clone();
    let ran = |words: &[&str]| {
        let ended = served.cluster.run(words);
        assert_eq!(ended.code, 0, "{words:?}: {}", ended.stderr);
        ended.stdout
    };
    assert!(ran(&["status"]).contains(pod.as_str().unwrap()));
    ran(&[
        "flip",
        "deploy/web",
        "-c",
        "b",
        "readiness",
        "404",
        "--for",
        "10m",
    ]);
    assert!(ran(&["status"]).contains("404"));
    ran(&["heal"]);
    ran(&["down", SEED[0], SEED[1]]);
    ran(&["run", "manifests/seed/readiness.yaml"]);
}

#[test]
fn pods_and_services_are_reached_as_kubernetes_says() {
    let served = Served::start();
    served.up();
    let (pod, service) = served.addresses();
    until_open(service);
    for address in [pod, service] {
        let (code, body) = ask(address, "GET", "/", "").unwrap();
        assert_eq!((code, body.as_str()), (200, "200 OK\n"), "{address}");
    }
    // The seed's finding, seen from outside: one unready container cuts off both Services.
    let flip = "flip deploy/web -c b readiness 503 --for 10m";
    let flipped = served.cluster.run(&flip.split(' ').collect::<Vec<_>>());
    assert_eq!(flipped.code, 0, "{}", flipped.stderr);
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    served.watch_until(slices, r#""ready":false"#);
    until_refused(service);
    assert_eq!(ask(pod, "GET", "/", "").unwrap().0, 200);
    let name = served.get(PODS)["items"][0]["metadata"]["name"].clone();
    let path = format!("{PODS}/{}", name.as_str().unwrap());
    assert_eq!(ask(served.server, "DELETE", &path, "").unwrap().0, 200);
    until_refused(pod);
}

#[test]
fn kubectl_forwards_ports() {
    let served = Served::start();
    served.up();
    let name = served.get(PODS)["items"][0]["metadata"]["name"].clone();
    let path = format!("{PODS}/{}/portforward", name.as_str().unwrap());
    let mut stream = TcpStream::connect(served.server).unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: Upgrade\r\n\
         Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    // All but the frame that ends the connection.
    let recorded = recorded();
    stream.write_all(&recorded[..recorded.len() - 16]).unwrap();
    let mut received = String::new();
    let mut stream = BufReader::new(stream);
    while received.matches("200 OK\n").count() < 2 {
        let mut line = Vec::new();
        assert!(
            stream.read_until(b'\n', &mut line).unwrap() > 0,
            "{received}"
        );
        received += &String::from_utf8_lossy(&line);
    }
    assert!(received.starts_with("HTTP/1.1 101 "), "{received}");
}

#[test]
fn programs_are_started_in_containers() {
    let served = Served::start();
    served.up();
    let name = served.get(PODS)["items"][0]["metadata"]["name"].clone();
    let default = Namespace::of(&served.cluster, "default");
    default.run(async |client, namespace| {
        run_programs(Api::namespaced(client, &namespace), name.as_str().unwrap()).await;
    });
}

async fn run_programs(pods: Api<Pod>, name: &str) {
    let ran = async |words: &[&str]| {
        let words = words.iter().copied();
        let in_b = AttachParams::default().container("b");
        let mut process = pods.exec(name, words, &in_b).await.unwrap();
        let (stdout, stderr) = (process.stdout().unwrap(), process.stderr().unwrap());
        let (stdout, stderr) = futures::join!(text_of(stdout), text_of(stderr));
        let status = process.take_status().unwrap().await.unwrap();
        (status, stdout, stderr)
    };
    // The command finds the control address by the command line of process 1.
    let (status, stdout, stderr) = ran(&["/probe-target", "state"]).await;
    assert_eq!(status.status.as_deref(), Some("Success"), "{stderr}");
    assert!(stdout.contains("8081"), "{stdout}");
    let (status, _, stderr) = ran(&["/probe-target", "check", "http", "127.0.0.1:1"]).await;
    let message = "command terminated with non-zero exit code: command terminated with exit code 1";
    assert_eq!(status.message.as_deref(), Some(message));
    assert_eq!(stderr, "error: connection refused\n");
    let (status, ..) = ran(&["/nosuch"]).await;
    let message = status.message.unwrap();
    let why = "exec: \"/nosuch\": stat /nosuch: no such file or directory: unknown";
    assert!(message.ends_with(why), "{message}");
}

async fn text_of(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// What kubectl sent for two requests through one port-forward.
fn recorded() -> Vec<u8> {
    let text = include_str!("../recordings/kubectl-port-forward-1.32.4.hex");
    let digits: Vec<u32> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] << 4 | pair[1]).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn a_host_port_leads_to_its_pod() {
    let served = Served::start();
    let pod = json!({
        "metadata": {"name": "host"},
        "spec": {"containers": [{
            "name": "a", "image": "probe-target", "args": ["--port", "8080"],
            "ports": [{"containerPort": 8080, "hostPort": 9090}],
        }]},
    });
    let (code, why) = ask(served.server, "POST", PODS, &pod.to_string()).unwrap();
    assert_eq!(code, 201, "{why}");
    served.watch_until(PODS, r#""hostIP":"127."#);
    let node = served.get(&format!("{PODS}/host"))["status"]["hostIP"].clone();
    let address = SocketAddr::new(node.as_str().unwrap().parse().unwrap(), 9090);
    until_open(address);
    served.watch_until(PODS, r#""ready":true"#);
    assert_eq!(ask(address, "GET", "/", "").unwrap().0, 200);
    let path = format!("{PODS}/host");
    assert_eq!(ask(served.server, "DELETE", &path, "").unwrap().0, 200);
    until_refused(address);
}

#[test]
fn every_cluster_has_its_namespaces_accounts_and_a_service() {
    let served = Served::start();
    let service = served.get("/api/v1/namespaces/default/services/kubernetes");
    let ip = service["spec"]["clusterIP"].as_str().unwrap();
    assert!(ip.ends_with(".0.1"), "{ip}");
    // A port below 1024 is open for the administrator only, and else 10,000 higher.
    let asked = [443, 10_443].map(|port| {
        let api = SocketAddr::new(ip.parse().unwrap(), port);
        ask(api, "GET", "/readyz", "").ok()
    });
    assert!(asked.contains(&Some((200, "ok".to_owned()))), "{asked:?}");
    let taken = json!({
        "metadata": {"name": "taken"}, "spec": {"clusterIP": ip, "ports": [{"port": 80}]},
    });
    let services = "/api/v1/namespaces/default/services";
    let (code, why) = ask(served.server, "POST", services, &taken.to_string()).unwrap();
    assert!(code == 422 && why.contains("already allocated"), "{why}");

    let new = json!({"metadata": {"name": "new"}}).to_string();
    let namespaces = "/api/v1/namespaces";
    assert_eq!(ask(served.server, "POST", namespaces, &new).unwrap().0, 201);
    for namespace in [
        "default",
        "kube-node-lease",
        "kube-public",
        "kube-system",
        "new",
    ] {
        let within = format!("{namespaces}/{namespace}");
        served.watch_until(&format!("{within}/serviceaccounts"), r#""name":"default""#);
        let map = format!("{within}/configmaps/kube-root-ca.crt");
        served.watch_until(&format!("{within}/configmaps"), "kube-root-ca.crt");
        // Deleted, it comes back.
        assert_eq!(ask(served.server, "DELETE", &map, "").unwrap().0, 200);
        served.watch_until(&format!("{within}/configmaps"), "kube-root-ca.crt");
    }
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    served.watch_until(leases, r#""holderIdentity":"pocket""#);
}

#[test]
fn paths_may_end_in_a_slash_and_health_has_checks() {
    let served = Served::start();
    for path in [
        "/api",
        "/apis",
        "/api/v1",
        "/apis/apps",
        "/apis/apps/v1",
        "/version",
        PODS,
    ] {
        assert_eq!(served.get(path), served.get(&format!("{path}/")), "{path}");
    }
    for path in [
        "/livez",
        "/readyz",
        "/healthz",
        "/livez/ping",
        "/readyz/informer-sync",
    ] {
        assert_eq!(served.get(path), "ok", "{path}");
    }
    let verbose = served.get("/livez?verbose&exclude=etcd&exclude=disk");
    let expected = "[+]ping ok\n[+]log ok\n[+]etcd excluded: ok\n\
        warn: some health checks cannot be excluded: no matches for \"disk\"\n\
        livez check passed\n";
    assert_eq!(verbose, expected);
    let (code, _) = ask(served.server, "GET", "/livez/none", "").unwrap();
    assert_eq!(code, 404);
    let (code, why) = ask(served.server, "POST", PODS, &" ".repeat(4_000_000)).unwrap();
    assert!(code == 413 && why.contains("3145728"), "{code} {why}");
}

#[test]
fn every_kind_is_described_and_every_client_may_do_everything() {
    let served = Served::start();
    let paths = served.get("/openapi/v3")["paths"].clone();
    for (path, document) in paths.as_object().unwrap() {
        let url = document["serverRelativeURL"].as_str().unwrap();
        assert_eq!(served.get(url)["openapi"], "3.0.0", "{path}");
    }
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review = json!({
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}},
    });
    let (code, answer) = ask(served.server, "POST", reviews, &review.to_string()).unwrap();
    assert!(
        code == 201 && answer.contains(r#""allowed":true"#),
        "{answer}"
    );
    for (malformed, refused) in [("[]", 400), ("{}", 422), ("\"x\"", 400), ("", 400)] {
        let (code, why) = ask(served.server, "POST", reviews, malformed).unwrap();
        assert_eq!(code, refused, "{malformed}: {why}");
    }
}

#[test]
fn a_signal_ends_it_and_takes_its_kubeconfig_along() {
    for signal in ["INT", "TERM", "HUP"] {
        let served = Served::start();
        let kubeconfig = served.cluster.kubeconfig.clone();
        let mode = fs::metadata(&kubeconfig).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        served.process.send(signal);
        served.process.ends(0, "Ctrl-C ends it");
        assert!(!kubeconfig.exists(), "{signal}");
    }
}

#[test]
fn clusters_run_side_by_side() {
    let clusters = [(); 3].map(|()| Served::start());
    let addresses = clusters.each_ref().map(|served| {
        served.up();
        served.addresses()
    });
    for (served, (pod, service)) in clusters.iter().zip(addresses) {
        until_open(service);
        assert_eq!(ask(service, "GET", "/", "").unwrap().0, 200);
        let pods = served.get(PODS);
        assert_eq!(pods["items"].as_array().unwrap().len(), 1);
        assert_eq!(pods["items"][0]["status"]["podIP"], pod.ip().to_string());
    }
    let [one, two, three] = addresses;
    assert!(one != two && two != three && one != three);
}

#[test]
fn the_kubeconfig_is_said_on_stdout_for_a_shell() {
    let folder = TempDir::new().unwrap();
    let mut command = probeflip();
    command.arg("pocket").env("XDG_RUNTIME_DIR", folder.path());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let kubeconfig = line.trim_end().strip_prefix("export KUBECONFIG=").unwrap();
    let kubeconfig = PathBuf::from(kubeconfig);
    assert_eq!(
        kubeconfig.parent().unwrap(),
        folder.path().canonicalize().unwrap()
    );
    let name = format!("probeflip-pocket-{}.yaml", server(&kubeconfig).port());
    assert_eq!(
        kubeconfig.file_name().unwrap().to_str(),
        Some(name.as_str())
    );
}

#[test]
fn what_it_does_not_do_is_refused_with_the_reason() {
    let served = Served::start();
    let check = |words: &[&str], code: i32, why: &str| {
        let ended: Ended = run([&["pocket"], words].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{words:?}");
        assert!(ended.stderr.contains(why), "{words:?}: {}", ended.stderr);
    };
    check(&["--port", "0.0.0.0:8001"], 2, "listens on 127.0.0.1 alone");
    check(&["--kubeconfig", "README.md"], 2, "was not written by");
    let port = served.server.port().to_string();
    check(&["--port", &port], 3, "cannot listen on port");
    let kubeconfig = served.cluster.kubeconfig.to_str().unwrap();
    check(&["--kubeconfig", kubeconfig], 2, "a cluster that runs");
    check(&["--kubeconfig", "/nowhere/k.yaml"], 3, "cannot write");
}
