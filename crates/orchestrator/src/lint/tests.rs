//! Small manifests, each rule with what it finds and what it leaves alone; the table of rules
//! against its document.

use std::fmt::Write as _;

use super::*;
use crate::input::{load::load, source::Source};

fn outcome(text: &str) -> LintOutcome {
    let source = Source {
        path: "in.yaml".into(),
        text: text.into(),
    };
    let manifests = load(&source).unwrap().manifests;
    // The containers here have no image, which no rule needs.
    inspect(&Inventory::read(&manifests).unwrap(), &manifests)
}

/// What a rule finds: severity, object and container.
#[track_caller]
fn check(rule: &str, text: &str, expected: &[&str]) {
    let findings = outcome(text).findings.into_iter();
    let of_rule = findings.filter(|finding| finding.rule == rule);
    let found: Vec<String> = of_rule
        .map(|finding| {
            let container = finding.container.map(|name| format!("/{name}"));
            let container = container.unwrap_or_default();
            format!("{} {}{container}", finding.severity.word(), finding.name)
        })
        .collect();
    assert_eq!(found, expected, "{rule} in\n{text}");
}

/// The message of a rule's only finding.
#[track_caller]
fn message(rule: &str, text: &str, expected: &str) {
    let findings = outcome(text).findings.into_iter();
    let messages: Vec<String> = findings
        .filter(|finding| finding.rule == rule)
        .map(|finding| finding.message)
        .collect();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].contains(expected), "{}", messages[0]);
}

/// A workload `w` with these fields beside its template, of its Pods, and its containers.
struct Written<'a> {
    kind: &'a str,
    fields: &'a str,
    pod: &'a str,
}

const DEPLOYMENT: Written<'_> = Written {
    kind: "Deployment",
    fields: "replicas: 3",
    pod: "",
};

impl Written<'_> {
    /// The manifest, behind Service `s` which sends to port 8080.
    fn served(&self, containers: &str) -> String {
        self.alone(containers) + SERVICE
    }

    fn alone(&self, containers: &str) -> String {
        let Self { kind, fields, pod } = self;
        let version = if *kind == "Job" {
            "batch/v1"
        } else {
            "apps/v1"
        };
        let pod = if pod.is_empty() {
            String::new()
        } else {
            format!("{pod}, ")
        };
        format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: w}}\nspec:\n  {fields}\n  \
             selector: {{matchLabels: {{a: w}}}}\n  template:\n    metadata: {{labels: {{a: \
             w}}}}\n    spec: {{{pod}containers: [{containers}]}}\n"
        )
    }
}

const SERVICE: &str = "\
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {selector: {a: w}, ports: [{port: 80, targetPort: 8080}]}
";

/// A container `c` that declares port 8080 under the name `main`, with these further fields.
fn container(fields: &str) -> String {
    format!("{{name: c, ports: [{{name: main, containerPort: 8080}}], {fields}}}")
}

/// Container `c` of three Pods behind a Service.
fn served(fields: &str) -> String {
    DEPLOYMENT.served(&container(fields))
}

fn alone(fields: &str) -> String {
    DEPLOYMENT.alone(&container(fields))
}

const READY: &str = "readinessProbe: {httpGet: {path: /r, port: 8080}}";

#[test]
fn pl01_readiness_of_a_container_without_the_service() {
    let other = "{name: d, readinessProbe: {tcpSocket: {port: 9000}}}";
    let both = format!("{}, {other}", container(READY));
    check("PL01", &DEPLOYMENT.served(&both), &["warning w/d"]);
    message("PL01", &DEPLOYMENT.served(&both), "20–30 s after `d` fails");
    check("PL01", &DEPLOYMENT.alone(&both), &[]);
    let publishing = "spec: {publishNotReadyAddresses: true, selector";
    let publishing = DEPLOYMENT
        .served(&both)
        .replace("spec: {selector", publishing);
    check("PL01", &publishing, &[]);
    let nowhere = DEPLOYMENT
        .served(&both)
        .replace("targetPort: 8080", "targetPort: web");
    check("PL01", &nowhere, &[]);
    // A sidecar counts like any container.
    let pod = "initContainers: [{name: d, restartPolicy: Always, readinessProbe: {exec: {}}}]";
    let with_sidecar = Written { pod, ..DEPLOYMENT };
    check(
        "PL01",
        &with_sidecar.served(&container(READY)),
        &["warning w/d"],
    );
}

