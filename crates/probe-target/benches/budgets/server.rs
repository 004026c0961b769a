//! Server processes: starts and ends them, and reads their figures from the kernel.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load;
use crate::table::{Table, median, quantile};

/// A server that listens; it is killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// The process that serves; for nginx, the worker.
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    pub(crate) control: SocketAddr,
}

impl Server {
    /// Starts a probe-target and waits until it listens.
    pub(crate) fn start(binary: &Path, more: &[&str]) -> Self {
        let server = Self::spawn(binary, more);
        wait(server.address);
        wait(server.control);
        server
    }

    fn spawn(binary: &Path, more: &[&str]) -> Self {
        let (address, control) = (free(), free());
        let mut command = Command::new(binary);
        command.args(["--port", &address.port().to_string()]);
        command.args(["--control", &control.to_string()]);
        let child = command.args(more).stderr(Stdio::null()).spawn();
        let child =
            child.unwrap_or_else(|error| panic!("cannot run {}: {error}", binary.display()));
        Self {
            pid: child.id(),
            child,
            address,
            control,
        }
    }

    /// The processor time used so far, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let path = format!("/proc/{}/schedstat", self.pid);
        let text = fs::read_to_string(path).unwrap();
        let nanos = text.split(' ').next().unwrap().parse().unwrap();
        Duration::from_nanos(nanos).as_secs_f64()
    }

    /// Proportional set size in kilobytes: shared pages count in part.
    pub(crate) fn pss(&self) -> u64 {
        let path = format!("/proc/{}/smaps_rollup", self.pid);
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The time from the start of the process to its first response.
pub(crate) fn start(binary: &Path, table: &mut Table) {
    let starts: Vec<f64> = (0..50)
        .map(|_| {
            let start = Instant::now();
            let server = Server::spawn(binary, &[]);
            wait(server.address);
            load::once(server.address);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let (middle, most) = (
        median(starts.iter().copied()),
        quantile(starts.into_iter(), 0.99),
    );
    table.row(
        "start → first answer",
        format!("{middle:.1} ms, p99 {most:.1} ms"),
        "≤ 5 ms",
    );
}

/// Debian's nginx with one worker and the same response.
#[derive(Debug)]
pub(crate) struct Nginx {
    pub(crate) server: Server,
    pub(crate) version: String,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts nginx; `None` if it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let paths = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
        let binary = paths.into_iter().find(|path| Path::new(path).exists())?;
        let version = Command::new(binary).arg("-v").output().ok()?;
        let version = String::from_utf8_lossy(&version.stderr).into_owned();
        let version = version.trim().rsplit_once(' ')?.1.to_owned();
        let folder = tempfile::tempdir().unwrap();
        let (path, address) = (folder.path().display(), free());
        let port = address.port();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {path}/{name};\n"));
        // As a probe target: both address families, a body from memory, no log on disk, and no
        // limit on the requests of a connection.
        let config = format!(
            "daemon off; worker_processes 1; pid {path}/pid; error_log {path}/error.log;
            events {{ worker_connections 4096; }}
            http {{
                access_log off; keepalive_requests 1000000000; {}
                server {{
                    listen [::]:{port} ipv6only=off;
                    location / {{ default_type text/plain; return 200 '200 OK\\n'; }}
                }}
            }}",
            temporary.concat()
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(binary);
        let command = command
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(folder.path().join("start.log"));
        let child = command.spawn().unwrap();
        wait(address);
        let worker = only_child(child.id());
        Some(Self {
            server: Server {
                child,
                pid: worker,
                address,
                control: address,
            },
            version,
            _folder: folder,
        })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGKILL of the master would leave the worker running.
        _ = Command::new("kill")
            .arg(self.server.child.id().to_string())
            .status();
        _ = self.server.child.wait();
    }
}

/// Waits for the first child of a process.
fn only_child(parent: u32) -> u32 {
    let path = format!("/proc/{parent}/task/{parent}/children");
    loop {
        let children = fs::read_to_string(&path).unwrap();
        if let Ok(child) = children.trim().parse() {
            return child;
        }
        std::thread::yield_now();
    }
}

/// A free address on the loopback interface.
pub(crate) fn free() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn wait(address: SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "nothing listens on {address}"
        );
        std::thread::yield_now();
    }
}
