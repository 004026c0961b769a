//! Questions about a small chart, and the experiments that ask them.

pub(super) mod hostile;

use expect_test::{Expect, expect, expect_file};

use super::experiment::Effect;
use super::{
    Answer, Impact, Mode, Question, Scope, Wanted, Workload, findings, questions, written,
};
use crate::{
    input::{experiment::Probe, load, source::Source},
    judge::RequestCounts,
    stand_in::{self, Settings},
    timeline::Micros,
};
use std::time::Duration;

const CHART: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: app:1
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /health, port: http } }
          livenessProbe: { httpGet: { path: /health, port: http }, failureThreshold: 6 }
        - name: worker
          image: worker:1
          livenessProbe: { exec: { command: [/healthcheck] } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: batch/v1
kind: Job
metadata: { name: once }
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: job, image: job:1 }]
";

fn workloads(chart: &str) -> Vec<Workload> {
    let source = Source {
        path: "chart.yaml".into(),
        text: chart.into(),
    };
    let originals = load::load(&source).unwrap().manifests;
    let (stand_ins, _) = stand_in::manifests(&originals, &Settings::default()).unwrap();
    Workload::all(&stand_ins, &originals).unwrap()
}

/// All questions of these modes and scopes about the small chart, in words.
fn check(modes: &[Mode], scopes: &[Scope], expected: &Expect) {
    check_of(CHART, modes, scopes, expected);
}

/// The same of another chart, with what else fails and why there is no run.
fn check_of(chart: &str, modes: &[Mode], scopes: &[Scope], expected: &Expect) {
    let wanted = Wanted {
        modes: modes.to_vec(),
        scopes: scopes.to_vec(),
    };
    let workloads = workloads(chart);
    let asked = workloads
        .iter()
        .flat_map(|workload| questions(workload, &wanted));
    let words = |question: Question<'_>| {
        let head = [question.subject(), question.what(), question.pods()].join(" ");
        let more = question.also().into_iter().chain(question.unanswerable);
        let more = more.map(|line| format!("    {line}\n"));
        format!("{head}\n{}", more.collect::<String>())
    };
    expected.assert_eq(&asked.map(words).collect::<String>());
}

