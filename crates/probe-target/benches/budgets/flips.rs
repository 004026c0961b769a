//! Staleness: whether a response ever reflects a state older than a change that was acknowledged
//! before its request was sent, in 10⁶ requests across 10⁴ flips.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use crate::load::{Connection, put};
use crate::server::Server;
use crate::table::Table;

const FLIPS: u32 = 10_000;
const REQUESTS: u32 = 1_000_000;

/// Flips set the statuses from 200 to 999 in turn, so a response identifies its flip unless it is
/// 800 flips late.
const STATUSES: u32 = 800;

/// One connection and the last flip acknowledged before its request was sent.
struct Asked(Connection, u32);

/// Sends requests on 16 connections while a thread flips; counts the stale responses.
pub(crate) fn stale(binary: &Path, table: &mut Table) {
    let server = Server::start(binary, &[]);
    let (acknowledged, answered) = (&AtomicU32::new(0), &AtomicU32::new(0));
    let (control, port) = (server.control, server.address.port());
    let stale = thread::scope(|scope| {
        scope.spawn(move || {
            let mut control = Connection::new(control);
            for flip in 1..=FLIPS {
                // Spreads the flips evenly over the requests.
                while answered.load(SeqCst) < (flip - 1) * (REQUESTS / FLIPS) {
                    thread::yield_now();
                }
                control.ask(&put(port, status(flip)));
                assert_eq!(control.answer(), 200);
                acknowledged.store(flip, SeqCst);
            }
        });
        let request = b"GET / HTTP/1.1\r\nhost: web\r\n\r\n";
        let ask = |asked: &mut Asked| {
            asked.1 = acknowledged.load(SeqCst);
            asked.0.ask(request);
        };
        let connections = (0..16).map(|_| Asked(Connection::new(server.address), 0));
        let mut connections: Vec<_> = connections.collect();
        connections.iter_mut().for_each(ask);
        let (mut stale, mut count) = (0, 0);
        while count < REQUESTS {
            for asked in &mut connections {
                let (seen, known) = (asked.0.answer(), asked.1);
                // The flip being sent may be in force before it is acknowledged.
                let newest = acknowledged.load(SeqCst) + 1;
                let fits = (known..=newest).any(|flip| status(flip) == seen);
                stale += u32::from(!fits);
                count += 1;
                answered.store(count, SeqCst);
                ask(asked);
            }
        }
        stale
    });
    let name = format!("stale answers in {REQUESTS} requests across {FLIPS} flips");
    table.row(&name, stale.to_string(), "0");
}

/// The status that flip number `flip` gives `/`; 0 is the base.
fn status(flip: u32) -> u16 {
    u16::try_from(200 + flip % STATUSES).unwrap()
}