#[test]
fn pl02_and_pl40_a_container_behind_a_service_without_readiness() {
    let sibling = format!("{}, {{name: d, {READY}}}", container(""));
    let sibling = DEPLOYMENT.served(&sibling.replace("port: 8080}}}", "port: 9000}}}"));
    check("PL02", &sibling, &["error w/c"]);
    check("PL40", &sibling, &[]);
    let lone = served("livenessProbe: {grpc: {port: 8080}}");
    check("PL02", &lone, &[]);
    check("PL40", &lone, &["warning w/c"]);
    message("PL40", &lone, "liveness restarts it 20–30 s later");
    check("PL40", &served(""), &["info w/c"]);
    check("PL40", &served(READY), &[]);
    check("PL40", &alone("livenessProbe: {grpc: {port: 8080}}"), &[]);
}

#[test]
fn pl03_a_port_of_a_sibling() {
    let sibling = "{name: d, ports: [{containerPort: 9000}]}";
    let asks = |port: u16| {
        let probe = format!("livenessProbe: {{tcpSocket: {{port: {port}}}}}");
        DEPLOYMENT.alone(&format!("{}, {sibling}", container(&probe)))
    };
    check("PL03", &asks(9000), &["warning w/c"]);
    message(
        "PL03",
        &asks(9000),
        "`c` is restarted 20–30 s later, and it is not",
    );
    check("PL03", &asks(8080), &[]);
    // No container declares it: any may own it.
    check("PL03", &asks(7000), &[]);
    // The sibling starts only after the sidecar has.
    let pod = "initContainers: [{name: s, restartPolicy: Always, startupProbe: {tcpSocket: {port: 8080}}}]";
    let waiting = Written { pod, ..DEPLOYMENT };
    check("PL03", &waiting.alone(&container("")), &["error w/s"]);
    message(
        "PL03",
        &waiting.alone(&container("")),
        "the Pod never starts",
    );
}

#[test]
fn pl04_a_readiness_port_that_no_service_sends_to() {
    let asks = |port| format!("readinessProbe: {{httpGet: {{port: {port}}}}}");
    check("PL04", &served(&asks("9000")), &["info w/c"]);
    check("PL04", &served(&asks("main")), &[]);
    check(
        "PL04",
        &served("readinessProbe: {exec: {command: [x]}}"),
        &[],
    );
    check("PL04", &alone(&asks("9000")), &[]);
}

#[test]
fn pl05_a_service_of_unready_pods() {
    let publishing = |fields: &str| {
        let spec = format!("spec: {{{fields}publishNotReadyAddresses: true, selector");
        served(READY).replace("spec: {selector", &spec)
    };
    check("PL05", &publishing(""), &["warning s"]);
    check("PL05", &served(READY), &[]);
    let governing = publishing("clusterIP: None, ")
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("replicas: 3", "serviceName: s");
    check("PL05", &governing, &["info s"]);
}

#[test]
fn pl06_a_gate_that_nobody_sets() {
    let gated = |condition: &str| {
        let pod = format!("readinessGates: [{{conditionType: {condition}}}]");
        Written {
            pod: &pod,
            ..DEPLOYMENT
        }
        .alone(&container(READY))
    };
    check("PL06", &gated("example.com/warm"), &["error w"]);
    check("PL06", &gated("target-health.elbv2.k8s.aws/web"), &[]);
    check(
        "PL06",
        &gated("cloud.google.com/load-balancer-neg-ready"),
        &[],
    );
}

