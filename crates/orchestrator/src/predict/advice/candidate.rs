//! Small changes of a workload that may lower a finding, the smallest first.
//!
//! Whether one does is tried, not assumed: [`candidates`] only says what is worth a try.

use std::slice;

use k8s_openapi::api::core::v1::{Container, Pod, Probe as ProbeSettings, Service};
use probe_target::model::port_spec::Protocol;
use rules::probe::ProbeKind;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    input::{
        experiment::{ObjectKind, Probe},
        load::Manifest,
    },
    predict::{
        change::{Change, Part},
        question::Mode,
        workload::Workload,
    },
    stand_in,
    targets::{Listener, containers, listener, pod_of, probe_timing::timing},
};

/// A change that may lower a finding.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate {
    /// What changes, in words: `a preStop sleep of 2 s in app`.
    #[serde(rename = "change")]
    pub(crate) what: String,
    /// What the application must offer for it; none if it needs nothing new.
    pub(crate) needs: Option<String>,
    /// The changed fields of the workload's object, as in `--set`: `spec.minReadySeconds=5`.
    #[serde(rename = "set")]
    pub(crate) changes: Vec<Change>,
}

/// What a finding is about, as far as candidates depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// What happens.
    pub(crate) mode: Mode,
    /// To which container; none if the whole template changes.
    pub(crate) container: Option<&'a str>,
    /// The probes that fail together.
    pub(crate) probes: &'a [Probe],
}

/// The candidates for a finding about a workload, whose manifest is `original`.
pub(crate) fn candidates(
    original: &Manifest,
    workload: &Workload,
    subject: Subject<'_>,
) -> Vec<Candidate> {
    let Some(pod) = pod_of(&original.object) else {
        return Vec::new();
    };
    let facts = Facts {
        object: &original.object,
        pod: &pod,
        workload,
        behind: behind(workload),
    };
    let Some(name) = subject.container else {
        return facts.of_template(subject.mode);
    };
    let container = containers(&pod).find(|container| container.name == name);
    container.map_or_else(Vec::new, |container| facts.of_container(container, subject))
}

struct Facts<'a> {
    object: &'a Value,
    pod: &'a Pod,
    workload: &'a Workload,
    behind: Vec<Listener<'a>>,
}

/// The containers that the workload's Services lead to.
fn behind(workload: &Workload) -> Vec<Listener<'_>> {
    let pods = slice::from_ref(&workload.pod);
    let of_service = |object: &Value| -> Vec<Listener<'_>> {
        let service: Service = serde_json::from_value(object.clone()).unwrap_or_default();
        let ports = service
            .spec
            .iter()
            .flat_map(|spec| spec.ports.iter().flatten());
        let numbers = ports.filter_map(|port| u16::try_from(port.port).ok());
        let listeners = numbers.filter_map(|number| listener(&service, number, pods));
        listeners.collect()
    };
    let services = workload.objects.iter().filter(|it| it["kind"] == "Service");
    let mut behind: Vec<Listener<'_>> = Vec::new();
    for listener in services.flat_map(of_service) {
        if !behind
            .iter()
            .any(|known| known.container.name == listener.container.name)
        {
            behind.push(listener);
        }
    }
    behind
}

