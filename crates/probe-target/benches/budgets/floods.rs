//! Floods: how long clients wait at another port and at the control address while one port is
//! abused.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::{Connection, put};
use crate::server::Server;
use crate::table::{Table, quantile};

/// The number of measured requests during one flood.
const ASKED: u32 = 5000;

/// The abuse, repeated as fast as possible.
type Abuse = fn(SocketAddr);

/// Measures each flood.
pub(crate) fn others(binary: &Path, table: &mut Table) {
    let floods: [(&str, Abuse); 5] = [
        ("nothing", |_| thread::yield_now()),
        ("connections that say nothing", |address| say(address, b"")),
        ("garbage", |address| say(address, &vec![0xff; 64 * 1024])),
        ("heads without end", |address| {
            say(address, &b"GET / HTTP/1.1\r\nx: ".repeat(2000));
        }),
        ("HTTP/2 streams reset at once", |address| {
            say(address, &resets());
        }),
    ];
    for (name, abuse) in floods {
        let [port, control] = waits(binary, abuse);
        let name = format!("longest wait at another port; control p99; flood of {name}");
        table.row(&name, format!("{port:.1} ms; {control:.1} ms"), "≤ 10 ms");
    }
}

/// The maximum at another port and the 99th percentile at the control address, in milliseconds.
fn waits(binary: &Path, abuse: Abuse) -> [f64; 2] {
    // The first port is the abused one.
    let other = crate::server::free();
    let server = Server::start(binary, &["--port", &other.port().to_string()]);
    let (done, abused) = (&AtomicBool::new(false), server.address);
    thread::scope(|scope| {
        scope.spawn(move || {
            while !done.load(Relaxed) {
                abuse(abused);
            }
        });
        let mut control = Connection::new(server.control);
        let times = (0..ASKED).map(|_| {
            let start = Instant::now();
            crate::load::once(other);
            let asked = start.elapsed().as_secs_f64() * 1e3;
            let start = Instant::now();
            control.ask(&put(other.port(), 200));
            assert_eq!(control.answer(), 200);
            [asked, start.elapsed().as_secs_f64() * 1e3]
        });
        let times: Vec<_> = times.collect();
        done.store(true, Relaxed);
        let [asked, put] = [0, 1].map(|which| times.iter().map(move |pair| pair[which]));
        [quantile(asked, 1.0), quantile(put, 0.99)]
    })
}

/// Opens a connection, sends these bytes, and waits for a response.
fn say(address: SocketAddr, text: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return;
    };
    // Errors are expected: the target may end an abusive connection.
    _ = stream.set_read_timeout(Some(Duration::from_millis(5)));
    if !text.is_empty() && stream.write_all(text).is_ok() {
        _ = stream.read(&mut [0; 1024]);
    }
}

/// A thousand requests, each reset at once ("rapid reset", CVE-2023-44487). Frames: RFC 9113, 4.1;
/// the header block is `:method GET`, `:scheme http`, `:path /`.
fn resets() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in (1..2000_u32).step_by(2) {
        bytes.extend([0, 0, 3, 1, 5]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend([0x82, 0x86, 0x84, 0, 0, 4, 3, 0]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(8_u32.to_be_bytes());
    }
    bytes
}