/// Liveness and readiness of one path, with these further fields.
fn twins(liveness: &str, readiness: &str) -> String {
    format!(
        "livenessProbe: {{httpGet: {{port: main}}, {liveness}}}, readinessProbe: {{httpGet: \
         {{path: /, port: 8080, scheme: HTTP}}, {readiness}}}"
    )
}

#[test]
fn pl10_liveness_before_readiness() {
    let quick = twins("periodSeconds: 5", "");
    check("PL10", &served(&quick), &["error w/c"]);
    message("PL10", &served(&quick), "restarted 10–15 s after it fails");
    message(
        "PL10",
        &served(&quick),
        "failureThreshold 7 or more at a period of 5 s",
    );
    check("PL10", &alone(&quick), &["info w/c"]);
    check("PL10", &served(&twins("", "")), &["info w/c"]);
    check("PL10", &served(&twins("failureThreshold: 4", "")), &[]);
    let other = "livenessProbe: {httpGet: {path: /l, port: 8080}}, ".to_owned() + READY;
    check("PL10", &served(&other), &[]);
}

#[test]
fn pl30_equal_handlers() {
    check("PL30", &served(&twins("", "")), &["info w/c"]);
    let headers =
        "livenessProbe: {httpGet: {path: /r, port: 8080, httpHeaders: [{name: A, value: b}]}}, ";
    check("PL30", &served(&format!("{headers}{READY}")), &[]);
    let readiness = headers.replace("liveness", "readiness").replace("A,", "a,");
    check(
        "PL30",
        &served(&format!("{headers}{readiness}")),
        &["info w/c"],
    );
    let unresolved =
        "livenessProbe: {tcpSocket: {port: none}}, readinessProbe: {tcpSocket: {port: none}}";
    check("PL30", &served(unresolved), &[]);
    let other_port =
        "livenessProbe: {tcpSocket: {port: 1}}, readinessProbe: {tcpSocket: {port: 2}}";
    check("PL30", &served(other_port), &[]);
    let command =
        "livenessProbe: {exec: {command: [a, b]}}, readinessProbe: {exec: {command: [a, b]}}";
    check("PL30", &served(command), &["info w/c"]);
}

#[test]
fn pl11_a_timeout_no_shorter_than_the_period() {
    let probe = |fields: &str| format!("livenessProbe: {{tcpSocket: {{port: 1}}, {fields}}}");
    let slow = probe("timeoutSeconds: 15, failureThreshold: 8");
    check("PL11", &served(&slow), &["warning w/c"]);
    message(
        "PL11",
        &served(&slow),
        "after 120–135 s; an error would take 70–80 s",
    );
    check("PL11", &alone(&slow), &["info w/c"]);
    check(
        "PL11",
        &served(&probe("timeoutSeconds: 10")),
        &["warning w/c"],
    );
    check("PL11", &served(&probe("timeoutSeconds: 9")), &[]);
    check("PL11", &served(&probe("periodSeconds: 1")), &[]);
    let written = served(&probe("periodSeconds: 1, timeoutSeconds: 1"));
    message("PL11", &written, "Set periodSeconds to 2 or more");
}

#[test]
fn pl12_a_short_pause_kills() {
    let probe = |fields: &str| {
        alone(&format!(
            "livenessProbe: {{tcpSocket: {{port: 1}}, {fields}}}"
        ))
    };
    check("PL12", &probe("failureThreshold: 1"), &["warning w/c"]);
    check(
        "PL12",
        &probe("failureThreshold: 2, periodSeconds: 2"),
        &["warning w/c"],
    );
    check("PL12", &probe("failureThreshold: 5, periodSeconds: 1"), &[]);
    check("PL12", &probe("failureThreshold: 2, periodSeconds: 3"), &[]);
    let readiness = alone("readinessProbe: {tcpSocket: {port: 1}, failureThreshold: 1}");
    check("PL12", &readiness, &[]);
}

