//! Small manifests and their stand-ins.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod kept;

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::input::source::Source;

fn load(text: &str) -> Vec<Manifest> {
    let source = Source {
        path: "in.yaml".into(),
        text: text.into(),
    };
    load::load(&source).unwrap().manifests
}

fn settings() -> Settings {
    Settings {
        namespace: Some("copy".to_owned()),
        ..Settings::default()
    }
}

/// The stand-ins of a text, or its problems.
fn converted(text: &str, settings: &Settings) -> (Vec<Value>, String) {
    match convert(&load(text), settings) {
        Ok(StandIns { objects, notes }) => (objects, notes.join("\n")),
        Err(problems) => {
            let problems = problems.into_vec();
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            (Vec::new(), lines.join("\n"))
        }
    }
}

/// The stand-in of a Pod of the containers and further fields in `spec`, beside `services`, and the
/// notes.
fn converted_pod(spec: &str, services: &str) -> (Option<Value>, String) {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{a: p}}}}\nspec: {spec}\n{services}"
    );
    let (objects, notes) = converted(&text, &settings());
    let pod = objects.into_iter().find(|object| object["kind"] == "Pod");
    (pod, notes)
}

/// The part of a Pod's stand-in at a pointer, and the notes.
#[track_caller]
fn part(spec: &str, pointer: &str, expected: &Expect) {
    let (pod, notes) = converted_pod(spec, "");
    let part = pod.as_ref().and_then(|pod| pod.pointer(pointer));
    let part = part.map_or_else(String::new, kubernetes_yaml::text);
    expected.assert_eq(&format!("{part}{notes}\n"));
}

/// The arguments of each container of a Pod, one line each, and the notes.
#[track_caller]
fn arguments(spec: &str, services: &str, expected: &Expect) {
    let (pod, notes) = converted_pod(spec, services);
    let mut story = String::new();
    for list in ["initContainers", "containers"] {
        let containers = pod.as_ref().and_then(|pod| pod["spec"][list].as_array());
        for container in containers.into_iter().flatten() {
            let args = container["args"].as_array().into_iter().flatten();
            let args: Vec<&str> = args.filter_map(Value::as_str).collect();
            let args = args.join(" ").replace(" --state-dir=/probeflip", "");
            let image = container["image"].as_str().unwrap_or_default();
            let name = container["name"].as_str().unwrap_or_default();
            writeln!(story, "{name}: {image} {args}").unwrap();
        }
    }
    expected.assert_eq(&format!("{story}{notes}\n"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a whole manifest and its stand-in")]
fn a_deployment_becomes_the_same_deployment_of_probe_targets() {
    let text = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop, uid: u, labels: { app: web }, annotations: { a: b } }
spec:
  replicas: 3
  minReadySeconds: 5
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web }, annotations: { checksum/config: x } }
    spec:
      terminationGracePeriodSeconds: 20
      serviceAccountName: web
      volumes: [{ name: v, configMap: { name: c } }]
      containers:
        - name: web
          image: registry.example.com/web:1
          command: [run]
          env: [{ name: A, value: b }]
          ports: [{ name: http, containerPort: 80, hostPort: 80 }]
          resources: { limits: { cpu: 1 } }
          volumeMounts: [{ name: v, mountPath: /v }]
          readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 5 }
          livenessProbe: { exec: { command: [check, it] }, timeoutSeconds: 3 }
