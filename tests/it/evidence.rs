//! Tests of what verdicts require: reached flips, up-to-date statuses, changes after the action,
//! rates that are held.

use std::fs;

use expect_test::{Expect, expect};
use orchestrator::timeline::{Timeline, What};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, probeflip, record, record_in, run};

/// A run in virtual time, with its `--json` report and its `--timeline` file.
struct Ran {
    ended: Ended,
    /// Exit code of `probeflip judge` on its timeline.
    again: i32,
    experiment: Value,
    timelines: Vec<Timeline>,
}

impl Ran {
    /// Runs an experiment with this workload, and checks that judging its timeline again gives the
    /// same exit code.
    fn of(objects: &str, rest: &str) -> Self {
        let ran = Self::of_any(objects, rest);
        assert_eq!(ran.again, ran.ended.code, "{}", ran.ended.stdout);
        ran
    }

    /// Like [`Self::of`], for a run whose exit code does not follow from its timeline.
    fn of_any(objects: &str, rest: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("evidence.yaml");
        let experiment = format!(
            "
apiVersion: probeflip.dev/v1alpha1
kind: Experiment
metadata: {{ name: evidence }}
spec:
  workload:
    objects:
{objects}
{rest}
"
        );
        fs::write(&file, &experiment).unwrap();
        let arguments = [
            file.as_os_str(),
            "--on".as_ref(),
            "virtual".as_ref(),
            "--latencies".as_ref(),
            "none".as_ref(),
        ];
        let ran = record_in(folder.path(), probeflip(), arguments);
        let timeline = folder.path().join("run.jsonl");
        let again = run(["judge".as_ref(), file.as_os_str(), timeline.as_os_str()]);
        Self {
            ended: ran.ended,
            again: again.code,
            experiment: ran.report["experiments"][0].clone(),
            timelines: ran.timelines,
        }
    }

    fn timeline(&self) -> &Timeline {
        &self.timelines[0]
    }

    /// An expectation of the report, by its ID.
    fn expectation(&self, id: &str) -> &Value {
        let steps = self.experiment["steps"].as_array().unwrap();
        let mut all = steps
            .iter()
            .flat_map(|step| step["expectations"].as_array().unwrap());
        all.find(|expectation| expectation["id"] == id).unwrap()
    }

    /// The text below the table.
    fn details(&self) -> &str {
        let (_, details) = self.ended.stdout.split_once("─\n").unwrap();
        details.split_once("\n\n").unwrap().1
    }
}

fn pod(arguments: &str, probes: &str) -> String {
    format!(
        "
      - apiVersion: v1
        kind: Pod
        metadata: {{ name: api, labels: {{ app: api }} }}
        spec:
          containers:
            - name: main
              image: probe-target:0.1.0
              imagePullPolicy: IfNotPresent
              args: [{arguments}]
              {probes}
"
    )
}