#[test]
fn pl13_many_probes_a_second() {
    let every_second = "readinessProbe: {tcpSocket: {port: 1}, periodSeconds: 1}";
    let of = |replicas: u32, fields: &str| {
        let fields_around = format!("replicas: {replicas}");
        Written {
            fields: &fields_around,
            ..DEPLOYMENT
        }
        .alone(&container(fields))
    };
    check("PL13", &of(10, every_second), &["info w"]);
    check("PL13", &of(9, every_second), &[]);
    let startup = every_second.replace("readiness", "startup");
    check("PL13", &of(10, &startup), &[]);
}

#[test]
fn pl15_a_start_longer_than_the_deadline() {
    let probe = |fields: &str| format!("startupProbe: {{tcpSocket: {{port: 1}}, {fields}}}");
    check(
        "PL15",
        &alone(&probe("failureThreshold: 61")),
        &["warning w/c"],
    );
    check("PL15", &alone(&probe("failureThreshold: 60")), &[]);
    let patient = Written {
        fields: "progressDeadlineSeconds: 610",
        ..DEPLOYMENT
    };
    let slow = container(&probe("failureThreshold: 61"));
    check("PL15", &patient.alone(&slow), &[]);
    let set = Written {
        kind: "StatefulSet",
        ..DEPLOYMENT
    };
    check("PL15", &set.alone(&slow), &[]);
}

#[test]
fn pl16_min_ready_seconds_shorter_than_readiness() {
    let of = |seconds: u32| {
        let fields = format!("minReadySeconds: {seconds}");
        Written {
            fields: &fields,
            ..DEPLOYMENT
        }
        .alone(&container(READY))
    };
    check("PL16", &of(29), &["warning w/c"]);
    check("PL16", &of(30), &[]);
    // 0 is the default, and promises nothing.
    check("PL16", &of(0), &[]);
}

#[test]
fn pl17_a_slow_recovery() {
    let of = |fields: &str| {
        alone(&format!(
            "readinessProbe: {{tcpSocket: {{port: 1}}, {fields}}}"
        ))
    };
    check("PL17", &of("successThreshold: 3"), &["warning w/c"]);
    message("PL17", &of("successThreshold: 3"), "for 20–30 s more");
    check("PL17", &of("successThreshold: 2"), &[]);
    check("PL17", &of("successThreshold: 1, periodSeconds: 60"), &[]);
}

#[test]
fn pl20_and_pl45_the_sleep_before_the_end() {
    let hook = |hook: &str| format!("lifecycle: {{preStop: {hook}}}, {READY}");
    let sleep = |seconds: u32| hook(&format!("{{sleep: {{seconds: {seconds}}}}}"));
    check("PL20", &served(READY), &["info w/c"]);
    check("PL20", &served(&sleep(1)), &["warning w/c"]);
    check("PL20", &served(&sleep(2)), &[]);
    check("PL20", &alone(&sleep(1)), &[]);
    check(
        "PL20",
        &served(&hook("{exec: {command: [/drain.sh]}}")),
        &[],
    );
    check("PL45", &served(&sleep(29)), &[]);
    check("PL45", &served(&sleep(30)), &["info w/c"]);
    let command = |script: &str| hook(&format!("{{exec: {{command: [sh, -c, '{script}']}}}}"));
    check("PL45", &alone(&command("sleep 60")), &["info w/c"]);
    check(
        "PL45",
        &alone(&command("sleep 60 && nginx -s quit")),
        &["warning w/c"],
    );
    // The hook ends when the kubelet stops waiting for it: what follows may never happen.
    check("PL45", &alone(&command("sleep 30; x")), &["warning w/c"]);
    message(
        "PL45",
        &alone(&command("sleep 60; x")),
        "killed 2 s after its SIGTERM",
    );
    check(
        "PL45",
        &alone(&command("while true; do sleep 60; done")),
        &[],
    );
}

