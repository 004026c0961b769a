//! Renders docs/faults.md: every table, from the outcomes of a run.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    row::{Handler, Row},
    trial::{Effect, Outcome},
    verdict::Verdict,
    words,
};

/// A row and its outcomes with liveness, readiness and startup probes.
pub(crate) type Tried<'a> = (&'a Row, &'a [Outcome; 3]);

/// The text of the page.
pub(crate) fn page(kubernetes: &str, tried: &[Tried<'_>]) -> String {
    let mut page = format!(
        "# What a kubelet makes of every fault\n\
         \n\
         A test wrote this page from a node of Kubernetes {kubernetes}, and compares it with a node and with\n\
         pocket ever since. `just faults` writes it anew.\n\
         \n\
         Each line is three Pods: one with a liveness, one with a readiness and one with a startup probe.\n\
         Their target is healthy until it gets the fault; that of the startup probe gets it before the first\n\
         attempt. What the kubelet then does shows the verdict. `failureThreshold` is 1; with more, so many\n\
         failures in a row have the consequence. `periodSeconds` and `timeoutSeconds` are 1, those of\n\
         commands 3.\n\
         \n\
         In the texts, `IP:PORT` is the target and `PORT+1` its port above, `NODE:PORT` the kubelet's end of\n\
         the connection, `TIMEOUT` the probe's timeout, and `ID` the runtime's name for a process. An event's\n\
         message begins with the kind of probe: `Liveness probe failed: …`. Where a line says `or`, chance\n\
         decides. It names every outcome that a kubelet, or Go's client set up as one, has ever shown.\n\
         \n\
         ## Verdicts\n\
         \n",
    );
    page += &verdicts(tried);
    for (title, about, belongs) in PARTS {
        let tried = tried.iter().filter(|(row, _)| belongs(&row.handler));
        write!(page, "\n## {title}\n\n{about}\n\n{}", table(tried)).unwrap();
    }
    page
}

/// A part of the page: its title, its introduction, and which handlers belong to it.
type Part = (&'static str, &'static str, fn(&Handler) -> bool);

#[rustfmt::skip] // A part is three lines.
const PARTS: [Part; 5] = [
    ("httpGet",
     "`GET /probe`. Words in `code` are faults as `probe-target flip` and `--route` take them, and\n\
      states of a port.",
     |handler| matches!(handler, Handler::Http)),
    ("httpGet, scheme HTTPS",
     "The same over TLS. The target offers HTTP/2, and the kubelet takes it, except where a line names\n\
      HTTP/1.1. A timeout has one of three texts: Go's client has two timers for it here.",
     |handler| matches!(handler, Handler::Https(_))),
    ("tcpSocket",
     "A connection, closed as soon as it is established.",
     |handler| matches!(handler, Handler::Tcp)),
    ("grpc",
     "`grpc.health.v1.Health/Check` of the service without a name.",
     |handler| matches!(handler, Handler::Grpc)),
    ("exec",
     "`probe-target check` in the container. It gives up after 1 s, or after its `--timeout`, and the\n\
      probe after 3 s.",
     |handler| matches!(handler, Handler::Exec(_))),
];

fn verdicts(tried: &[Tried<'_>]) -> String {
    let mut page = header(["verdict", "event", "liveness", "readiness", "startup"]);
    for verdict in Verdict::ALL {
        let of = tried.iter().filter(|(row, _)| row.race.is_empty());
        let of = of.filter(|(_, outcomes)| Verdict::of(outcomes) == Some(verdict));
        let outcomes: Vec<&[Outcome; 3]> = of.map(|(_, outcomes)| *outcomes).collect();
        let said = outcomes.iter().flat_map(|it| it.iter());
        let said = said.flat_map(|outcome| outcome.said.iter().map(words::form));
        let said: BTreeSet<String> = said.collect();
        let [liveness, readiness, startup] = [0, 1, 2].map(|kind| {
            let told = outcomes.iter().map(|it| consequence(&it[kind]));
            each_once(told)
        });
        let event = each_once(said.into_iter());
        page += &line([verdict.name(), &event, &liveness, &readiness, &startup]);
    }
    page
}

/// Text for an effect, with the node's event texts.
fn consequence(outcome: &Outcome) -> String {
    let effect = match outcome.effect {
        Effect::GoesOn => "the container runs on",
        Effect::Restarted => "the container is restarted",
        Effect::Ready => "ready stays ready, not ready becomes ready",
        Effect::NotReady => "ready becomes not ready",
        Effect::AsBefore => "ready stays ready, not ready stays not ready",
        Effect::Started => "started",
        Effect::NotStarted => "neither started nor restarted",
    };
    match &outcome.killing {
        Some(killing) => format!("{effect}; Killing: `{killing}`"),
        None => effect.to_owned(),
    }
}

fn table<'a>(tried: impl Iterator<Item = &'a Tried<'a>>) -> String {
    let mut page = header([
        "fault",
        "verdict",
        "event",
        "liveness",
        "readiness",
        "startup",
    ]);
    for (row, outcomes) in tried {
        let fault = match row.about.as_str() {
            "" => row.fault.clone(),
            about => format!("{}: {about}", row.fault),
        };
        let Told { verdicts, texts } = Told::of(row, outcomes);
        let names = either(verdicts.iter().map(|verdict| verdict.name().to_owned()));
        let [liveness, readiness, startup] =
            [0, 1, 2].map(|kind| either(verdicts.iter().map(|it| short(it.effects()[kind]))));
        page += &line([
            &fault,
            &names,
            &texts.join("<br>or "),
            &liveness,
            &readiness,
            &startup,
        ]);
    }
    page
}

fn short(effect: Effect) -> String {
    let short = match effect {
        Effect::GoesOn => "runs on",
        Effect::Restarted => "restarted",
        Effect::Ready => "ready",
        Effect::NotReady => "not ready",
        Effect::AsBefore => "as before",
        Effect::Started => "started",
        Effect::NotStarted => "waits",
    };
    short.to_owned()
}

/// The verdicts and event texts of a row's line.
struct Told {
    verdicts: Vec<Verdict>,
    /// Event texts. A success has none, which is written as a dash.
    texts: Vec<String>,
}

impl Told {
    /// What was observed. For a race, all listed outcomes, provided that nothing else was observed.
    fn of(row: &Row, outcomes: &[Outcome; 3]) -> Self {
        let texts = words::texts(row, outcomes);
        let verdict = Verdict::of(outcomes);
        let expected = row.race.iter().map(|(_, text)| words::cell(text));
        let expected: Vec<String> = expected.collect();
        let verdicts = each(row.race.iter().map(|(verdict, _)| *verdict));
        let effects = outcomes.iter().enumerate().all(|(kind, outcome)| {
            verdicts
                .iter()
                .any(|it| it.effects()[kind] == outcome.effect)
        });
        if effects && texts.iter().all(|text| expected.contains(text)) {
            return Self {
                verdicts,
                texts: expected,
            };
        }
        let verdict =
            verdict.unwrap_or_else(|| panic!("of different minds: {row:?}, {outcomes:#?}"));
        Self {
            verdicts: vec![verdict],
            texts: if texts.is_empty() {
                vec![words::cell("")]
            } else {
                texts
            },
        }
    }
}

fn header<const N: usize>(titles: [&str; N]) -> String {
    line(titles) + &line(["---"; N])
}

fn line<const N: usize>(cells: [&str; N]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn either(words: impl Iterator<Item = String>) -> String {
    each(words).join(" or ")
}

fn each_once(texts: impl Iterator<Item = String>) -> String {
    let texts = each(texts);
    if texts.is_empty() {
        "–".to_owned()
    } else {
        texts.join("<br>")
    }
}

fn each<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut each = Vec::new();
    for item in items {
        if !each.contains(&item) {
            each.push(item);
        }
    }
    each
}
