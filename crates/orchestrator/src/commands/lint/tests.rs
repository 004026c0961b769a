//! A live namespace has the findings of what was applied to it.

use std::time::Duration;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Service};

use super::*;
use crate::{
    commands::{manifest_input::manifests_of, session::tests::on_virtual, stand_in::tests::create},
    input::{load::load, source::Source},
    lint::LintFinding,
};

const APPLIED: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: c
          image: probe-target:0.1.0
          imagePullPolicy: IfNotPresent
          ports: [{ name: http, containerPort: 80 }]
          livenessProbe: { tcpSocket: { port: http }, periodSeconds: 2 }
          readinessProbe: { tcpSocket: { port: 80 } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
";

fn found(findings: &[LintFinding]) -> Vec<(&'static str, Severity, &str, Option<&str>)> {
    let found = findings.iter().map(|finding| {
        let container = finding.container.as_deref();
        (
            finding.rule,
            finding.severity,
            finding.name.as_str(),
            container,
        )
    });
    let mut found: Vec<_> = found.collect();
    found.sort_unstable();
    found
}

#[test]
fn defaults_of_the_api_server_change_no_finding() {
    let (outcome, _) = on_virtual(async |session| {
        let (client, namespace) = (&session.cluster.client, &session.namespace);
        let source = Source {
            path: "in.yaml".into(),
            text: APPLIED.into(),
        };
        let manifests = load(&source)?.manifests;
        create::<Deployment>(client, namespace, &manifests[0]).await;
        create::<Service>(client, namespace, &manifests[1]).await;
        // Until the controllers have made a ReplicaSet and a Pod, which are not checked again.
        let live = loop {
            let live = originals::list(client, namespace, &[originals::CRON_JOB]).await?;
            if live.iter().any(|object| object["kind"] == "Pod") {
                break live;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let of_live = lint::lint(&manifests_of(&live, namespace)?)?;
        let of_file = lint::lint(&manifests)?;
        assert_eq!(found(&of_live.findings), found(&of_file.findings));
        assert_eq!((of_live.workloads, of_live.services), (1, 1));
        let first = &found(&of_live.findings)[0];
        assert_eq!(*first, ("PL10", Severity::Error, "web", Some("c")));
        let text = report::text(&of_live, Origin::Cluster, Severity::Error, None);
        let place = format!("namespace {namespace}: error PL10 deployment/web container c\n");
        assert!(text.starts_with(&place), "{text}");
        Ok(Exit::Held)
    });
    assert_eq!(outcome.unwrap(), Exit::Held);
}