#[test]
fn pl21_a_long_kill() {
    let probe = |fields: &str| format!("livenessProbe: {{tcpSocket: {{port: 1}}, {fields}}}");
    check("PL21", &served(&probe("")), &["info w/c"]);
    check("PL21", &alone(&probe("")), &[]);
    check(
        "PL21",
        &served(&probe("terminationGracePeriodSeconds: 5")),
        &[],
    );
    let of = |grace: u32| {
        let pod = format!("terminationGracePeriodSeconds: {grace}");
        Written {
            pod: &pod,
            ..DEPLOYMENT
        }
        .served(&container(&probe("")))
    };
    check("PL21", &of(29), &[]);
    check("PL21", &of(120), &["info w/c"]);
}

#[test]
fn pl22_the_only_pod() {
    let of = |fields: &str| {
        Written {
            fields,
            ..DEPLOYMENT
        }
        .served(&container(READY))
    };
    check("PL22", &of("replicas: 1"), &["error w/c"]);
    check("PL22", &of("paused: false"), &["error w/c"]);
    check("PL22", &of("replicas: 2"), &[]);
    // One without Pods does not count, and has no finding.
    let none = of("replicas: 0").replace("name: w}", "name: x}");
    let beside = of("replicas: 1") + "---\n" + none.split("---").next().unwrap();
    check("PL22", &beside, &["error w/c"]);
    let asks = "{name: d, readinessProbe: {tcpSocket: {port: 8080}}}";
    let one = Written {
        fields: "replicas: 1",
        ..DEPLOYMENT
    };
    message(
        "PL22",
        &one.served(&format!("{}, {asks}", container(""))),
        "after `c` fails, the readiness probe of `d`, which asks its port,",
    );
    let scaled = "\
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: w}
spec: {minReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: w}}
";
    check("PL22", &(of("paused: false") + scaled), &[]);
    check("PL22", &of("replicas: 2147483647"), &[]);
    // Two workloads of one Pod each are two Pods.
    let second = of("replicas: 1").replace("name: w}", "name: x}");
    let two = of("replicas: 1") + "---\n" + second.split("---").next().unwrap();
    check("PL22", &two, &[]);
    let on_nodes = Written {
        kind: "DaemonSet",
        fields: "minReadySeconds: 0",
        ..DEPLOYMENT
    };
    check("PL22", &on_nodes.served(&container(READY)), &[]);
    // A test's Pod often has the labels of what it tests.
    let test = "\
---
apiVersion: v1
kind: Pod
metadata: {name: t, labels: {a: w}, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: t}]}
";
    check("PL22", &(of("replicas: 1") + test), &["error w/c"]);
}

#[test]
fn pl23_and_pl24_probes_of_something_else() {
    let of = |probe: &str, handler: &str| served(&format!("{probe}Probe: {{{handler}}}"));
    let elsewhere = "httpGet: {host: auth.example.com, port: 80}";
    check("PL23", &of("readiness", elsewhere), &["warning w/c"]);
    message(
        "PL23",
        &of("readiness", elsewhere),
        "all 3 Pods depends on auth.example.com",
    );
    check("PL24", &of("liveness", elsewhere), &["warning w/c"]);
    let path = |path: &str| format!("httpGet: {{path: {path}, port: 8080}}");
    check(
        "PL24",
        &of("liveness", &path("/health/db")),
        &["warning w/c"],
    );
    check("PL24", &of("liveness", &path("/healthz")), &[]);
    check("PL24", &of("liveness", &path("/dbx")), &[]);
    check(
        "PL24",
        &of("liveness", "exec: {command: [redis-cli, ping]}"),
        &[],
    );
    check("PL24", &of("readiness", &path("/health/db")), &[]);
    // Redis itself is no dependency of redis.
    let itself = of("liveness", &path("/redis")).replace("name: c,", "name: redis,");
    check("PL24", &itself, &[]);
}

#[test]
fn pl32_another_host() {
    let host = |host: &str| {
        container(&format!(
            "livenessProbe: {{tcpSocket: {{host: {host}, port: 1}}}}"
        ))
    };
    check(
        "PL32",
        &DEPLOYMENT.alone(&host("example.com")),
        &["warning w/c"],
    );
    check(
        "PL32",
        &DEPLOYMENT.alone(&host("127.0.0.1")),
        &["warning w/c"],
    );
    let on_host = Written {
        pod: "hostNetwork: true",
        ..DEPLOYMENT
    };
    check("PL32", &on_host.alone(&host("127.0.0.1")), &[]);
    check(
        "PL32",
        &on_host.alone(&host("example.com")),
        &["warning w/c"],
    );
}