status: { replicas: 3 }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { type: LoadBalancer, clusterIP: 10.0.0.1, selector: { app: web }, ports: [{ port: 80, nodePort: 30080, targetPort: http }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: c, namespace: shop }
";
    let (objects, notes) = converted(text, &settings());
    expect![[r#"
        apiVersion: v1
        kind: Namespace
        metadata:
          annotations:
            probeflip.dev/stand-in: "true"
          name: copy
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          annotations:
            probeflip.dev/stand-in: "true"
          labels:
            app: web
          name: web
          namespace: copy
        spec:
          minReadySeconds: 5
          replicas: 3
          selector:
            matchLabels:
              app: web
          strategy:
            rollingUpdate:
              maxSurge: 1
              maxUnavailable: 0
            type: RollingUpdate
          template:
            metadata:
              annotations:
                control.probeflip.dev/web: "127.0.0.1:61000"
              labels:
                app: web
            spec:
              automountServiceAccountToken: false
              containers:
              - args:
                - "--control=127.0.0.1:61000"
                - "--port=80=http"
                - "--port=127.0.0.1:61001=http"
                - "--state-dir=/probeflip"
                image: "probe-target:0.1.0"
                imagePullPolicy: IfNotPresent
                livenessProbe:
                  exec:
                    command:
                    - /probe-target
                    - check
                    - http
                    - "127.0.0.1:61001"
                    - /probeflip/exec/1
                    - "--timeout=4s"
                  timeoutSeconds: 3
                name: web
                ports:
                - containerPort: 80
                  name: http
                readinessProbe:
                  httpGet:
                    path: /readyz
                    port: http
                  periodSeconds: 5
                securityContext:
                  allowPrivilegeEscalation: false
                  capabilities:
                    drop:
                    - ALL
                  readOnlyRootFilesystem: true
                volumeMounts:
                - mountPath: /probeflip
                  name: probeflip-state
              enableServiceLinks: false
              securityContext:
                runAsNonRoot: true
                seccompProfile:
                  type: RuntimeDefault
                sysctls:
                - name: net.ipv4.ip_unprivileged_port_start
                  value: "0"
              terminationGracePeriodSeconds: 20
              volumes:
              - emptyDir:
                  sizeLimit: "1Mi"
                name: probeflip-state
        ---
        apiVersion: v1
        kind: Service
        metadata:
          annotations:
            probeflip.dev/stand-in: "true"
          name: web
          namespace: copy
        spec:
          ports:
          - port: 80
            targetPort: http
          selector:
            app: web
          type: ClusterIP
        ===
        left out: ConfigMap 1
        Services that become ClusterIP: service/web of shop (traffic from outside the cluster is not imitated)
        volumes dropped: deployment/web of shop (a missing volume keeps a Pod from starting, and a ReadWriteOnce volume can block a rollout)
        resources dropped: deployment/web of shop web (nothing is throttled, out of memory or unschedulable)
        host ports dropped: deployment/web of shop web 80 (a taken host port can block a rollout)
        service accounts dropped: deployment/web of shop (a missing account keeps a Pod from being created)
        annotations dropped: deployment/web of shop (what other programs do for them does not happen)"#]].assert_eq(&(super::text(&objects) + "===\n" + &notes));
}

#[test]
fn a_port_belongs_to_whoever_declares_it_then_to_whoever_asks_it() {
    arguments(
        "
  containers:
    - { name: a, image: x, ports: [{ containerPort: 8080 }, { containerPort: 18080 }] }
    - name: b
      image: x
      ports: [{ containerPort: 8080 }, { containerPort: 61000 }]
      livenessProbe: { httpGet: { port: 18080 } }
      readinessProbe: { tcpSocket: { port: 9000 } }
    - { name: c, image: x, readinessProbe: { httpGet: { port: 9000 } }, lifecycle: { postStart: { httpGet: { port: 9001 } } } }
    - { name: d, image: x }",
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {a: p}, ports: [{name: u, port: 7000}, {name: v, port: 1, targetPort: 8080}]}\n",
        &expect![[r#"
            a: probe-target:0.1.0 --control=127.0.0.1:61001 --port=7000=http --port=8080=http --port=18080=http
            b: probe-target:0.1.0 --control=127.0.0.1:61002 --port=9000=http --port=61000=http
            c: probe-target:0.1.0 --control=127.0.0.1:61003 --port=9001=http
            d: probe-target:0.1.0 --control=127.0.0.1:61004 --port=none
            ports that two containers declare, opened by the first: pod/p 8080 of b by a (in the original, the second fails to listen)
            ports that only a Service names, opened by the first container: pod/p 7000 of service/s by a (in the original, nothing may listen there)
        "#]],
    );
}

#[test]
fn a_probe_decides_what_a_port_speaks_then_a_service_then_its_name() {
    arguments(
        "
  containers:
    - name: a
      image: x
      ports:
        - { name: https, containerPort: 1 }
        - { name: grpc-api, containerPort: 2 }
        - { name: tcp-x, containerPort: 3 }
        - { name: redis, containerPort: 4 }
        - { name: http-x, containerPort: 5 }
      readinessProbe: { httpGet: { port: 5, scheme: HTTPS } }
      livenessProbe: { grpc: { port: 5 }, failureThreshold: 9 }
    - { name: b, image: x, ports: [{ name: web, containerPort: 6 }] }",
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {a: p}, ports: [{name: h2, port: 1, appProtocol: kubernetes.io/h2c}, {name: tcp-web, port: 6, targetPort: web, appProtocol: grpc}]}\n",
        &expect![[r#"
            a: probe-target:0.1.0 --control=127.0.0.1:61000 --port=1=http --port=2=grpc --port=3=tcp --port=4=http --port=5=grpc
            b: probe-target:0.1.0 --control=127.0.0.1:61001 --port=6=grpc
            not judged: pod/p a readiness, as its port speaks another protocol for a probe before it (these probes pass until they are flipped, whatever the real ones would find)
        "#]],
    );
}

#[test]
fn exec_probes_ask_a_port_of_their_own_and_equal_commands_the_same_path() {
    part(
        "
  containers:
    - name: a
      image: x
      livenessProbe: { exec: { command: [ping] }, timeoutSeconds: 5 }
      readinessProbe: { exec: { command: [ping] } }
      startupProbe: { exec: { command: [ping, -v] } }",
        "/spec/containers/0",
        &expect![[r#"
            args:
            - "--control=127.0.0.1:61000"
            - "--port=127.0.0.1:61001=http"
            - "--state-dir=/probeflip"
            image: "probe-target:0.1.0"
            imagePullPolicy: IfNotPresent
            livenessProbe:
              exec:
                command:
                - /probe-target
                - check
                - http
                - "127.0.0.1:61001"
                - /probeflip/exec/1
                - "--timeout=6s"
              timeoutSeconds: 5
            name: a
            readinessProbe:
              exec:
                command:
                - /probe-target
                - check
                - http
                - "127.0.0.1:61001"
                - /probeflip/exec/1
                - "--timeout=2s"
            securityContext:
              allowPrivilegeEscalation: false
              capabilities:
                drop:
                - ALL
              readOnlyRootFilesystem: true
            startupProbe:
              exec:
                command:
                - /probe-target
                - check
                - http
                - "127.0.0.1:61001"
                - /probeflip/exec/2
                - "--timeout=2s"
            volumeMounts:
            - mountPath: /probeflip
              name: probeflip-state

        "#]],
    );
}

#[test]
fn hosts_are_dropped_and_another_host_is_not_judged() {
    let probes = "readinessProbe: { httpGet: { port: 1, host: 127.0.0.1 } }, livenessProbe: { tcpSocket: { port: 1, host: db } }";
    part(
        &format!("{{ hostNetwork: true, containers: [{{ name: a, image: x, {probes} }}] }}"),
        "/spec/containers/0/readinessProbe",
        &expect![[r#"
            httpGet:
              port: 1
            not judged: pod/p a liveness, which asks db (these probes pass until they are flipped, whatever the real ones would find)
            host namespaces dropped: pod/p (each Pod has an address of its own: two Pods of a node no longer collide, and a DaemonSet may surge)
        "#]],
    );
    part(
        &format!("{{ containers: [{{ name: a, image: x, {probes} }}] }}"),
        "/spec/containers/0/livenessProbe",
        &expect![[r#"
            tcpSocket:
              port: 1
            not judged: pod/p a liveness, which asks db, pod/p a readiness, which asks 127.0.0.1 (these probes pass until they are flipped, whatever the real ones would find)
        "#]],
    );
}

#[test]
fn hooks_keep_requests_and_sleeps() {
    for (hook, expected) in [
        (
            "preStop: { sleep: { seconds: 7 } }",
            "{\"preStop\":{\"sleep\":{\"seconds\":7}}}",
        ),
        (
            "preStop: { exec: { command: [sleep, '8'] } }",
            "{\"preStop\":{\"sleep\":{\"seconds\":8}}}",
        ),
        (
            "preStop: { exec: { command: [sh, -c, sleep 90 && stop] } }",
            "{\"preStop\":{\"sleep\":{\"seconds\":30}}}",
        ),
        ("preStop: { exec: { command: [stop] } }", ""),
        (
            "postStart: { exec: { command: [sh, -c, sleep 2; warm] } }",
            "{\"postStart\":{\"sleep\":{\"seconds\":2}}}",
        ),
    ] {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: a, image: x, lifecycle: {{{hook}}}}}]}}"
        );
        let (objects, notes) = converted(&pod, &settings());
        let lifecycle = objects[1].pointer("/spec/containers/0/lifecycle");
        let lifecycle = lifecycle.map_or_else(String::new, Value::to_string);
        assert_eq!(lifecycle, expected, "{hook}: {notes}");
    }
}

#[test]
fn init_containers_and_jobs_end_and_sidecars_serve() {
    arguments(
        "
  initContainers:
    - { name: agent, image: x, restartPolicy: Always, ports: [{ containerPort: 8200 }] }
    - { name: copy, image: x, command: [sh, -c, sleep 3 && cp a b], ports: [{ containerPort: 1 }] }
  containers: [{ name: a, image: x }]",
        "",
        &expect![[r#"
            agent: probe-target:0.1.0 --control=127.0.0.1:61001 --port=8200=http
            copy: probe-target:0.1.0 exit 0 --after=3s
            a: probe-target:0.1.0 --control=127.0.0.1:61000 --port=none
            probes, ports and hooks of containers that end, dropped: pod/p copy (these containers end with 0, in Jobs and as init containers)
        "#]],
    );
    let job = "
apiVersion: batch/v1
kind: Job
metadata: { name: j, uid: u, labels: { job-name: j } }
spec:
  backoffLimit: 2
  selector: { matchLabels: { controller-uid: u } }
  template:
    metadata: { labels: { controller-uid: u, app: j } }
    spec:
      restartPolicy: Never
      containers: [{ name: c, image: x, livenessProbe: { exec: { command: [pgrep, c] } } }]
";
    let (objects, notes) = converted(job, &settings());
    expect![[r#"
        apiVersion: batch/v1
        kind: Job
        metadata:
          annotations:
            probeflip.dev/stand-in: "true"
          name: j
          namespace: copy
        spec:
          backoffLimit: 2
          template:
            metadata:
              labels:
                app: j
            spec:
              automountServiceAccountToken: false
              containers:
              - args:
                - exit
                - "0"
                image: "probe-target:0.1.0"
                imagePullPolicy: IfNotPresent
                name: c
                securityContext:
                  allowPrivilegeEscalation: false
                  capabilities:
                    drop:
                    - ALL
                  readOnlyRootFilesystem: true
              enableServiceLinks: false
              restartPolicy: Never
              securityContext:
                runAsNonRoot: true
                seccompProfile:
                  type: RuntimeDefault
        probes, ports and hooks of containers that end, dropped: job/j c (these containers end with 0, in Jobs and as init containers)"#]].assert_eq(&(kubernetes_yaml::text(&objects[1]) + &notes));
}

#[test]
fn ports_that_are_given_twice_are_merged_and_their_names_resolved() {
    let text = "
apiVersion: v1
kind: Pod
metadata: { name: p, labels: { a: p } }
spec:
  containers:
    - name: c
      image: x
      ports: [{ name: http, containerPort: 8080 }, { name: metrics, containerPort: 8080 }]
      readinessProbe: { httpGet: { port: metrics } }
---
apiVersion: v1
kind: Service
metadata: { name: s }
spec: { selector: { a: p }, ports: [{ name: a, port: 80, targetPort: metrics }, { name: b, port: 81, targetPort: nope }] }
";
    let (objects, notes) = converted(text, &settings());
    let shown: Vec<String> = [
        "/spec/containers/0/ports",
        "/spec/containers/0/readinessProbe",
        "/spec/ports",
    ]
    .iter()
    .flat_map(|pointer| objects.iter().filter_map(|object| object.pointer(pointer)))
    .map(Value::to_string)
    .collect();
    expect![[r#"
        [{"containerPort":8080,"name":"http"}]
        {"httpGet":{"port":8080}}
        [{"name":"a","port":80,"targetPort":8080},{"name":"b","port":81,"targetPort":"nope"}]
        port names that no port has: service/s 81 (such a probe or hook fails and such a Service port has no endpoint, as in the original)
        the same key twice in a list, merged: pod/p c port 8080"#]].assert_eq(&(shown.join("\n") + "\n" + &notes));
}

#[test]
fn services_keep_what_a_cluster_ip_needs() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: udp }
spec: { selector: { a: p }, ports: [{ port: 53, protocol: UDP }] }
---
apiVersion: v1
kind: Service
metadata: { name: name }
spec: { type: ExternalName, externalName: db.example.com }
---
apiVersion: v1
kind: Service
metadata: { name: headless }
spec: { clusterIP: None, clusterIPs: [None], publishNotReadyAddresses: yes, sessionAffinity: ClientIP, internalTrafficPolicy: Local, selector: { a: q } }
---
apiVersion: v1
kind: Service
metadata: { name: node }
spec: { type: NodePort, externalTrafficPolicy: Local, selector: { a: q }, ports: [{ name: web, port: 80, nodePort: 30080 }, { name: dns, port: 53, protocol: UDP }] }
";
    let (objects, notes) = converted(text, &settings());
    expect![[r#"
        apiVersion: v1
        kind: Service
        metadata:
          annotations:
            probeflip.dev/stand-in: "true"
          name: headless
          namespace: copy
        spec:
          clusterIP: None
          internalTrafficPolicy: Local
          publishNotReadyAddresses: true
          selector:
            a: q
          type: ClusterIP
        ---
        apiVersion: v1
        kind: Service
        metadata:
          annotations:
            probeflip.dev/stand-in: "true"
          name: node
          namespace: copy
        spec:
          ports:
          - name: web
            port: 80
          selector:
            a: q
          type: ClusterIP
        Services that select no Pod of the input: service/headless, service/node (they have no endpoints)
        Services left out: service/udp, service/name (ExternalName, and those without a TCP port)
        UDP and SCTP ports dropped: service/udp 53, service/node 53 (no probe asks them)
        Services that become ClusterIP: service/node (traffic from outside the cluster is not imitated)
        fields of Services dropped: service/headless sessionAffinity (clients are spread over all endpoints alike)"#]].assert_eq(&(super::text(&objects[1..]) + &notes));
}

#[test]
fn a_claim_of_one_node_is_noted_where_it_blocks_a_rollout() {
    let deployment = |name: &str, strategy: &str, claim: &str| {
        format!(
            "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name} }}
spec:
  strategy: {strategy}
  selector: {{ matchLabels: {{ a: b }} }}
  template:
    metadata: {{ labels: {{ a: b }} }}
    spec:
      containers: [{{ name: c, image: x }}]
      volumes: [{{ name: v, persistentVolumeClaim: {{ claimName: {claim} }} }}]
---
"
        )
    };
    let claim = |name: &str, modes: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{accessModes: {modes}}}\n---\n"
        )
    };
    let rolling =
        |surge: &str| format!("{{ rollingUpdate: {{ maxSurge: {surge}, maxUnavailable: 1 }} }}");
    let text = claim("once", "[ReadWriteOnce]")
        + &claim("many", "[ReadWriteOnce, ReadWriteMany]")
        + &deployment("default", "{}", "once")
        + &deployment("surging", &rolling("1"), "once")
        + &deployment("recreated", "{ type: Recreate }", "once")
        + &deployment("not-surging", &rolling("0%"), "once")
        + &deployment("shared", "{}", "many")
        + &deployment("unknown", "{}", "elsewhere");
    let (_, notes) = converted(&text, &settings());
    let note = notes.lines().find(|line| line.starts_with("ReadWriteOnce"));
    expect!["ReadWriteOnce claims of Deployments that create new Pods before they delete old ones: deployment/default once, deployment/surging once (a new Pod on another node waits for the volume until the old one is gone, so that the rollout stalls, which that of the stand-in does not)"].assert_eq(note.unwrap());
}

#[test]
fn hooks_of_helm_owned_objects_and_other_kinds_are_left_out() {
    let pod = |name: &str, metadata: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, {metadata}}}\nspec: {{containers: [{{name: c, image: x}}]}}\n"
        )
    };
    let text = pod("kept", "")
        + &pod("hook", "annotations: {helm.sh/hook: test}")
        + &pod(
            "owned",
            "ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: u, controller: true}]",
        )
        + "---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: k}\n"
        + "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\n"
        + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    let (objects, notes) = converted(&text, &settings());
    assert_eq!(objects.len(), 2);
    expect![[r#"
        left out: Ingress 1, Secret 1, Service of serving.knative.dev/v1 1
        left out, as their controllers make them: Pod 1
        Helm hooks left out: pod/hook"#]]
    .assert_eq(&notes);
}

#[test]
fn absent_replicas_are_the_minimum_of_an_autoscaler() {
    let text = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec: { selector: { matchLabels: { a: b } }, template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: c, image: x }] } } }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec: { minReplicas: 3, maxReplicas: 9, scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web } }
";
    let (objects, notes) = converted(text, &settings());
    assert_eq!(objects[1]["spec"]["replicas"], 3, "{notes}");
    assert!(notes.contains("deployment/web 3"), "{notes}");
}