#[test]
fn probes_that_ask_the_same_fail_together() {
    let both = [Scope::One, Scope::All];
    check(
        &[Mode::Readiness, Mode::Liveness],
        &both,
        &expect![[r"
            deploy/web/app readiness+liveness, until the restart one of 2
            deploy/web/app readiness+liveness, until the restart all 2
            deploy/web/app readiness+liveness, for good one of 2
            deploy/web/app readiness+liveness, for good all 2
            deploy/web/worker liveness, until the restart one of 2
            deploy/web/worker liveness, until the restart all 2
            deploy/web/worker liveness, for good one of 2
            deploy/web/worker liveness, for good all 2
        "]],
    );
    check(
        &[Mode::Liveness],
        &[Scope::One],
        &expect![[r"
            deploy/web/app readiness+liveness, until the restart one of 2
            deploy/web/app readiness+liveness, for good one of 2
            deploy/web/worker liveness, until the restart one of 2
            deploy/web/worker liveness, for good one of 2
        "]],
    );
}

#[test]
fn what_happens_after_the_longest_observation_is_not_judged() {
    let with = |probes: &str| {
        let chart = CHART.replace("failureThreshold: 6", probes);
        let chart = chart
            .split("        - name: worker")
            .next()
            .unwrap()
            .to_owned();
        let (modes, scopes) = ([Mode::Liveness], [Scope::All]);
        move |expected: Expect| check_of(&chart, &modes, &scopes, &expected)
    };
    with("periodSeconds: 900")(expect![[r"
        deploy/web/app readiness+liveness, until the restart all 2
            the probes that notice it decide within 45m; a run observes 30m at the most
        deploy/web/app readiness+liveness, for good all 2
            the probes that notice it decide within 45m; a run observes 30m at the most
    "]]);
    with("initialDelaySeconds: 7200")(expect![[r"
        deploy/web/app readiness+liveness, until the restart all 2
            a liveness probe begins within 2h; a run observes 30m at the most
        deploy/web/app readiness+liveness, for good all 2
            a liveness probe begins within 2h; a run observes 30m at the most
    "]]);
}

#[test]
fn a_template_that_reaches_no_pod_by_itself_is_not_judged() {
    let with = |kind: &str, spec: &str| {
        let chart = CHART
            .replace("Deployment", kind)
            .replace("  replicas: 2", &format!("  replicas: 2\n  {spec}"));
        let chart = chart
            .split("---\napiVersion: batch")
            .next()
            .unwrap()
            .to_owned();
        move |expected: Expect| check_of(&chart, &[Mode::Rollout], &[Scope::All], &expected)
    };
    with("Deployment", "paused: true")(expect![[r"
        deploy/web rollout none
            it has no Pods: a Deployment that is paused creates none
    "]]);
    with("StatefulSet", "updateStrategy: { type: OnDelete }")(expect![[r"
        sts/web rollout all 2
            its updateStrategy is OnDelete: a Pod keeps its template until it is deleted
    "]]);
    with(
        "StatefulSet",
        "updateStrategy: { rollingUpdate: { partition: 1 } }",
    )(expect![[r"
        sts/web rollout all 2
            its partition is 1: Pods of smaller numbers keep their template
    "]]);
}

#[test]
fn a_service_of_another_namespace_selects_nothing() {
    let of = |namespaces: [&str; 2]| {
        let [workload, service] = namespaces;
        let chart = CHART
            .replacen("{ name: web }", &format!("{{ name: web{workload} }}"), 1)
            .replacen(
                "{ name: web }\nspec: { sel",
                &format!("{{ name: web{service} }}\nspec: {{ sel"),
                1,
            );
        workloads(&chart)[0].services.len()
    };
    assert_eq!(of([", namespace: a", ", namespace: b"]), 0);
    assert_eq!(of([", namespace: a", ", namespace: a"]), 1);
    assert_eq!(of([", namespace: a", ""]), 1);
}

#[test]
fn an_unknown_command_gives_two_answers_to_a_freeze() {
    check(
        &[Mode::Frozen],
        &[Scope::All],
        &expect![[r"
            deploy/web/app frozen all 2
            deploy/web/worker frozen, if the command asks it all 2
            deploy/web/worker frozen, if the command does not all 2
            job/once frozen its Pods
                a Job's stand-in ends with 0 at once. On a cluster another Pod is created after a failure, 6 times (backoffLimit), then the Job has failed; nothing ends a Job that hangs, as it has no activeDeadlineSeconds
        "]],
    );
}

/// A Deployment of one Pod with these containers, each as a flow mapping, and a Service of 8080.
fn chart(containers: &[&str]) -> String {
    let containers: Vec<String> = containers
        .iter()
        .map(|container| format!("        - {container}"))
        .collect();
    let containers = containers.join("\n");
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec:
      containers:
{containers}
---
apiVersion: v1
kind: Service
metadata: {{ name: web }}
spec: {{ selector: {{ app: web }}, ports: [{{ port: 80, targetPort: 8080 }}] }}
"
    )
}

#[test]
fn a_closed_port_fails_all_that_asks_it() {
    let tcp = "{ name: app, image: i, ports: [{ containerPort: 8080 }], \
               readinessProbe: { httpGet: { port: 8080 } }, \
               livenessProbe: { tcpSocket: { port: 8080 } } }";
    check_of(
        &chart(&[tcp]),
        &[Mode::Readiness, Mode::Liveness],
        &[Scope::All],
        &expect![[r"
            deploy/web/app readiness the only one
                the probe asks `/`, as the clients of web do: their requests fail with it
            deploy/web/app liveness+readiness, until the restart the only one
                port 8080 is closed: requests to web:80 fail
            deploy/web/app liveness+readiness, for good the only one
                port 8080 is closed: requests to web:80 fail
        "]],
    );
}

#[test]
fn a_probe_of_another_container_s_port_fails_with_it_for_good() {
    let app = "{ name: app, image: i, ports: [{ containerPort: 8080 }], \
               livenessProbe: { httpGet: { port: 8080 } } }";
    let other = "{ name: other, image: i, livenessProbe: { httpGet: { port: 8080 } } }";
    check_of(
        &chart(&[app, other]),
        &[Mode::Liveness],
        &[Scope::All],
        &expect![[r"
            deploy/web/app liveness, until the restart the only one
                the liveness probe of `other` (http 8080/) fails too
                the probe asks `/`, as the clients of web do: their requests fail with it
            deploy/web/app liveness, for good the only one
                the liveness probe of `other` (http 8080/) fails too
                the probe asks `/`, as the clients of web do: their requests fail with it
            deploy/web/other liveness, for good the only one
                the liveness probe of `app` (http 8080/) fails too
                the probe asks `/`, as the clients of web do: their requests fail with it
        "]],
    );
}

#[test]
fn what_no_run_answers_is_a_row_with_the_reason() {
    let none = "{ name: app, image: i, ports: [{ containerPort: 8080 }] }";
    let modes = [Mode::Readiness, Mode::Liveness, Mode::Crash];
    check_of(
        &chart(&[none]),
        &modes,
        &[Scope::All],
        &expect![[r"
        deploy/web readiness the only one
            no container has a readiness or liveness probe: Kubernetes notices nothing but the end of a process
        deploy/web/app crash, once the only one
        deploy/web/app crash, at every start the only one
    "]],
    );
    let elsewhere = "{ name: app, image: i, ports: [{ containerPort: 8080 }], \
                     readinessProbe: { httpGet: { port: 80, host: auth.example.com } } }";
    check_of(
        &chart(&[elsewhere]),
        &[Mode::Readiness, Mode::Frozen],
        &[Scope::All],
        &expect![[r"
            deploy/web/app readiness the only one
                the readiness probe asks http 80 `/` of host `auth.example.com`, which is not its Pod
            deploy/web/app frozen the only one
        "]],
    );
    check_of(
        &chart(&[elsewhere]).replace("spec:\n  selector", "spec:\n  replicas: 0\n  selector"),
        &[Mode::Readiness],
        &[Scope::All],
        &expect![[r"
            deploy/web readiness none
                it has no Pods: replicas is 0
        "]],
    );
    let job = CHART.split("---").last().unwrap();
    check_of(
        &job.replace("spec:\n  template", "spec:\n  backoffLimit: 2\n  template"),
        &modes,
        &[Scope::All],
        &expect![[r"
            job/once crash its Pods
                a Job's stand-in ends with 0 at once. On a cluster another Pod is created after a failure, 2 times (backoffLimit), then the Job has failed; nothing ends a Job that hangs, as it has no activeDeadlineSeconds
        "]],
    );
}

#[test]
fn a_frozen_process_is_noticed_by_probes_that_wait_for_its_answer() {
    let probes = "readinessProbe: { tcpSocket: { port: 8080 } }, \
                  livenessProbe: { httpGet: { port: 8080 } }";
    let app = format!("{{ name: app, image: i, ports: [{{ containerPort: 8080 }}], {probes} }}");
    let workloads = workloads(&chart(&[&app]));
    let wanted = Wanted {
        modes: vec![Mode::Frozen],
        scopes: vec![Scope::All],
    };
    let asked = questions(&workloads[0], &wanted);
    let windows = asked[0].windows();
    let noticing: Vec<Probe> = windows.iter().map(|(probe, _)| *probe).collect();
    assert_eq!(noticing, [Probe::Liveness]);
}

#[test]
fn for_good_is_from_the_second_boot_on() {
    let wanted = Wanted {
        modes: vec![Mode::Liveness, Mode::Crash],
        scopes: vec![Scope::One],
    };
    let workloads = workloads(CHART);
    let asked = questions(&workloads[0], &wanted);
    let later = asked.iter().map(|question| {
        let text = written(question, "10/s".parse().unwrap(), Duration::from_secs(2)).text;
        let lines = text.lines().filter(|line| line.contains("@2-"));
        format!(
            "{}: {}\n",
            question.what(),
            lines.map(str::trim).collect::<String>()
        )
    });
    expect![[r#"
        readiness+liveness, until the restart: 
        readiness+liveness, for good: - "--route=8080/health=503@2-"
        crash, once: 
        crash, at every start: - "--process=exit code=1 @2-"
        liveness, until the restart: 
        liveness, for good: - "--route=61002/probeflip/exec/1=503@2-"
        crash, once: 
        crash, at every start: - "--process=exit code=1 @2-"
    "#]]
    .assert_eq(&later.collect::<String>());
}

#[test]
fn a_template_is_asked_about_as_a_whole() {
    check(
        &[Mode::Startup, Mode::Rollout],
        &[Scope::One, Scope::All],
        &expect![[r"
            deploy/web startup all 2
            deploy/web rollout all 2
        "]],
    );
}

#[test]
fn a_question_is_an_experiment() {
    let wanted = Wanted {
        modes: vec![Mode::Readiness],
        scopes: vec![Scope::One],
    };
    let workloads = workloads(CHART);
    let asked = questions(&workloads[0], &wanted);
    let text = written(&asked[0], "10/s".parse().unwrap(), Duration::from_secs(2)).text;
    // The objects come last, and are the stand-ins' own.
    let (text, objects) = text.split_once("  workload:\n").unwrap();
    assert!(objects.contains("kind: Deployment"));
    expect_file!["tests/question.yaml"].assert_eq(text);
}

/// An impact with these effects, in which requests to `web` fail for so many seconds on end.
fn impact(effects: &[Effect], failing: u64) -> Impact {
    let took = effects.iter().cloned();
    Impact {
        took: took.map(|effect| (effect, Micros(20_000_000))).collect(),
        requests: vec![RequestCounts {
            client: "web".to_owned(),
            sent: 1_000,
            failed: failing * 10,
            longest_failure: Micros(failing * 1_000_000),
        }],
        observed: Micros(100_000_000),
    }
}

#[test]
fn findings_say_what_why_and_what_to_change_the_worst_first() {
    let wanted = Wanted {
        modes: vec![Mode::Frozen, Mode::Rollout],
        scopes: vec![Scope::All],
    };
    let workloads = workloads(CHART);
    let asked = questions(&workloads[0], &wanted);
    let answers = asked.iter().map(|question| {
        let restarted = [Effect::Restarted("app".to_owned())];
        let impact = match (question.mode, question.assumption) {
            (Mode::Rollout, _) => impact(&[Effect::Complete], 1),
            (_, Some("if the command does not")) => impact(&[], 100),
            _ => impact(&restarted, 30),
        };
        Answer::of(question, &[Ok(impact)])
    });
    let answers: Vec<Answer> = answers.collect();
    let found = findings(&asked.iter().collect::<Vec<_>>(), &answers);
    let found = found
        .iter()
        .map(|it| format!("{}: {}\n\n", it.severity, it.message));
    expect![[r"
        outage: When deploy/web/worker freezes in all 2 Pods, no probe notices, and no request to web succeeds from then on. That is so if the command of its probe does not ask the process. Give it a liveness probe that the process itself answers: httpGet, grpc, or a command that asks it.

        outage: When deploy/web/app freezes in all 2 Pods, no request to web succeeds for up to 30.0 s (readiness decides in (21, 31] s; liveness decides in (51, 61] s). A smaller periodSeconds × failureThreshold notices it sooner. Likewise: deploy/web/worker.

        degraded: During a healthy rollout of deploy/web, 10 of 1000 requests to web fail. Its containers close their ports on SIGTERM, before all clients have left the Pod. Add a preStop sleep of 2 s or more to the containers that serve.

    "]].assert_eq(&found.collect::<String>());
}

#[test]
fn a_broken_release_closes_sidecars_among_the_init_containers() {
    let app = "{ name: app, image: i, ports: [{ containerPort: 8080 }] }";
    let sidecar = "      initContainers: [{ name: mesh, image: m, restartPolicy: Always, ports: \
                   [{ containerPort: 9000 }] }]\n      containers:";
    let workloads = workloads(&chart(&[app]).replace("      containers:", sidecar));
    let wanted = Wanted {
        modes: vec![Mode::Startup],
        scopes: vec![Scope::All],
    };
    let asked = questions(&workloads[0], &wanted);
    let text = written(&asked[0], "10/s".parse().unwrap(), Duration::from_secs(2)).text;
    let patches: Vec<&str> = text.split("patch:").skip(1).collect();
    assert!(patches[0].contains("initContainers:"), "{text}");
    assert!(patches[0].contains("--start-after=24h"), "{text}");
}

#[test]
fn services_that_never_work_and_headless_ones_are_told_apart() {
    let app = "{ name: app, image: i, ports: [{ name: http, containerPort: 8080 }] }";
    let of = |change: &str| {
        let text = chart(&[app]).replace("ports: [{ port: 80, targetPort: 8080 }]", change);
        let workload = workloads(&text).swap_remove(0);
        let kinds = workload.objects.iter().map(|it| it["kind"].clone());
        let services = kinds.filter(|kind| kind == "Service").count();
        (
            workload.dead_services.clone(),
            workload.headless(),
            services,
        )
    };
    let (dead, headless, services) = of("ports: [{ port: 80, targetPort: web }]");
    assert_eq!(services, 0);
    assert_eq!(headless, None);
    let expected = "no request to Service web ever succeeds, before a failure or after it: no port \
                    of its Pods is called `web`";
    assert_eq!(dead, [expected]);
    let (dead, headless, services) = of("clusterIP: None, ports: [{ port: 80, targetPort: web }]");
    assert_eq!((dead.len(), services), (0, 1));
    assert!(headless.unwrap().starts_with("headless Services: web ("));
    let (dead, headless, services) = of("ports: [{ port: 80, targetPort: http }]");
    assert_eq!((dead.len(), headless, services), (0, None, 1));
}