#[test]
fn pl33_pl34_and_pl36_what_a_probe_asks() {
    check(
        "PL33",
        &alone("livenessProbe: {httpGet: {port: 1, scheme: HTTPS}}"),
        &["info w/c"],
    );
    check("PL33", &alone("livenessProbe: {httpGet: {port: 1}}"), &[]);
    let exec = |fields: &str| {
        alone(&format!(
            "{fields}Probe: {{exec: {{command: [x]}}, periodSeconds: 5}}"
        ))
    };
    check("PL34", &exec("liveness"), &["info w/c"]);
    check("PL34", &exec("startup"), &[]);
    check(
        "PL34",
        &alone("livenessProbe: {exec: {command: [x]}, periodSeconds: 6}"),
        &[],
    );
    check(
        "PL36",
        &alone("livenessProbe: {tcpSocket: {port: web}}"),
        &["error w/c"],
    );
    message(
        "PL36",
        &alone("livenessProbe: {tcpSocket: {port: web}}"),
        "it has `main`",
    );
    check(
        "PL36",
        &alone("livenessProbe: {tcpSocket: {port: main}}"),
        &[],
    );
    check("PL36", &alone("livenessProbe: {tcpSocket: {port: 1}}"), &[]);
}

#[test]
fn pl37_and_pl38_sidecars_and_jobs() {
    let pod = "initContainers: [{name: d, restartPolicy: Always}, {name: e}]";
    let sidecar = Written { pod, ..DEPLOYMENT };
    check("PL37", &sidecar.alone(&container("")), &["info w/d"]);
    let job = Written {
        kind: "Job",
        fields: "backoffLimit: 1",
        pod: "restartPolicy: Never",
    };
    let probe = container("livenessProbe: {tcpSocket: {port: 1}}");
    check("PL38", &job.alone(&probe), &["warning w/c"]);
    check("PL38", &job.alone(&container("")), &[]);
    check("PL38", &DEPLOYMENT.alone(&probe), &[]);
}

#[test]
fn pl39_a_port_of_the_node_twice() {
    let on_host = Written {
        pod: "hostNetwork: true",
        ..DEPLOYMENT
    };
    let one = on_host.alone(&container(READY));
    let other = |port: u16| {
        one.replace("name: w}", "name: x}")
            .replace("8080", &port.to_string())
    };
    let two = |port| format!("{one}---\n{}", other(port));
    check("PL39", &two(8080), &["warning w/c", "warning x/c"]);
    check("PL39", &two(8081), &[]);
    check("PL39", &one, &[]);
}

#[test]
fn pl41_a_long_initial_delay() {
    let probe = |kind: &str, delay: u32| {
        format!("{kind}Probe: {{tcpSocket: {{port: 1}}, initialDelaySeconds: {delay}}}")
    };
    check("PL41", &alone(&probe("liveness", 60)), &["warning w/c"]);
    message(
        "PL41",
        &alone(&probe("liveness", 600)),
        "takes longer than 619–630 s is killed",
    );
    message(
        "PL41",
        &alone(&probe("liveness", 600)),
        "failureThreshold 64",
    );
    check("PL41", &alone(&probe("liveness", 59)), &[]);
    check("PL41", &alone(&probe("readiness", 60)), &["info w/c"]);
    message(
        "PL41",
        &alone(&probe("readiness", 60)),
        "Use no initial delay: a readiness probe that fails",
    );
    let both = format!(
        "{}, startupProbe: {{tcpSocket: {{port: 1}}}}",
        probe("liveness", 60)
    );
    check("PL41", &alone(&both), &[]);
}