#[test]
fn several_namespaces_go_to_one_each_and_never_to_their_own() {
    let pod = |namespace: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: {namespace}}}\nspec: {{containers: [{{name: c, image: x}}]}}\n"
        )
    };
    let (objects, _) = converted(&(pod("a") + &pod("b") + &pod("''")), &settings());
    let shown: Vec<String> = objects
        .iter()
        .map(|object| {
            let metadata = &object["metadata"];
            format!(
                "{} {} {}",
                object["kind"], metadata["name"], metadata["namespace"]
            )
        })
        .collect();
    expect![[r#"
        "Namespace" "copy" null
        "Namespace" "copy-a" null
        "Namespace" "copy-b" null
        "Pod" "p" "copy-a"
        "Pod" "p" "copy-b"
        "Pod" "p" "copy""#]]
    .assert_eq(&shown.join("\n"));
    let (_, problems) = converted(&pod("copy"), &settings());
    expect!["in.yaml:2:13: this object is in the namespace `copy` itself; expected another namespace for its stand-in"].assert_eq(&problems);
    let (_, problems) = converted(&(pod("a") + &pod("b")), &Settings::default());
    expect![
        "in.yaml:7:13: a second Pod `p`, of another namespace; expected objects of one namespace"
    ]
    .assert_eq(&problems);
}

#[test]
fn what_is_not_known_is_an_error_with_its_place() {
    let text = "
apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  containers:
    - name: c
      image: x
      readynessProbe: { httpGet: { port: 1 } }
      livenessProbe: { httpGet: { port: 1, pth: /x } }
---
apiVersion: v1
kind: Service
metadata: { name: '{{ .Release.Name }}' }
---
apiVersion: v1
kind: Service
metadata: { name: s }
spec: { ports: 80 }
";
    let (_, problems) = converted(text, &settings());
    expect![[r#"
        in.yaml:9:7: unknown field `spec.containers[0].readynessProbe` of a Pod
        in.yaml:10:44: unknown field `spec.containers[0].livenessProbe.httpGet.pth` of a Pod
        in.yaml:14:13: this is a template that was not rendered; expected the output of `helm template`
        in.yaml:19:16: Service `s` cannot be read: spec.ports is the number 80; expected a list"#]].assert_eq(&problems);
}

#[test]
fn options_become_arguments() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: x}, {name: b, image: x, ports: [{name: https, containerPort: 443}]}]}\n";
    let late = |text: &str| text.parse().unwrap();
    let settings = Settings {
        image: "registry.example.com/probe-target:1".to_owned(),
        drain: Some(std::time::Duration::from_secs(5)),
        start_after: ["20s", "b=1m30s"].map(late).into_iter().collect(),
        exit_on_term: Some(143),
        ..settings()
    };
    let (objects, _) = converted(pod, &settings);
    expect![[r#"
        apiVersion: v1
        kind: Pod
        metadata:
          annotations:
            control.probeflip.dev/a: "127.0.0.1:61000"
            control.probeflip.dev/b: "127.0.0.1:61001"
            probeflip.dev/stand-in: "true"
          name: p
          namespace: copy
        spec:
          automountServiceAccountToken: false
          containers:
          - args:
            - "--control=127.0.0.1:61000"
            - "--port=none"
            - "--state-dir=/probeflip"
            - "--drain=5s"
            - "--start-after=20s"
            - "--exit-on-term=143"
            image: "registry.example.com/probe-target:1"
            imagePullPolicy: IfNotPresent
            name: a
            securityContext:
              allowPrivilegeEscalation: false
              capabilities:
                drop:
                - ALL
              readOnlyRootFilesystem: true
            volumeMounts:
            - mountPath: /probeflip
              name: probeflip-state
          - args:
            - "--control=127.0.0.1:61001"
            - "--port=443=https"
            - "--state-dir=/probeflip"
            - "--drain=5s"
            - "--start-after=1m30s"
            - "--exit-on-term=143"
            image: "registry.example.com/probe-target:1-tls"
            imagePullPolicy: IfNotPresent
            name: b
            ports:
            - containerPort: 443
              name: https
            securityContext:
              allowPrivilegeEscalation: false
              capabilities:
                drop:
                - ALL
              readOnlyRootFilesystem: true
            volumeMounts:
            - mountPath: /probeflip
              name: probeflip-state
          enableServiceLinks: false
          securityContext:
            runAsNonRoot: true
            seccompProfile:
              type: RuntimeDefault
            sysctls:
            - name: net.ipv4.ip_unprivileged_port_start
              value: "0"
          volumes:
          - emptyDir:
              sizeLimit: "1Mi"
            name: probeflip-state
    "#]]
    .assert_eq(&super::text(&objects[1..]));
    let settings = Settings {
        start_after: [late("c=20s")].into_iter().collect(),
        ..settings
    };
    let (_, problems) = converted(pod, &settings);
    expect![
        "in.yaml:1:13: `--start-after c=…`: no workload has this container; expected `a` or `b`"
    ]
    .assert_eq(&problems);
}

#[test]
fn what_no_cluster_would_take_is_refused() {
    let refused = |spec: &str, expected: &Expect| {
        expected.assert_eq(&converted_pod(spec, "").1);
    };
    refused(
        "{containers: [{name: a, image: i}, {name: b, image: i}, {name: a, image: i}]}",
        &expect![
            "in.yaml:4:64: an API server refuses this Pod: spec.containers[2].name: Duplicate value: \"a\""
        ],
    );
    refused(
        "{initContainers: [{name: a, image: i}], containers: [{name: a, image: i}]}",
        &expect![
            "in.yaml:4:61: an API server refuses this Pod: spec.containers[0].name: Duplicate value: \"a\""
        ],
    );
    refused(
        r#"{containers: [{name: a, image: "{{ .Values.image }}"}]}"#,
        &expect![
            "in.yaml:4:31: this is a template that was not rendered; expected the output of `helm template`"
        ],
    );
}

/// An API server 1.36.3 gives the same fields and messages (`kubectl apply --dry-run=server`).
#[test]
fn values_that_an_api_server_refuses_are_errors_with_their_places() {
    let refused = |container: &str, expected: &Expect| {
        let spec = format!("{{containers: [{{name: a, image: i, {container}}}]}}");
        expected.assert_eq(&converted_pod(&spec, "").1);
    };
    refused(
        "livenessProbe: {httpGet: {port: 80}, periodSeconds: -5}",
        &expect![
            "in.yaml:4:78: an API server refuses this Pod: spec.containers[0].livenessProbe.periodSeconds: Invalid value: -5: must be greater than or equal to 0"
        ],
    );
    refused(
        "readinessProbe: {httpGet: {port: 80}, tcpSocket: {port: 80}}",
        &expect![
            "in.yaml:4:79: an API server refuses this Pod: spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"
        ],
    );
    refused(
        "ports: [{containerPort: 99999}]",
        &expect![
            "in.yaml:4:50: an API server refuses this Pod: spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive"
        ],
    );
    refused(
        "livenessProbe: {httpGet: {port: 80}, successThreshold: 3}",
        &expect![
            "in.yaml:4:78: an API server refuses this Pod: spec.containers[0].livenessProbe.successThreshold: Invalid value: 3: must be 1"
        ],
    );
    let text = "
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: -1
  selector: { matchLabels: { a: b } }
  volumeClaimTemplates: [{ metadata: { name: data }, spec: {} }]
  template:
    metadata: { labels: { a: c } }
    spec:
      containers: [{ name: a, image: x, volumeMounts: [{ name: data, mountPath: /d }] }]
---
apiVersion: v1
kind: Service
metadata: { name: s }
spec: { selector: { a: c }, ports: [{ name: a, port: 80 }, { name: b, port: 80 }] }
";
    let (_, problems) = converted(text, &settings());
    expect![[r#"
        in.yaml:6:3: an API server refuses this StatefulSet: spec.replicas: Invalid value: -1: must be greater than or equal to 0
        in.yaml:10:17: an API server refuses this StatefulSet: spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`
        in.yaml:17:60: an API server refuses this Service: spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}"#]].assert_eq(&problems);
}

#[test]
fn what_only_pocket_lacks_is_no_error() {
    let text = "
apiVersion: v1
kind: Pod
metadata: { name: p, labels: { a: b } }
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: -1
  containers: [{ name: a, image: x }]
---
apiVersion: v1
kind: Service
metadata: { name: outside }
spec: { type: ExternalName, externalName: example.com }
---
apiVersion: v1
kind: Service
metadata: { name: s }
spec:
  sessionAffinity: ClientIP
  ipFamilies: [IPv6]
  externalIPs: [192.0.2.1]
  externalTrafficPolicy: Local
  selector: { a: b }
  ports: [{ port: 80 }]
";
    let (objects, notes) = converted(text, &settings());
    let grace = &objects[1]["spec"]["terminationGracePeriodSeconds"];
    assert_eq!(*grace, 1, "{notes}");
}

#[test]
fn a_timeout_may_be_the_longest_there_is() {
    let spec = "{containers: [{name: a, image: i, livenessProbe: {exec: {command: [x]}, timeoutSeconds: 2147483647}}]}";
    let command = "/spec/containers/0/livenessProbe/exec/command/5";
    part(
        spec,
        command,
        &expect![[r#"
        "--timeout=2147483648s"

    "#]],
    );
}

#[test]
fn a_pod_with_more_containers_than_ports_is_an_error() {
    let mut spec = "{containers: [".to_owned();
    for at in 0..2300 {
        write!(
            spec,
            "{{name: c{at}, image: i, livenessProbe: {{exec: {{command: [x]}}}}}},"
        )
        .unwrap();
    }
    spec += "]}";
    expect!["in.yaml:1:13: the containers of this Pod need 4600 ports for control and probes; expected at most 4536, as so many from 61000 on are free"].assert_eq(&converted_pod(&spec, "").1);
}

#[test]
fn what_is_lost_is_noted() {
    let check = |container: &str, services: &str, expected: &Expect| {
        let (_, notes) = converted_pod(&format!("{{containers: [{{{container}}}]}}"), services);
        expected.assert_eq(&notes);
    };
    check(
        "name: a, image: x, stdin: true, tty: true",
        "",
        &expect!["other fields dropped: pod/p a stdin, pod/p a tty"],
    );
    check(
        "name: a, image: x, lifecycle: {preStop: {httpGet: {port: nope}}, postStart: {httpGet: {port: 80, host: example.com}}}",
        "",
        &expect![[r#"
            hooks that ask another host, and now their own Pod: pod/p a postStart, which asks example.com
            port names that no port has: pod/p a preStop (such a probe or hook fails and such a Service port has no endpoint, as in the original)"#]],
    );
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {a: p}, ipFamilies: [IPv6], ports: [{port: 80}]}\n";
    check(
        "name: a, image: x",
        service,
        &expect![[r#"
        ports that only a Service names, opened by the first container: pod/p 80 of service/s by a (in the original, nothing may listen there)
        other fields dropped: service/s ipFamilies"#]],
    );
    let (_, notes) = converted_pod(
        "{hostUsers: false, initContainers: [{name: i, image: x, command: [sleep, infinity]}], containers: [{name: a, image: x}]}",
        "",
    );
    expect![[r#"
        containers that sleep for ever, which end at once: pod/p i (in the original, the containers after them never start, and a Job never ends)
        other fields dropped: pod/p hostUsers"#]].assert_eq(&notes);
    let set = "
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: s }
spec:
  persistentVolumeClaimRetentionPolicy: { whenDeleted: Delete }
  selector: { matchLabels: { a: p } }
  template: { metadata: { labels: { a: p } }, spec: { containers: [{ name: a, image: x }] } }
";
    expect!["other fields dropped: statefulset/s persistentVolumeClaimRetentionPolicy"]
        .assert_eq(&converted(set, &settings()).1);
}

#[test]
fn options_without_their_effect_are_noted() {
    let settings = Settings {
        image: "registry.example.com/probe-target@sha256:00".to_owned(),
        drain: Some(std::time::Duration::from_secs(26)),
        ..settings()
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: x, ports: [{name: https, containerPort: 443}], lifecycle: {preStop: {sleep: {seconds: 5}}}}]}\n";
    let (objects, notes) = converted(pod, &settings);
    expect![[r#"
        containers that are killed before --drain is over: pod/p a (their grace period, less what a preStop hook takes, is shorter)
        containers with TLS whose image a digest names: pod/p a (it must be the image with TLS, which a tag would have got by `-tls`)"#]].assert_eq(&notes);
    let (same, notes) = converted(&super::text(&objects), &settings);
    assert_eq!(same, objects);
    expect!["objects that are stand-ins already, kept as they are: pod/p of copy (no option about containers has an effect on them)"].assert_eq(&notes);
}
