//! Measures the probe target's budgets: one run on one machine gives one table for the README.
//! `just bench` builds the static binary that ships and passes it here. Nothing fails: a slow
//! machine is no error, and CI does not run this.
//!
//! The load comes from a client of our own (`load.rs`) and not from wrk or oha: on two cores the
//! client must cost less than the server that it is to exhaust, and those spend most of a
//! connection's time on their own event loops. What the server itself spends on a request is
//! measured too, as it does not depend on the client at all.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_types, reason = "what is measured is real time")]

mod flips;
mod floods;
mod load;
mod memory;
mod server;
mod table;

use std::fs;
use std::path::PathBuf;

use load::Manner;
use server::{Nginx, Server};
use table::Table;

fn main() {
    // Cargo adds options of its own, such as `--bench`.
    let binary = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let binary =
        PathBuf::from(binary.expect("the probe-target to measure must be named: `just bench`"));
    let mut table = Table::default();
    let size = fs::metadata(&binary).unwrap().len();
    table.row("size", format!("{size} bytes"), "≤ 1,750,000");
    memory::idle(&binary, &mut table);
    server::start(&binary, &mut table);
    against_nginx(&binary, &mut table);
    load::control(&binary, &mut table);
    flips::stale(&binary, &mut table);
    floods::others(&binary, &mut table);
    #[expect(clippy::print_stdout, reason = "the table is the product")]
    {
        println!("{table}");
    }
}

/// Measures in alternating pairs, so that other load on the machine affects both.
fn against_nginx(binary: &std::path::Path, table: &mut Table) {
    let Some(nginx) = Nginx::start() else {
        table.row(
            "requests/s against nginx",
            "nginx is not installed".to_owned(),
            "≥ 1.0×",
        );
        return;
    };
    let ours = Server::start(binary, &[]);
    for (name, manner) in [
        ("kept alive", Manner::Kept),
        ("one connection a request", Manner::Fresh),
    ] {
        let pairs = load::pairs(&ours, &nginx.server, manner);
        let speed = pairs
            .iter()
            .map(|(ours, nginx)| ours.speed() / nginx.speed());
        let cost = pairs.iter().map(|(ours, nginx)| nginx.cost() / ours.cost());
        let (ours, nginx): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let speeds = |runs: &[load::Run]| table::median(runs.iter().map(load::Run::speed));
        let costs = |runs: &[load::Run]| table::median(runs.iter().map(load::Run::cost));
        table.row(
            &format!("requests/s, {name}; nginx"),
            format!(
                "{:.0}; {:.0}: {}",
                speeds(&ours),
                speeds(&nginx),
                table::ratio(speed)
            ),
            "≥ 1.0×",
        );
        table.row(
            &format!("CPU a request, {name}; nginx"),
            format!(
                "{:.1} µs; {:.1} µs: {}",
                costs(&ours),
                costs(&nginx),
                table::ratio(cost)
            ),
            "",
        );
    }
    table.say(&nginx.version);
}
