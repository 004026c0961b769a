//! Resolves an experiment as written in YAML into a validated [`Experiment`].

use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::manifest;
use super::measures;
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
    written: written::Experiment,
) -> Result<Experiment, Problems> {
    let mut reader = Diagnostics::new(source, outline, document);
    let resolved = parts(&mut reader, written);
    match resolved {
        Some(experiment) => Problems::unless_any(reader.problems, experiment),
        None => Err(Problems::unless_any(reader.problems, ())
            .expect_err("an invalid part must have been reported")),
    }
}

fn parts(reader: &mut Diagnostics<'_>, written: written::Experiment) -> Option<Experiment> {
    let written::Spec {
        description,
        workload,
        traffic,
        steady_state,
        steps,
        measure,
    } = written.spec;
    let name = reader.label(&written.metadata.name);
    let stand_in = workload.value.stand_in;
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
    // Marks refer to steps, so without steps every mark would be reported.
    let measures = steps.as_ref().and_then(|steps| {
        let known = measures::Known {
            steps,
            traffic: &clients,
        };
        measures::measures(reader, measure.as_ref(), &known)
    });
    let traffic = read.into_iter().collect::<Option<Vec<TrafficClient>>>();
    // Only here: an earlier `?` would hide the problems of the parts after it.
    Some(Experiment {
        name: name?,
        description,
        workload: workload?,
        stand_in,
        traffic: traffic?,
        steady_state: steady_state?,
        steps: steps?,
        measures: measures?,
        source: reader.source().clone(),
    })
}

fn workload(reader: &mut Diagnostics<'_>, written: Spanned<written::Workload>) -> Option<Workload> {
    let expected = "exactly one of `files`, `kustomize` and `objects`";
    let written::Workload {
        files,
        kustomize,
        objects,
        stand_in: _,
    } = written.value;
    match (files, kustomize, objects) {
        (Some(files), None, None) => {
            reader.not_empty(files.span, files.len(), "file")?;
            Some(Workload::Files(files.value))
        }
        (None, Some(directory), None) => Some(Workload::Kustomize(directory)),
        (None, None, Some(objects)) => {
            reader.not_empty(objects.span, objects.len(), "object")?;
            // Not the value that serde has read: kubectl resolves scalars by other rules.
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
        (None, None, None) => {
            let fault = ProblemText::new("this workload is empty").expected(expected);
            reader.fault_at_key(written.span, fault)
        }
        (files, kustomize, objects) => {
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

fn client(reader: &mut Diagnostics<'_>, written: &written::TrafficClient) -> Option<TrafficClient> {
    let name = reader.label(&written.name);
    let service = reader.label(&written.service);
    let port = port(reader, &written.port);
    let path = match &written.path {
        None => Some("/".to_owned()),
        Some(path) => self::path(reader, path),
    };
    let rate = reader.word(&written.rate);
    let connections = match &written.connections {
        None => Some(Connections::default()),
        Some(word) => {
            let choices = [
                ("fresh", Connections::Fresh),
                ("keepalive", Connections::Keepalive),
            ];
            reader.choice(word, "a way to use connections", &choices)
        }
    };
    let timeout = match &written.timeout {
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

/// The name and rate that conditions refer to, available even if the client itself is invalid.
fn known(written: &written::TrafficClient) -> subjects::Client {
    subjects::Client {
        name: written.name.word().into_owned(),
        rate: written.rate.word().parse().ok(),
    }
}

// Rejects early what the command line of `probe-target traffic` would reject: the traffic Pod's own
// error would surface only after the steady state has timed out.
fn path(reader: &mut Diagnostics<'_>, written: &Spanned<Scalar>) -> Option<String> {
    let path = written.word();
    if path.starts_with('/') && path.parse::<http::Uri>().is_ok() {
        return Some(path.into_owned());
    }
    let fault = ProblemText::new(format!("`{path}` is not a path"));
    let expected = "a path that begins with `/` and is percent-encoded";
    reader.fault(written.span, fault.expected(expected))
}

fn timeout(reader: &mut Diagnostics<'_>, written: &Spanned<Scalar>) -> Option<Duration> {
    let timeout = reader.duration(written)?;
    if timeout.is_zero() {
        let fault = ProblemText::new(format!("`{}` is too short", written.word()));
        return reader.fault(written.span, fault.expected("a duration above zero"));
    }
    Some(timeout)
}

fn port(reader: &mut Diagnostics<'_>, written: &Spanned<Scalar>) -> Option<Spanned<u16>> {
    match &written.value {
        Scalar::Number(number) if let Ok(port @ 1..) = number.parse() => Some(written.with(port)),
        _ => {
            let fault = ProblemText::new(format!("`{}` is not a port", written.word()));
            reader.fault(written.span, fault.expected("a number from 1 to 65535"))
        }
    }
}

fn steady_state(
    reader: &mut Diagnostics<'_>,
    written: &written::SteadyState,
    traffic: &[subjects::Client],
) -> Option<SteadyState> {
    let within = reader.duration_or(written.within.as_ref(), Duration::from_mins(1));
    let hold = reader.duration_or(written.hold.as_ref(), Duration::ZERO);
    reader.not_empty(written.require.span, written.require.len(), "claim")?;
    let require: Vec<_> = written
        .require
        .iter()
        .map(|claim| {
            if let Some(event) = &claim.event {
                let fault = ProblemText::new("an Event is no state that can be steady");
                let expected = "`event` among the expectations of a step";
                return reader.fault_at_key(event.span, fault.expected(expected));
            }
            if let Some(which) = &claim.which {
                let fault = ProblemText::new("no step has flipped a Pod at the steady state");
                let expected = "`which` in a step or a measure";
                return reader.fault_at_key(which.span, fault.expected(expected));
            }
            let resolved = subjects::of_claim(reader, claim)?;
            subjects::without_comparison(reader, &resolved, &claim.that)?;
            subjects::without_budget(reader, &resolved, &claim.that)?;
            subjects::enough_traffic(reader, &resolved, hold?, traffic)?;
            Some(resolved)
        })
        .collect();
    Some(SteadyState {
        within: within?,
        hold: hold?,
        require: require.into_iter().collect::<Option<_>>()?,
    })
}