#[test]
fn pl42_a_rollout_of_everything_at_once() {
    let recreate = Written {
        fields: "strategy: {type: Recreate}",
        ..DEPLOYMENT
    };
    check("PL42", &recreate.served(&container(READY)), &["warning w"]);
    message(
        "PL42",
        &recreate.served(&container(READY)),
        "deletes the only Pod before",
    );
    check("PL42", &recreate.alone(&container(READY)), &["info w"]);
    let claim = Written {
        pod: "volumes: [{name: v, persistentVolumeClaim: {claimName: v}}]",
        ..recreate
    };
    check("PL42", &claim.served(&container(READY)), &["info w"]);
    let rolling = |surge: &str, unavailable: &str| {
        let fields = format!(
            "strategy: {{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}"
        );
        Written {
            fields: &fields,
            ..DEPLOYMENT
        }
        .served(&container(READY))
    };
    check("PL42", &rolling("0", "100%"), &["warning w"]);
    check("PL42", &rolling("0", "1"), &["warning w"]);
    check("PL42", &rolling("1", "0"), &[]);
    check("PL42", &served(READY), &[]);
    let set = Written {
        kind: "StatefulSet",
        fields: "replicas: 1",
        ..DEPLOYMENT
    };
    check("PL42", &set.served(&container(READY)), &["info w"]);
    let nodes = |unavailable: &str| {
        let fields =
            format!("updateStrategy: {{rollingUpdate: {{maxUnavailable: {unavailable}}}}}");
        Written {
            kind: "DaemonSet",
            fields: &fields,
            ..DEPLOYMENT
        }
        .served(&container(READY))
    };
    check("PL42", &nodes("100%"), &["warning w"]);
    check("PL42", &nodes("50%"), &[]);
}

#[test]
fn pl43_and_pl44_services_that_lead_nowhere() {
    let other = served(READY).replace("selector: {a: w}, ports", "selector: {a: x}, ports");
    check("PL43", &other, &["warning s"]);
    check("PL43", &served(READY), &[]);
    // A file of Services alone is for Pods of another file.
    check("PL43", SERVICE, &[]);
    let elsewhere = other.replace(
        "metadata: {name: s}",
        "metadata: {name: s, namespace: other}",
    );
    check("PL43", &elsewhere, &[]);
    let namespaces = served(READY)
        .replace("metadata: {name: s}", "metadata: {name: s, namespace: b}")
        .replace("metadata: {name: w}", "metadata: {name: w, namespace: a}");
    check("PL43", &namespaces, &["warning s"]);
    message(
        "PL43",
        &namespaces,
        "which only Pods of other namespaces have (Deployment w of a)",
    );
    // Without a namespace, it goes where the other goes.
    check(
        "PL43",
        &namespaces.replace("namespace: b", "annotations: {}"),
        &[],
    );
    let headless = other.replace("ports: [{port", "clusterIP: None, ports: [{port");
    message("PL43", &headless, "its name resolves to nothing");
    let target =
        |name: &str| served(READY).replace("targetPort: 8080", &format!("targetPort: {name}"));
    check("PL44", &target("web"), &["error s"]);
    message("PL44", &target("web"), "they have `main`");
    check("PL44", &target("main"), &[]);
    // Ports need not be declared.
    check("PL44", &target("9000"), &[]);
}

#[test]
fn pl46_a_connection_to_an_http_port() {
    let probe = "livenessProbe: {tcpSocket: {port: 8080}}";
    check("PL46", &served(probe), &[]);
    let named = served(probe).replace("name: main", "name: http-main");
    check("PL46", &named, &["warning w/c"]);
    check(
        "PL46",
        &served(&format!("{probe}, {READY}")),
        &["warning w/c"],
    );
    let protocol = served(probe).replace("port: 80,", "port: 80, appProtocol: http,");
    check("PL46", &protocol, &["warning w/c"]);
    check(
        "PL46",
        &served("livenessProbe: {tcpSocket: {port: 9000}}"),
        &[],
    );
}

