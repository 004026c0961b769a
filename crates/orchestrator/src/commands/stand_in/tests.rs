//! Stand-ins of a live namespace.

use std::time::Duration;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Service};
use kube::{Api, Client, api::PostParams};
use serde::de::DeserializeOwned;

use super::*;
use crate::{
    cluster::originals,
    commands::{manifest_input::manifests_of, session::tests::on_virtual},
    input::{
        load::{self, Manifest},
        source::Source,
    },
    stand_in::Settings,
};

const RUNNING: &str = "
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
          ports: [{ containerPort: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
";

/// Creates the object of a manifest.
pub(crate) async fn create<K>(client: &Client, namespace: &str, manifest: &Manifest)
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + serde::Serialize
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let object = manifest.typed().unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

#[test]
fn a_live_namespace_gives_what_was_applied_to_it() {
    let (outcome, _) = on_virtual(async |session| {
        let (client, namespace) = (&session.cluster.client, &session.namespace);
        let source = Source {
            path: "in.yaml".into(),
            text: RUNNING.into(),
        };
        let manifests = load::load(&source)?.manifests;
        create::<Deployment>(client, namespace, &manifests[0]).await;
        create::<Service>(client, namespace, &manifests[1]).await;
        let live = loop {
            let live = originals::list(client, namespace, &[]).await?;
            // The controllers have made a ReplicaSet and a Pod, which the Deployment makes anew.
            if live.iter().any(|object| object["kind"] == "Pod") {
                break live;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let settings = Settings {
            namespace: Some("copy".to_owned()),
            ..Settings::default()
        };
        let of_live = stand_in::convert(&manifests_of(&live, namespace)?, &settings)?;
        let of_file = stand_in::convert(&manifests, &settings)?;
        // The API server has added defaults, all of which are what absence means.
        let text = stand_in::text(&of_live.objects);
        for object in &of_file.objects {
            let kind = object["kind"].as_str().unwrap();
            assert!(text.contains(&format!("kind: {kind}")), "{text}");
        }
        assert_eq!(of_live.objects.len(), of_file.objects.len(), "{text}");
        assert!(!text.contains("uid") && !text.contains("status"), "{text}");
        let owned = "left out, as their controllers make them: Pod 1, ReplicaSet 1";
        assert_eq!(of_live.notes, [owned]);
        Ok(Exit::Held)
    });
    assert_eq!(outcome.unwrap(), Exit::Held);
}

#[test]
fn an_output_that_is_read_again_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("in.yaml"), RUNNING).unwrap();
    let refused = |name: &Path, output: &str| {
        let input = cli::Input {
            names: vec![name.display().to_string()],
            context: None,
            from: None,
        };
        manifest_input::holds(&input, &path(output))
    };
    assert!(refused(&path("in.yaml"), "in.yaml"));
    assert!(refused(folder.path(), "new.yaml"));
    assert!(!refused(&path("in.yaml"), "new.yaml"));
    assert!(!refused(Path::new("-"), "in.yaml"));
}
