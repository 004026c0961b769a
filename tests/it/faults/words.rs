//! Event texts without the parts that differ from run to run, and their form in the page.

use super::{
    pod::PORT,
    row::{Handler, Row},
    seen::Said,
    trial::Outcome,
};

/// A letter repeated this often is written as a number.
const LONG: usize = 64;

/// The distinct texts of the probe's events, without the kind of probe at their beginning.
pub(crate) fn texts(row: &Row, outcomes: &[Outcome]) -> Vec<String> {
    let mut texts = Vec::new();
    for outcome in outcomes {
        for said in &outcome.said {
            let text = neutral(&said.message, &outcome.address, &row.handler);
            let text = cell(&format!("{}: {text}", said.reason));
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    texts
}

/// `Unhealthy: … probe failed: …` of a whole event.
pub(crate) fn form(said: &Said) -> String {
    let (text, _) = without_kind(&said.message)
        .split_once(": ")
        .unwrap_or_default();
    format!("{}: `… {text}: …`", said.reason)
}

/// An event, `Unhealthy: probe failed: …`, in a table's cell; a dash for none.
pub(crate) fn cell(event: &str) -> String {
    match event.split_once(": ") {
        Some((reason, text)) => format!("{reason}: {}", quoted(text)),
        None => "–".to_owned(),
    }
}

/// `Liveness probe failed: Get "http://10.202.0.7:8080/": EOF` as `probe failed: Get
/// "http://IP:PORT/": EOF`.
fn neutral(message: &str, address: &str, handler: &Handler) -> String {
    let message = without_kind(message);
    let (_, timeout) = handler.pace();
    let message = match handler {
        Handler::Grpc => message.replace(&format!("within {timeout}s"), "within TIMEOUT"),
        Handler::Exec(_) => message.replace(
            &format!("timed out after {timeout}s"),
            "timed out after TIMEOUT",
        ),
        Handler::Http | Handler::Https(_) | Handler::Tcp => message.to_owned(),
    };
    let message = message
        .replace(&format!("{address}:{PORT}"), "IP:PORT")
        .replace(&format!("{address}:{}", PORT + 1), "IP:PORT+1")
        .replace(&format!("127.0.0.1:{PORT}"), "127.0.0.1:PORT");
    shortened(&without_id(&without_near_end(&message)))
}

fn without_kind(message: &str) -> &str {
    // The prefix of the later of more than nine different messages.
    let combined = message.strip_prefix("(combined from similar events): ");
    let message = combined.unwrap_or(message);
    message.split_once(' ').map_or(message, |(_, rest)| rest)
}

/// `10.200.0.1:41234->IP:PORT` as `NODE:PORT->IP:PORT`.
fn without_near_end(message: &str) -> String {
    match message.split_once("->") {
        Some((before, after)) => {
            let (before, _) = before.rsplit_once(' ').unwrap_or_default();
            format!("{before} NODE:PORT->{after}")
        }
        None => message.to_owned(),
    }
}

/// Removes the ID that the container runtime gives each process.
fn without_id(message: &str) -> String {
    const BEFORE: &str = "failed to start exec \"";
    match message.split_once(BEFORE) {
        Some((before, rest)) => {
            let (_, after) = rest.split_once('"').unwrap_or_default();
            format!("{before}{BEFORE}ID\"{after}")
        }
        None => message.to_owned(),
    }
}

fn shortened(message: &str) -> String {
    let letters: Vec<char> = message.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b).map(|run| match run.len() {
        length if length < LONG => run.iter().collect(),
        length => format!("{}… ({length} times)", run[0]),
    });
    runs.collect()
}

/// Quotes a text as code, escaped for one line of a table cell.
fn quoted(text: &str) -> String {
    let text = text.replace('\n', "\\n").replace('|', "\\|");
    if text.contains('`') {
        format!("``` {text} ```")
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, handler: &Handler, expected: &str) {
        assert_eq!(neutral(message, "10.202.0.7", handler), expected);
    }

    #[test]
    fn what_differs_in_every_run_is_taken_out() {
        check(
            "(combined from similar events): Readiness probe failed: Get \"http://10.202.0.7:8080/probe\": read tcp 10.200.0.1:41234->10.202.0.7:8080: read: connection reset by peer",
            &Handler::Http,
            "probe failed: Get \"http://IP:PORT/probe\": read tcp NODE:PORT->IP:PORT: read: connection reset by peer",
        );
        check(
            "Startup probe failed: timeout: health rpc did not complete within 1s",
            &Handler::Grpc,
            "probe failed: timeout: health rpc did not complete within TIMEOUT",
        );
        check(
            "Startup probe errored: failed to start exec \"f00\": x",
            &Handler::Http,
            "probe errored: failed to start exec \"ID\": x",
        );
        let long = format!("Liveness probe warning: {}", "x".repeat(LONG));
        check(&long, &Handler::Http, "probe warning: x… (64 times)");
    }

    #[test]
    fn a_quotation_stays_in_its_cell() {
        assert_eq!(quoted("a | b\n"), "`a \\| b\\n`");
        assert_eq!(quoted("`` is"), "``` `` is ```");
    }
}