#[test]
fn a_flip_that_is_for_other_agents_than_its_probe_decides_nothing() {
    let readiness = "readinessProbe: { httpGet: { path: /ready, port: 9090, \
        httpHeaders: [{ name: User-Agent, value: ' mine/1 ' }] }, periodSeconds: 1 }";
    let ran = Ran::of(
        &pod("--port=9090", readiness),
        "
  steadyState: { hold: 1s, require: [{ pod: pod/api, that: { ready: 1/1 } }] }
  steps:
    - name: for others
      flip: { pod: pod/api, container: main, probe: readiness, to: 503, agent: kube-probe/ }
      expect: [{ id: ready, pod: pod/api, that: { ready: 1/1 }, always: { for: 4s } }]
    - name: for the probe
      flip: { pod: pod/api, container: main, probe: readiness, to: 500, agent: mine/ }
      expect: [{ id: unready, pod: pod/api, that: { ready: 0/1 }, eventually: { within: 9s, hold: 3s } }]
",
    );
    assert_eq!(ran.ended.code, 6, "{}", ran.ended.stdout);
    check(
        ran.details(),
        &expect![[r#"
            for the probe: flip → NotReady 2.998 s

            ? inconclusive step for others: the readiness probe of api/main did not reach the flip `503`: requests of it for `/ready` arrived at port 9090, but the flip is only for user agents that begin with `kube-probe/`

            ? inconclusive ready (for others)
              expected  pod/api ready 1/1, always for 4s
              seen      a flip of this step was not reached: api ready 1/1

            ? inconclusive evidence on virtual in 11.223 s: 1 of 2 expectations held, 1 inconclusive
        "#]],
    );
}

#[test]
fn a_flip_where_no_probe_arrives_decides_nothing() {
    // The target accepts no connection from the start, so it never reads the kubelet's requests.
    let readiness = "readinessProbe: { httpGet: { path: /ready, port: 9090 }, periodSeconds: 1 }";
    let ran = Ran::of(
        &pod("--port=9090, --process=stop-accepting", readiness),
        "
  steadyState: { hold: 1s, require: [{ pod: pod/api, container: main, that: { state: running, ready: false } }] }
  steps:
    - name: shorter than a probe may take
      flip: { pod: pod/api, container: main, probe: readiness, to: 503 }
      expect: [{ id: short, pod: pod/api, that: { ready: 0/1 }, always: { for: 1s } }]
    - name: longer
      flip: { pod: pod/api, container: main, probe: readiness, to: 500 }
      expect:
        - { id: unready, pod: pod/api, that: { ready: 0/1 }, always: { for: 4s } }
        - { id: ready, pod: pod/api, that: { ready: 1/1 }, eventually: { within: 2s } }
",
    );
    assert_eq!(ran.ended.code, 6, "{}", ran.ended.stdout);
    check(
        ran.details(),
        &expect![[r#"
        ? inconclusive step longer: the readiness probe of api/main did not reach the flip `500`: no request of it for `/ready` arrived at port 9090, although it was due for 4.000 s; no request of a probe arrived there at all

        ? inconclusive unready (longer)
          expected  pod/api ready 0/1, always for 4s
          seen      a flip of this step was not reached: api ready 0/1

        ? inconclusive ready (longer)
          expected  pod/api ready 1/1, eventually within 2s
          seen      a flip of this step was not reached: not true in time: api ready 0/1

        ? inconclusive evidence on virtual in 6.223 s: 1 of 3 expectations held, 2 inconclusive
    "#]],
    );
    assert_eq!(ran.expectation("short")["verdict"], "pass");
    assert_eq!(
        ran.experiment["steps"][1]["unreached"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_flip_that_an_exec_probe_asks_for_is_reached() {
    let command = "[/probe-target, check, http, 127.0.0.1:9090, /ready]";
    let ran = Ran::of(
        &pod(
            "--port=9090",
            &format!("readinessProbe: {{ exec: {{ command: {command} }}, periodSeconds: 1 }}"),
        ),
        "
  steadyState: { hold: 1s, require: [{ pod: pod/api, that: { ready: 1/1 } }] }
  steps:
    - name: nothing changes
      flip: { pod: pod/api, container: main, probe: readiness, to: pass }
      expect: [{ id: ready, pod: pod/api, that: { ready: 1/1 }, always: { for: 6s } }]
",
    );
    assert_eq!(ran.ended.code, 0, "{}", ran.ended.stdout);
}

const DEPLOYMENT: &str = "
      - apiVersion: apps/v1
        kind: Deployment
        metadata: { name: api }
        spec:
          replicas: 2
          selector: { matchLabels: { app: api } }
          template:
            metadata: { labels: { app: api } }
            spec:
              containers:
                - name: main
                  image: probe-target:0.1.0
                  imagePullPolicy: IfNotPresent
                  args: [--port=9090]
                  readinessProbe: { httpGet: { path: /ready, port: 9090 }, initialDelaySeconds: 3, periodSeconds: 1 }
";

#[test]
fn a_rollout_is_not_done_on_the_status_from_before_it() {
    let done = "deployment: api, that: { replicas: 2, updated: 2, ready: 2, available: 2 }";
    let ran = Ran::of(
        DEPLOYMENT,
        &format!(
            "
  steadyState: {{ hold: 1s, require: [{{ {done} }}] }}
  steps:
    - name: a new template
      patch: {{ object: deploy/api, merge: {{ spec: {{ template: {{ metadata: {{ labels: {{ version: second }} }} }} }} }} }}
      expect:
        - {{ id: rolled-out, {done}, eventually: {{ notBefore: 3s, within: 30s, hold: 1s }} }}
        - {{ id: never-none, deployment: api, that: {{ available: 0 }}, never: {{}} }}
    - name: no change of the template
      patch: {{ object: deploy/api, merge: {{ metadata: {{ labels: {{ tier: backend }} }} }} }}
      expect: [{{ id: still, {done}, eventually: {{ within: 5s }} }}]
"
        ),
    );
    assert_eq!(ran.ended.code, 0, "{}", ran.ended.stdout);
    let generations = ran.timeline();
    let patched = generations
        .records()
        .iter()
        .filter_map(|record| match &record.what {
            What::Acknowledged { patched, .. } => patched.as_ref()?.generation,
            _ => None,
        });
    assert_eq!(patched.collect::<Vec<_>>(), [2, 2]);
    let (rolled_out, still) = (ran.expectation("rolled-out"), ran.expectation("still"));
    assert_eq!(
        (&rolled_out["alreadyTrue"], &still["alreadyTrue"]),
        (&false.into(), &true.into())
    );
    assert!(
        ran.ended.stdout.contains("✔ pass, already true   0.000 s"),
        "{}",
        ran.ended.stdout
    );
}

#[test]
fn a_pod_s_conditions_wait_for_its_own_patch() {
    let readiness = "readinessProbe: { httpGet: { path: /ready, port: 9090 }, periodSeconds: 1 }";
    let ran = Ran::of(
        &pod("--port=9090", readiness),
        "
  steadyState: { hold: 1s, require: [{ pod: pod/api, that: { ready: 1/1 } }] }
  steps:
    - name: another image
      patch: { object: pod/api, merge: { spec: { containers: [{ name: main, image: 'probe-target:0.1.0-tls' }] } } }
      expect: [{ id: ready, pod: pod/api, that: { ready: 1/1 }, eventually: { within: 20s } }]
",
    );
    assert_eq!(ran.ended.code, 0, "{}", ran.ended.stdout);
    let ready = ran.expectation("ready");
    assert_eq!(ready["alreadyTrue"], false);
    assert!(ready["at"].as_u64() > Some(0), "{ready}");
}

fn check(shown: &str, expected: &Expect) {
    expected.assert_eq(shown);
}

#[test]
fn a_step_waits_until_what_it_flips_runs() {
    let readiness = "readinessProbe: { httpGet: { path: /ready, port: 9090 }, periodSeconds: 1, failureThreshold: 1 }";
    // The steady state is reached while the container waits in back-off; its second start is 10 s
    // away.
    let ran = Ran::of(
        &pod("--port=9090, '--process=exit code=4 after=4s'", readiness),
        "
  steadyState: { require: [{ pod: pod/api, container: main, that: { reason: CrashLoopBackOff } }] }
  steps:
    - name: readiness fails
      flip: { pod: pod/api, container: main, probe: readiness, to: 503 }
      expect:
        - { id: unready, pod: pod/api, that: { ready: 0/1 }, eventually: { within: 3s, hold: 500ms } }
        - { id: same-start, pod: pod/api, that: { restarts: { delta: 0 } }, always: {} }
",
    );
    assert_eq!(
        ran.ended.code, 0,
        "{}{}",
        ran.ended.stdout, ran.ended.stderr
    );
}

#[test]
fn a_container_that_never_runs_ends_a_run_with_its_reason() {
    let objects = pod(
        "--port=9090",
        "livenessProbe: { httpGet: { path: /live, port: 9090 } }",
    );
    let never = objects.replace("args: [--port=9090]", "command: [/probe-target, nonsense]");
    let ran = Ran::of_any(
        &never,
        "
  steadyState: { within: 12s, require: [{ pod: pod/api, that: { ready: 0/1 } }] }
  steps:
    - name: liveness fails
      flip: { pod: pod/api, container: main, probe: liveness, to: 503 }
      expect: [{ id: restarted, pod: pod/api, that: { ready: 0/1 }, always: { for: 1s } }]
",
    );
    assert_eq!(ran.ended.code, 3, "{}", ran.ended.stdout);
    let error = "error: step `liveness fails`: container main of pod api has ended with 2 (Error: error: no command `nonsense`";
    assert!(ran.ended.stderr.contains(error), "{}", ran.ended.stderr);
}

#[test]
fn a_steady_state_that_is_never_reached_is_an_error_with_its_causes() {
    let readiness = "readinessProbe: { httpGet: { path: /ready, port: web }, periodSeconds: 1 }";
    let service = "
      - { apiVersion: v1, kind: Service, metadata: { name: api }, spec: { selector: { app: apy }, ports: [{ port: 80 }] } }
";
    let ran = Ran::of(
        &(pod("--port=9090", readiness) + service),
        "
  steadyState:
    within: 5s
    require: [{ pod: pod/api, that: { ready: 1/1 } }]
  steps:
    - name: never begun
      patch: { object: pod/api, merge: {} }
      expect: [{ id: ready, pod: pod/api, that: { ready: 1/1 }, eventually: { within: 1s } }]
",
    );
    assert_eq!(
        (ran.ended.code, &ran.experiment["verdict"]),
        (3, &"error".into())
    );
    check(
        ran.details(),
        &expect![[r#"
        the steady state was not reached: expected pod/api ready 1/1, saw api ready 0/1

        possible causes:
          the readiness probe of container main of pod api asks for port `web`, and the container names no port so; there are no named ports
          service api has no endpoints: no pod has the labels `app=apy`
          the last warning is of pod api: Unhealthy: Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing "web": invalid syntax

        ! error evidence on virtual in 5.223 s: the steady state was never reached
    "#]],
    );
    for cause in ran.experiment["causes"].as_array().unwrap() {
        let cause = cause.as_str().unwrap();
        assert!(
            ran.ended.stderr.contains(cause),
            "{cause} in {}",
            ran.ended.stderr
        );
    }
}

/// The recorded clients are made to have sent one of three requests, as if they were short of
/// processor time.
#[test]
fn a_rate_that_was_not_held_leaves_traffic_undecided() {
    let experiment = "manifests/seed/one-service.yaml";
    let ran = record([experiment, "--on", "virtual"]);
    assert_eq!(ran.ended.code, 0, "{}", ran.ended.stdout);
    let (mut kept, mut requests) = (String::new(), 0);
    for line in ran.text.lines() {
        let is_request = line.contains(r#""record":"traffic""#);
        requests += usize::from(is_request);
        if !is_request || requests.is_multiple_of(3) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    let folder = TempDir::new().unwrap();
    let timeline = folder.path().join("t.jsonl");
    fs::write(&timeline, kept).unwrap();
    let judged = run(["judge".as_ref(), experiment.as_ref(), timeline.as_os_str()]);
    assert_eq!(judged.code, 6, "{}", judged.stdout);
    let why = "client users-b reached 3.";
    assert!(judged.stdout.contains(why), "{}", judged.stdout);
    assert!(
        judged.stdout.contains(" of 10 requests/s"),
        "{}",
        judged.stdout
    );
}
