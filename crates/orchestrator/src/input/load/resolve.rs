//! Resolves an experiment as written in YAML into a validated [`Experiment`].

use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::manifest;
use super::outline::Outline;
use super::steps;
use super::subjects;
use crate::input::experiment::written::{self, Scalar};
use crate::input::experiment::{
    Connections, Experiment, Source, Spanned, SteadyState, TrafficClient, Workload,
};
use crate::input::kubernetes_yaml::Node;
use crate::input::problem::{ProblemText, Problems};

/// Resolves the whole experiment, then returns every problem found.
pub(super) fn experiment(
    source: &Source,
    outline: &Outline<'_>,
    document: &Node,
    said: written::Experiment,
) -> Result<Experiment, Problems> {
    let mut reader = Diagnostics::new(source, outline, document);
    let meant = meaning(&mut reader, said);
    match meant {
        Some(experiment) => Problems::unless_any(reader.problems, experiment),
        None => Err(Problems::unless_any(reader.problems, ())
            .expect_err("a part without meaning must have been noted")),
    }
}

fn meaning(reader: &mut Diagnostics<'_>, said: written::Experiment) -> Option<Experiment> {
    let written::Spec {
        description,
        workload,
        traffic,
        steady_state,
        steps,
        measure,
    } = said.spec;
    reader.later("measure", measure.as_ref());
    let name = reader.label(&said.metadata.name);
    let workload = self::workload(reader, workload);
    let read: Vec<_> = traffic
        .iter()
        .map(|client| self::client(reader, client))
        .collect();
    let names = read.iter().flatten().map(|client| &client.name);
    reader.unique("traffic client", names);
    let clients: Vec<subjects::Client> = traffic.iter().map(known).collect();
    let steady_state = self::steady_state(reader, &steady_state, &clients);
    let steps = steps::steps(reader, steps, &clients);
    let traffic = read.into_iter().collect::<Option<Vec<TrafficClient>>>();
    Some(Experiment {
        name: name?,
        description,
        workload: workload?,
        traffic: traffic?,
        steady_state: steady_state?,
        steps: steps?,
        source: reader.source().clone(),
    })
}

fn workload(reader: &mut Diagnostics<'_>, said: Spanned<written::Workload>) -> Option<Workload> {
    let expected = "exactly one of `files`, `kustomize` and `objects`";
    match said.value {
        written::Workload {
            files: Some(files),
            kustomize: None,
            objects: None,
        } => {
            reader.not_empty(files.span, files.len(), "file")?;
            Some(Workload::Files(files.value))
        }
        written::Workload {
            files: None,
            kustomize: Some(directory),
            objects: None,
        } => Some(Workload::Kustomize(directory)),
        written::Workload {
            files: None,
            kustomize: None,
            objects: Some(objects),
        } => {
            reader.not_empty(objects.span, objects.len(), "object")?;
            let objects = reader.kubernetes(&["spec", "workload", "objects"]);
            let objects = objects.map_or_else(Vec::new, |objects| objects.items().to_vec());
            match manifest::inline(reader.source(), &objects) {
                Ok(_) => Some(Workload::Objects(objects)),
                Err(problems) => {
                    reader.problems.extend(problems.into_vec());
                    None
                }
            }
        }
        written::Workload {
            files: None,
            kustomize: None,
            objects: None,
        } => {
            let fault = ProblemText::new("this workload is empty").expected(expected);
            reader.fault_at_key(said.span, fault)
        }
        written::Workload {
            files,
            kustomize,
            objects,
        } => {
            let given = [
                files.map(|files| files.span),
                kustomize.map(|directory| directory.span),
                objects.map(|objects| objects.span),
            ];
            let fault =
                ProblemText::new("this workload is given in several ways").expected(expected);
            reader.fault_at_last_key(given, fault)
        }
    }
}

fn client(reader: &mut Diagnostics<'_>, said: &written::TrafficClient) -> Option<TrafficClient> {
    let name = reader.label(&said.name);
    let service = reader.label(&said.service);
    let port = port(reader, &said.port);
    let path = match &said.path {
        None => Some("/".to_owned()),
        Some(path) => self::path(reader, path),
    };
    let rate = reader.word(&said.rate);
    let connections = match &said.connections {
        None => Some(Connections::default()),
        Some(word) => {
            let choices = [
                ("fresh", Connections::Fresh),
                ("keepalive", Connections::Keepalive),
            ];
            reader.choice(word, "a way to use connections", &choices)
        }
    };
    let timeout = match &said.timeout {
        None => Some(Duration::from_secs(1)),
        Some(timeout) => self::timeout(reader, timeout),
    };
    Some(TrafficClient {
        name: name?,
        service: service?,
        port: port?,
        path: path?,
        rate: rate?.value,
        connections: connections?,
        timeout: timeout?,
    })
}

// The name and rate that conditions refer to, available even if the client itself is invalid.
fn known(said: &written::TrafficClient) -> subjects::Client {
    subjects::Client {
        name: said.name.word().into_owned(),
        rate: said.rate.word().parse().ok(),
    }
}

// Rejects early what the command line of `probe-target traffic` would reject: the traffic Pod's own
// error would surface only after the steady state has timed out.
fn path(reader: &mut Diagnostics<'_>, said: &Spanned<Scalar>) -> Option<String> {
    let path = said.word();
    if path.starts_with('/') && path.parse::<http::Uri>().is_ok() {
        return Some(path.into_owned());
    }
    let fault = ProblemText::new(format!("`{path}` is not a path"));
    let expected = "a path that begins with `/` and is percent-encoded";
    reader.fault(said.span, fault.expected(expected))
}

fn timeout(reader: &mut Diagnostics<'_>, said: &Spanned<Scalar>) -> Option<Duration> {
    let timeout = reader.duration(said)?;
    if timeout.is_zero() {
        let fault = ProblemText::new(format!("`{}` is too short", said.word()));
        return reader.fault(said.span, fault.expected("a duration above zero"));
    }
    Some(timeout)
}

fn port(reader: &mut Diagnostics<'_>, said: &Spanned<Scalar>) -> Option<Spanned<u16>> {
    match &said.value {
        Scalar::Number(number) if let Ok(port @ 1..) = number.parse() => Some(said.with(port)),
        _ => {
            let fault = ProblemText::new(format!("`{}` is not a port", said.word()));
            reader.fault(said.span, fault.expected("a number from 1 to 65535"))
        }
    }
}

fn steady_state(
    reader: &mut Diagnostics<'_>,
    said: &written::SteadyState,
    traffic: &[subjects::Client],
) -> Option<SteadyState> {
    let within = reader.duration_or(said.within.as_ref(), Duration::from_mins(1));
    let hold = reader.duration_or(said.hold.as_ref(), Duration::ZERO);
    reader.not_empty(said.require.span, said.require.len(), "claim")?;
    let require: Vec<_> = said
        .require
        .iter()
        .map(|claim| {
            let subject = subjects::Subject::from(&claim.value);
            let meant = subjects::claim(reader, &subject, &claim.that)?;
            subjects::without_comparison(reader, &meant, &claim.that)?;
            subjects::enough_traffic(reader, &meant, hold?, traffic)?;
            Some(meant)
        })
        .collect();
    Some(SteadyState {
        within: within?,
        hold: hold?,
        require: require.into_iter().collect::<Option<_>>()?,
    })
}