impl Facts<'_> {
    fn of_template(&self, mode: Mode) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        if mode == Mode::Rollout {
            candidates.extend(
                [1, 2, 3, 5]
                    .into_iter()
                    .filter_map(|time| self.pre_stop(time)),
            );
        }
        candidates.extend(self.surge());
        candidates.extend(self.readiness(|_| true));
        if mode == Mode::Rollout {
            candidates.extend([5, 10].into_iter().filter_map(|time| self.min_ready(time)));
        }
        candidates
    }

    fn of_container(&self, container: &Container, subject: Subject<'_>) -> Vec<Candidate> {
        let is_joint = subject.probes.len() > 1;
        let liveness = container.liveness_probe.as_ref();
        let mut candidates = Vec::new();
        if is_joint {
            candidates.extend(liveness.and_then(|probe| self.own_endpoint(container, probe)));
        }
        if subject.mode == Mode::Frozen {
            candidates.extend(self.sooner(container, Probe::Liveness));
            candidates.extend(self.sooner(container, Probe::Readiness));
            candidates.extend(self.readiness(|listener| listener.container.name == container.name));
            candidates.extend(self.liveness(container));
        }
        if subject.mode != Mode::Readiness || is_joint {
            candidates.extend(self.startup(container));
            candidates.extend(self.probe_grace(container));
        }
        if matches!(subject.mode, Mode::Liveness | Mode::Crash) {
            candidates.extend(self.shorter_period(container, Probe::Readiness));
        }
        candidates
    }

    /// A preStop sleep in each container behind a Service that has no preStop hook.
    fn pre_stop(&self, seconds: i64) -> Option<Candidate> {
        let spec = self.pod.spec.as_ref()?;
        let grace = spec.termination_grace_period_seconds;
        let grace = grace.unwrap_or(stand_in::DEFAULT_GRACE.into());
        let names: Vec<&str> = self.without(|container| {
            let lifecycle = container.lifecycle.as_ref();
            lifecycle
                .and_then(|lifecycle| lifecycle.pre_stop.as_ref())
                .is_some()
        });
        if names.is_empty() || seconds >= grace {
            return None;
        }
        let sleep = ["lifecycle", "preStop", "sleep", "seconds"];
        let changes = names
            .iter()
            .map(|name| self.change(name, &sleep, seconds.into()));
        Some(Candidate {
            what: format!("a preStop sleep of {seconds} s in {}", names.join(" and ")),
            needs: None,
            changes: changes.collect(),
        })
    }

    /// The containers behind a Service of which this is not true.
    fn without(&self, has: impl Fn(&Container) -> bool) -> Vec<&str> {
        let behind = self
            .behind
            .iter()
            .map(|listener| listener.container.name.as_str());
        let lacks = |name: &&str| {
            let mut all = containers(self.pod);
            all.any(|container| container.name == **name && !has(container))
        };
        behind.filter(lacks).collect()
    }

    /// New Pods before old ones end.
    fn surge(&self) -> Option<Candidate> {
        let (field, most) = match self.workload.reference.kind {
            ObjectKind::Deployment => ("strategy", "25%"),
            ObjectKind::DaemonSet => ("updateStrategy", "1"),
            _ => return None,
        };
        let current = &self.object["spec"][field];
        let is_rolling = current["type"]
            .as_str()
            .is_none_or(|kind| kind == "RollingUpdate");
        let unavailable = current["rollingUpdate"]["maxUnavailable"].clone();
        let unavailable = if unavailable.is_null() {
            json!(most)
        } else {
            unavailable
        };
        let is_none = ["0", "0%"].contains(&unavailable.to_string().trim_matches('"'));
        if is_rolling && is_none || self.workload.takes_host_ports {
            return None;
        }
        let rolling = json!({ "maxSurge": 1, "maxUnavailable": 0 });
        let changes = if is_rolling {
            vec![Change::of(&["spec", field, "rollingUpdate"], rolling)]
        } else {
            let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": rolling });
            vec![Change::of(&["spec", field], strategy)]
        };
        Some(Candidate {
            what: "a rollout with maxSurge 1 and maxUnavailable 0".to_owned(),
            needs: None,
            changes,
        })
    }

    /// Readiness probes for the containers behind a Service that have none.
    fn readiness(&self, is_wanted: impl Fn(&Listener<'_>) -> bool) -> Vec<Candidate> {
        let names = self.without(|container| container.readiness_probe.is_some());
        let listeners = self.behind.iter().filter(|listener| is_wanted(listener));
        let mut missing =
            listeners.filter(|listener| names.contains(&listener.container.name.as_str()));
        let Some(listener) = missing.next() else {
            return Vec::new();
        };
        let Listener {
            container,
            port,
            protocol,
        } = listener;
        let name = &container.name;
        let candidate = |asks: &str, needs: Option<String>, handler: Value| Candidate {
            what: format!("a readiness probe of {name} ({asks})"),
            needs,
            changes: vec![self.change(name, &["readinessProbe"], handler)],
        };
        let connect = json!({ "tcpSocket": { "port": port } });
        let mut candidates = vec![candidate(&format!("tcp {port}"), None, connect)];
        if *protocol == Protocol::Http {
            let handler = json!({ "httpGet": { "path": READY, "port": port } });
            candidates.push(candidate(
                &format!("http {port}{READY}"),
                Some(needs(READY, READY_MEANS)),
                handler,
            ));
        }
        candidates
    }

    /// A liveness probe for a container that has a readiness probe by HTTP.
    fn liveness(&self, container: &Container) -> Option<Candidate> {
        let get = container.readiness_probe.as_ref()?.http_get.as_ref()?;
        if container.liveness_probe.is_some() {
            return None;
        }
        let mut get = get.clone();
        get.path = Some(free_path(container).to_owned());
        let (name, path) = (&container.name, free_path(container));
        Some(Candidate {
            what: format!("a liveness probe of {name} (http {path})"),
            needs: Some(needs(path, LIVE_MEANS)),
            changes: vec![self.change(name, &["livenessProbe"], json!({ "httpGet": get }))],
        })
    }

    /// Liveness on an endpoint of its own.
    fn own_endpoint(&self, container: &Container, liveness: &ProbeSettings) -> Option<Candidate> {
        liveness.http_get.as_ref()?;
        let (name, path) = (&container.name, free_path(container));
        let field = ["livenessProbe", "httpGet", "path"];
        Some(Candidate {
            what: format!("liveness of {name} on an endpoint of its own ({path})"),
            needs: Some(needs(path, LIVE_MEANS)),
            changes: vec![self.change(name, &field, path.into())],
        })
    }

    /// A probe that decides sooner, by its period or its threshold.
    fn sooner(&self, container: &Container, probe: Probe) -> Vec<Candidate> {
        let period = self.shorter_period(container, probe);
        period
            .into_iter()
            .chain(self.lower_threshold(container, probe))
            .collect()
    }

    /// Half the period, which doubles the load of the probe.
    fn shorter_period(&self, container: &Container, probe: Probe) -> Option<Candidate> {
        let (field, kind, settings) = settings(container, probe)?;
        let period = timing(kind, settings).period.as_secs();
        let half = period.div_ceil(2);
        (half < period).then(|| Candidate {
            what: format!("{probe} of {} every {half} s", container.name),
            needs: None,
            changes: vec![self.change(&container.name, &[field, "periodSeconds"], half.into())],
        })
    }

    /// Half the failures, at least two: one alone may be chance.
    fn lower_threshold(&self, container: &Container, probe: Probe) -> Option<Candidate> {
        let (field, kind, settings) = settings(container, probe)?;
        let failures = timing(kind, settings).failure.count();
        let half = failures.div_ceil(2).max(2);
        let path = [field, "failureThreshold"];
        (half < failures).then(|| Candidate {
            what: format!("{probe} of {} after {half} failures", container.name),
            needs: None,
            changes: vec![self.change(&container.name, &path, half.into())],
        })
    }

    /// A startup probe in place of a long initial delay.
    fn startup(&self, container: &Container) -> Option<Candidate> {
        /// Delays below this are no reason for another probe.
        const LONG: u64 = 10;
        const PERIOD: u64 = 2;
        if container.startup_probe.is_some() {
            return None;
        }
        let probes = [Probe::Liveness, Probe::Readiness];
        let probes = probes
            .into_iter()
            .filter_map(|probe| settings(container, probe));
        let delayed: Vec<_> = probes
            .map(|(field, kind, settings)| (field, settings, timing(kind, settings)))
            .filter(|(_, _, spec)| spec.initial_delay.as_secs() >= LONG)
            .collect();
        let (_, first, _) = delayed.first()?;
        let budgets = delayed
            .iter()
            .map(|(_, _, spec)| spec.initial_delay + spec.period * spec.failure.count());
        let budget = budgets.max()?.as_secs();
        let failures = budget.div_ceil(PERIOD);
        let mut startup = json!(first);
        let fields = startup.as_object_mut()?;
        for field in [
            "initialDelaySeconds",
            "successThreshold",
            "terminationGracePeriodSeconds",
        ] {
            fields.remove(field);
        }
        fields.insert("periodSeconds".to_owned(), PERIOD.into());
        fields.insert("failureThreshold".to_owned(), failures.into());
        let name = &container.name;
        let mut changes = vec![self.change(name, &["startupProbe"], startup)];
        let delays = delayed
            .iter()
            .map(|(field, ..)| self.change(name, &[field, "initialDelaySeconds"], 0.into()));
        changes.extend(delays);
        Some(Candidate {
            what: format!(
                "a startup probe of {name}, for up to {budget} s, in place of the initial delay"
            ),
            needs: None,
            changes,
        })
    }

    /// A grace period of the liveness probe for a container that does not end at once.
    fn probe_grace(&self, container: &Container) -> Option<Candidate> {
        const GRACE: i64 = 5;
        let liveness = container.liveness_probe.as_ref()?;
        let grace = self.pod.spec.as_ref()?.termination_grace_period_seconds;
        let lifecycle = container.lifecycle.as_ref();
        let has_hook = lifecycle.is_some_and(|lifecycle| lifecycle.pre_stop.is_some());
        let mut stand_ins = self
            .workload
            .containers()
            .filter(|it| it.name == container.name);
        let drains = stand_ins.any(|it| {
            it.args
                .iter()
                .flatten()
                .any(|word| word.starts_with("--drain"))
        });
        let is_long =
            grace.unwrap_or(stand_in::DEFAULT_GRACE.into()) > GRACE && (has_hook || drains);
        let is_given = liveness.termination_grace_period_seconds.is_some();
        let field = ["livenessProbe", "terminationGracePeriodSeconds"];
        (is_long && !is_given).then(|| Candidate {
            what: format!(
                "a grace period of {GRACE} s of the liveness probe of {}",
                container.name
            ),
            needs: None,
            changes: vec![self.change(&container.name, &field, GRACE.into())],
        })
    }

    fn min_ready(&self, seconds: i64) -> Option<Candidate> {
        let spec = &self.object["spec"];
        let is_shorter = spec["minReadySeconds"].as_i64().unwrap_or(0) < seconds;
        let has_field = self.workload.rolls_out();
        (is_shorter && has_field).then(|| Candidate {
            what: format!("minReadySeconds of {seconds}"),
            needs: None,
            changes: vec![Change::of(&["spec", "minReadySeconds"], seconds.into())],
        })
    }

    /// A change of a container.
    fn change(&self, container: &str, fields: &[&str], value: Value) -> Change {
        let spec = self.pod.spec.as_ref();
        let mut regular = spec.into_iter().flat_map(|spec| &spec.containers);
        let is_regular = regular.any(|each| each.name == container);
        let list = if is_regular {
            "containers"
        } else {
            "initContainers"
        };
        let spec: &[&str] = match self.workload.reference.kind {
            ObjectKind::Pod => &["spec"],
            _ => &["spec", "template", "spec"],
        };
        let mut change = Change::of(&[spec, &[list]].concat(), value);
        change.path.push(Part::Item(container.to_owned()));
        let fields = fields.iter().map(|field| Part::Field((*field).to_owned()));
        change.path.extend(fields);
        change
    }
}