#[test]
fn pl47_two_containers_on_one_port() {
    let second = format!("{{name: d, ports: [{{containerPort: 8080}}], {READY}}}");
    let both = format!("{}, {second}", container(READY));
    check("PL47", &DEPLOYMENT.served(&both), &["warning w/d"]);
    message(
        "PL47",
        &DEPLOYMENT.served(&both),
        "`c` and `d` both declare port 8080",
    );
    // Which of them the Service leads to is not known.
    check("PL01", &DEPLOYMENT.served(&both), &[]);
    check("PL47", &served(READY), &[]);
    let twice =
        "{name: c, ports: [{containerPort: 8080, name: a}, {containerPort: 8080, name: b}]}";
    check("PL47", &DEPLOYMENT.alone(twice), &[]);
    let udp = format!(
        "{}, {{name: d, ports: [{{containerPort: 8080, protocol: UDP}}]}}",
        container("")
    );
    check("PL47", &DEPLOYMENT.alone(&udp), &[]);
}

#[test]
fn a_probe_of_a_port_name_that_does_not_exist_decides_nothing() {
    let named = "httpGet: {port: nope}";
    let liveness = served(&format!(
        "livenessProbe: {{{named}, initialDelaySeconds: 90}}"
    ));
    for rule in ["PL12", "PL21", "PL41"] {
        check(rule, &liveness, &[]);
    }
    message("PL40", &liveness, "and nothing ends that");
    let readiness = served(&format!("readinessProbe: {{{named}}}"));
    let alone = readiness.replace("replicas: 3", "replicas: 1");
    check("PL22", &alone, &[]);
    check("PL40", &readiness, &[]);
    check("PL36", &readiness, &["error w/c"]);
}

#[test]
fn objects_that_a_controller_makes_and_other_kinds_are_skipped() {
    let owned = alone(READY).replace(
        "metadata: {name: w}",
        "metadata: {name: w, ownerReferences: [{apiVersion: v1, kind: X, name: x, uid: u, controller: true}]}",
    );
    let outcome = outcome(&(owned + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n"));
    assert_eq!((outcome.workloads, outcome.services), (0, 0));
    let left_out = BTreeMap::from([("ConfigMap".to_owned(), 1)]);
    assert_eq!(outcome.left_out, left_out);
}

#[test]
fn no_finding_is_worse_than_its_rule() {
    let shapes = ["webshop", "blog", "mistakes", "sidecars", "worker", "certs"];
    for shape in shapes {
        let path = format!(
            "{}/../../tests/shapes/{shape}.yaml",
            env!("CARGO_MANIFEST_DIR")
        );
        for finding in outcome(&std::fs::read_to_string(path).unwrap()).findings {
            let rule = RULES.iter().find(|rule| rule.id == finding.rule).unwrap();
            assert!(finding.severity <= rule.severity, "{finding:?}");
        }
    }
}

/// `docs/lint.md` has a row and a section a rule, with its title and its severity.
#[test]
fn the_document_agrees_with_the_rules() {
    let page = include_str!("../../../../docs/lint.md");
    let mut rows = String::new();
    for rule in &RULES {
        let (id, title, severity) = (rule.id, rule.title, rule.severity.word());
        writeln!(
            rows,
            "| [{id}](#{}) | {severity} | {title} |",
            anchor(id, title)
        )
        .unwrap();
        let (_, section) = page
            .split_once(&format!("\n## {id}: {title}\n"))
            .unwrap_or_else(|| panic!("docs/lint.md lacks `## {id}: {title}`"));
        let section = section.split("\n## ").next().unwrap();
        let first = section.trim_start();
        assert!(first.starts_with(&format!("*{severity}*")), "{id}: {first}");
    }
    assert!(page.contains(&rows), "docs/lint.md lacks the table\n{rows}");
    let sections = page.matches("\n## PL").count();
    assert_eq!(sections, RULES.len(), "docs/lint.md has other rules too");
}

/// GitHub's anchor of a section.
fn anchor(id: &str, title: &str) -> String {
    let heading = format!("{id}: {title}").to_lowercase();
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}
