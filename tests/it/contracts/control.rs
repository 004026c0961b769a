//! Snapshots of `probe-target`'s control API: fields of its responses, metrics and state file.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Stdio},
};

use expect_test::expect_file;
use serde_json::Value;

use super::{lines, shape::Shape};
use crate::program::probe_target;

/// A target with a port for http, one for tcp and one for grpc.
struct Target {
    process: Child,
    control: SocketAddr,
    ports: [u16; 3],
}

impl Target {
    fn start(state: &std::path::Path) -> Self {
        loop {
            let listeners = [0; 4].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
            let [first, second, third, control] =
                listeners.map(|listener| listener.local_addr().unwrap().port());
            let control = SocketAddr::from(([127, 0, 0, 1], control));
            let mut command = probe_target();
            command
                .arg(format!("--port={first}"))
                .arg(format!("--port={second}=tcp"))
                .arg(format!("--port={third}=grpc"))
                .arg(format!("--control={control}"))
                .arg(format!("--state-dir={}", state.display()))
                .arg("--keep")
                .stderr(Stdio::piped());
            let mut process = command.spawn().unwrap();
            let mut line = String::new();
            let stderr = process.stderr.take().unwrap();
            BufReader::new(stderr).read_line(&mut line).unwrap();
            if line.contains("control on") {
                let ports = [first, second, third];
                return Self {
                    process,
                    control,
                    ports,
                };
            }
            // Another process has taken one of the ports meanwhile.
            process.wait().unwrap();
        }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
            self.control
        );
        exchange(self.control, &head)
    }

    /// Replaces port numbers by names, as the system chooses the numbers.
    fn without_numbers(&self, text: &str) -> String {
        let [http, tcp, grpc] = self.ports.map(|port| port.to_string());
        text.replace(&http, "HTTP")
            .replace(&tcp, "TCP")
            .replace(&grpc, "GRPC")
            .replace(&self.control.port().to_string(), "CONTROL")
    }

    fn shape(&self, method: &str, path: &str, body: &str) -> Shape {
        let answer = self.ask(method, path, body);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        Shape::of(&answer)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The response body of a request with `Connection: close`.
fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    body.to_owned()
}

#[test]
fn the_control_api() {
    let folder = tempfile::TempDir::new().unwrap();
    let target = Target::start(folder.path());
    let [http, tcp, grpc] = target.ports;
    let mut text = String::new();
    let mut call = |method: &str, path: &str, body: &str| {
        let shape = target.shape(method, path, body);
        let shown = target.without_numbers(path);
        writeln!(text, "# {method} {shown} {body}\n{shape}").unwrap();
    };
    call("PUT", "/v1/lease", r#"{"for":"30s"}"#);
    let route = format!("/v1/ports/{http}/routes/readyz");
    call("PUT", &route, r#"{"status":503,"leased":true}"#);
    let bounds = r#"{"fault":"stall-body","bytes":3,"delay":"1s","count":9,"for":"1h","every":"2h","agent":"x"}"#;
    call("PUT", &format!("/v1/ports/{http}/routes/bounded"), bounds);
    let port = format!("/v1/ports/{tcp}");
    call("PUT", &port, r#"{"protocol":"tcp","state":"closed"}"#);
    let service = format!("/v1/ports/{grpc}/routes/a");
    call("PUT", &service, r#"{"status":503}"#);
    call("PUT", &service, r#"{"statu":503}"#);
    call("POST", "/v1/process/sigterm", r#"{"delay":"2s"}"#);
    exchange(
        SocketAddr::from(([127, 0, 0, 1], http)),
        "GET /readyz HTTP/1.1\r\nHost: a\r\nUser-Agent: kube-probe/1.36\r\nConnection: close\r\n\r\n",
    );
    call("GET", "/v1/state", "");
    call("GET", "/v1/journal?since=0", "");
    call("GET", "/v1/plan", "");
    expect_file!["../../contracts/control-api.txt"].assert_eq(&text);

    let metrics = target.ask("GET", "/metrics", "");
    let names: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    expect_file!["../../contracts/metrics.txt"].assert_eq(&lines(names));

    let mut files = String::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let contents = target.without_numbers(&fs::read_to_string(&path).unwrap());
        let name = target.without_numbers(&path.file_name().unwrap().to_string_lossy());
        let shape = Shape::of(&serde_json::from_str(&contents).unwrap());
        write!(files, "# {name}\n{shape}").unwrap();
    }
    expect_file!["../../contracts/state-dir.txt"].assert_eq(&files);
}