/// The path of an endpoint that says whether a container can serve.
const READY: &str = "/readyz";

const READY_MEANS: &str = "that answers 200 when the container can serve";

const LIVE_MEANS: &str = "that answers 200 as long as the process works, whatever it depends on";

fn needs(path: &str, means: &str) -> String {
    format!("an endpoint {path} {means}")
}

/// A path for liveness that no probe of the container asks yet.
fn free_path(container: &Container) -> &'static str {
    let probes = [
        &container.readiness_probe,
        &container.liveness_probe,
        &container.startup_probe,
    ];
    let mut gets = probes
        .into_iter()
        .flatten()
        .filter_map(|probe| probe.http_get.as_ref());
    if gets.any(|get| get.path.as_deref() == Some("/livez")) {
        "/alive"
    } else {
        "/livez"
    }
}

fn settings(
    container: &Container,
    probe: Probe,
) -> Option<(&'static str, ProbeKind, &ProbeSettings)> {
    let (field, kind, settings) = match probe {
        Probe::Readiness => (
            "readinessProbe",
            ProbeKind::Readiness,
            &container.readiness_probe,
        ),
        Probe::Liveness => (
            "livenessProbe",
            ProbeKind::Liveness,
            &container.liveness_probe,
        ),
        Probe::Startup => ("startupProbe", ProbeKind::Startup, &container.startup_probe),
    };
    Some((field, kind, settings.as_ref()?))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{
        input::{load, source::Source},
        predict::change::{changed, strategic_merge},
        stand_in::{self, Settings},
    };

    /// A Deployment with this strategy, whose container `app` is behind a Service and has these
    /// fields.
    fn chart(strategy: &str, app: &str) -> Vec<Manifest> {
        let text = format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  replicas: 4
  strategy: {strategy}
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec:
      containers:
        - name: app
          image: app:1
          ports: [{{ name: http, containerPort: 8080 }}]
          {app}
        - {{ name: other, image: other:1 }}
---
apiVersion: v1
kind: Service
metadata: {{ name: web }}
spec: {{ selector: {{ app: web }}, ports: [{{ port: 80, targetPort: http }}] }}
"
        );
        let path = "chart.yaml".into();
        load::load(&Source {
            path,
            text: text.into(),
        })
        .unwrap()
        .manifests
    }

    /// The candidates in words, each with its patch below `spec`.
    fn check(strategy: &str, app: &str, subject: Subject<'_>, expected: &Expect) {
        let originals = chart(strategy, app);
        let (stand_ins, _) = stand_in::manifests(&originals, &Settings::default()).unwrap();
        let workloads = Workload::all(&stand_ins, &originals).unwrap();
        let lines = candidates(&originals[0], &workloads[0], subject)
            .into_iter()
            .map(|candidate| {
                changed(&originals[0], &candidate.changes).unwrap();
                let patch = strategic_merge(&originals[0].object, &candidate.changes);
                format!("{}\n  {}\n", candidate.what, patch["spec"])
            });
        expected.assert_eq(&lines.collect::<String>());
    }

    const TEMPLATE: Subject<'_> = Subject {
        mode: Mode::Rollout,
        container: None,
        probes: &[],
    };

    const READY: &str = "readinessProbe: { httpGet: { path: /ready, port: http } }";

    #[test]
    fn a_rollout_can_stop_later_or_start_earlier() {
        check(
            "{}",
            READY,
            TEMPLATE,
            &expect![[r#"
            a preStop sleep of 1 s in app
              {"template":{"spec":{"containers":[{"lifecycle":{"preStop":{"sleep":{"seconds":1}}},"name":"app"}]}}}
            a preStop sleep of 2 s in app
              {"template":{"spec":{"containers":[{"lifecycle":{"preStop":{"sleep":{"seconds":2}}},"name":"app"}]}}}
            a preStop sleep of 3 s in app
              {"template":{"spec":{"containers":[{"lifecycle":{"preStop":{"sleep":{"seconds":3}}},"name":"app"}]}}}
            a preStop sleep of 5 s in app
              {"template":{"spec":{"containers":[{"lifecycle":{"preStop":{"sleep":{"seconds":5}}},"name":"app"}]}}}
            a rollout with maxSurge 1 and maxUnavailable 0
              {"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":0}}}
            minReadySeconds of 5
              {"minReadySeconds":5}
            minReadySeconds of 10
              {"minReadySeconds":10}
        "#]],
        );
        check(
            "{ type: Recreate }",
            "lifecycle: { preStop: { sleep: { seconds: 1 } } }",
            TEMPLATE,
            &expect![[r#"
                a rollout with maxSurge 1 and maxUnavailable 0
                  {"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":0},"type":"RollingUpdate"}}
                a readiness probe of app (tcp 8080)
                  {"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"tcpSocket":{"port":8080}}}]}}}
                a readiness probe of app (http 8080/readyz)
                  {"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"httpGet":{"path":"/readyz","port":8080}}}]}}}
                minReadySeconds of 5
                  {"minReadySeconds":5}
                minReadySeconds of 10
                  {"minReadySeconds":10}
            "#]],
        );
    }

    #[test]
    fn new_pods_that_never_serve_need_a_readiness_probe_or_a_surge() {
        let subject = Subject {
            mode: Mode::Startup,
            ..TEMPLATE
        };
        check(
            "{ rollingUpdate: { maxUnavailable: 0 } }",
            "tty: false",
            subject,
            &expect![[r#"
                a readiness probe of app (tcp 8080)
                  {"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"tcpSocket":{"port":8080}}}]}}}
                a readiness probe of app (http 8080/readyz)
                  {"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"httpGet":{"path":"/readyz","port":8080}}}]}}}
            "#]],
        );
    }

    #[test]
    fn a_shared_endpoint_is_parted() {
        let app = "readinessProbe: { httpGet: { path: /livez, port: http } }
          livenessProbe: { httpGet: { path: /livez, port: http }, initialDelaySeconds: 30 }";
        let subject = Subject {
            mode: Mode::Readiness,
            container: Some("app"),
            probes: &[Probe::Readiness, Probe::Liveness],
        };
        check(
            "{}",
            app,
            subject,
            &expect![[r#"
            liveness of app on an endpoint of its own (/alive)
              {"template":{"spec":{"containers":[{"livenessProbe":{"httpGet":{"path":"/alive"}},"name":"app"}]}}}
            a startup probe of app, for up to 60 s, in place of the initial delay
              {"template":{"spec":{"containers":[{"livenessProbe":{"initialDelaySeconds":0},"name":"app","startupProbe":{"failureThreshold":30,"httpGet":{"path":"/livez","port":"http"},"periodSeconds":2}}]}}}
        "#]],
        );
    }

    #[test]
    fn a_freeze_is_noticed_by_a_probe_or_sooner() {
        let subject = |container| Subject {
            mode: Mode::Frozen,
            container: Some(container),
            probes: &[],
        };
        check(
            "{}",
            "tty: false",
            subject("app"),
            &expect![[r#"
            a readiness probe of app (tcp 8080)
              {"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"tcpSocket":{"port":8080}}}]}}}
            a readiness probe of app (http 8080/readyz)
              {"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"httpGet":{"path":"/readyz","port":8080}}}]}}}
        "#]],
        );
        check(
            "{}",
            READY,
            subject("app"),
            &expect![[r#"
            readiness of app every 5 s
              {"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"periodSeconds":5}}]}}}
            readiness of app after 2 failures
              {"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"failureThreshold":2}}]}}}
            a liveness probe of app (http /livez)
              {"template":{"spec":{"containers":[{"livenessProbe":{"httpGet":{"path":"/livez","port":"http"}},"name":"app"}]}}}
        "#]],
        );
        check("{}", READY, subject("other"), &expect![""]);
    }
}
