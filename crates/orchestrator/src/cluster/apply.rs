//! Writes the workload: applies and patches objects, but only those that belong to this run.
//!
//! Existing objects without this run's label are not changed. `remove` deletes objects.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, ValidationDirective},
};
use serde_json::Value;

use crate::{
    cluster::ownership,
    exit::{Exit, HasExitCode},
    input::{experiment::WorkloadRef, manifests::Manifest},
    timeline::Patched,
};

/// The field manager of applied objects.
pub(crate) const MANAGER: &str = "probeflip";

/// The field manager of a step's patches.
pub(crate) const STEP_MANAGER: &str = "probeflip-step";

/// A namespace that one run writes to.
#[derive(Clone)]
pub(crate) struct RunNamespace {
    client: Client,
    /// The namespace.
    pub(crate) namespace: String,
    /// The run's ID.
    pub(crate) run: String,
}

/// An object that this run created.
#[derive(Debug, Clone)]
pub(crate) struct CreatedObject {
    /// The manifest that was applied.
    pub(crate) manifest: Manifest,
    /// Its UID, so that another object of the same name is not deleted.
    pub(crate) uid: String,
}

/// The reason why an object was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The object exists and does not belong to this run.
    #[error(
        "{reference} exists in namespace `{namespace}` and was not made by {}; it is not touched",
        maker(run)
    )]
    NotOurs {
        /// The object.
        reference: String,
        /// The namespace.
        namespace: String,
        /// The ID of this run.
        run: String,
    },
    /// The cluster does not serve the kind.
    #[error("{place}this cluster does not serve the kind `{kind}` ({api_version}) of {reference}")]
    UnknownKind {
        /// The position in the input file, as `deploy.yaml:3:1: `.
        place: String,
        /// The object.
        reference: String,
        /// The kind.
        kind: String,
        /// Its API version.
        api_version: String,
    },
    /// The API rejected the object or could not be reached.
    #[error("{place}cannot apply {reference}")]
    Apply {
        /// The position in the input file, as `deploy.yaml:3:1: `.
        place: String,
        /// The object.
        reference: String,
        /// The API's error.
        #[source]
        source: Box<kube::Error>,
    },
    /// The namespace cannot be looked up.
    #[error("cannot look up {reference}")]
    Find {
        /// The object.
        reference: String,
        /// The API's error.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API rejected a step's patch or could not be reached.
    #[error("cannot patch {reference}")]
    Patch {
        /// The object.
        reference: String,
        /// The API's error.
        #[source]
        source: Box<kube::Error>,
    },
}

impl HasExitCode for ApplyError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotOurs { .. } => Exit::Refused,
            Self::UnknownKind { .. } => Exit::Usage,
            Self::Find { .. } => Exit::Infrastructure,
            Self::Apply { source, .. } | Self::Patch { source, .. } => match source.as_ref() {
                kube::Error::Api(status) if is_the_file_s_fault(status) => Exit::Usage,
                _ => Exit::Infrastructure,
            },
        }
    }
}

impl RunNamespace {
    /// Creates a writer for `namespace` and the run with this ID.
    pub(crate) fn new(client: Client, namespace: &str, run: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            run: run.to_owned(),
        }
    }

    /// The client that writes.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Checks, before the first write, that no object exists that does not belong to this run.
    pub(crate) async fn check(&self, manifests: &[Manifest]) -> Result<(), ApplyError> {
        for manifest in manifests {
            self.find(manifest).await?;
        }
        Ok(())
    }

    /// Applies one object. Requires a previous [`RunNamespace::check`] of it.
    pub(crate) async fn apply(&self, manifest: &Manifest) -> Result<CreatedObject, ApplyError> {
        let mut object = manifest.object.clone();
        ownership::stamp(&mut object, &self.run);
        // Forced: after `check` the object is new or this run's own.
        let parameters = PatchParams::apply(MANAGER).force();
        let applied = self
            .api(manifest)
            .patch(&manifest.name, &parameters, &Patch::Apply(&object))
            .await
            .map_err(|source| apply_error(manifest, source))?;
        let uid = applied.metadata.uid.unwrap_or_default();
        Ok(CreatedObject {
            manifest: manifest.clone(),
            uid,
        })
    }

    /// Patches an object that this run created, by strategic merge if its kind knows it. Returns
    /// the patched object's UID and generation.
    pub(crate) async fn patch(
        &self,
        created: &CreatedObject,
        merge: &Value,
    ) -> Result<Patched, ApplyError> {
        let parameters = PatchParams {
            field_manager: Some(STEP_MANAGER.into()),
            // An API server drops unknown fields of a patch otherwise, and the step would change
            // nothing.
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::default()
        };
        let api = self.api(&created.manifest);
        let name = &created.manifest.name;
        let patched = match api.patch(name, &parameters, &Patch::Strategic(merge)).await {
            // Custom resources know no strategic merge.
            Err(kube::Error::Api(status)) if status.code == 415 => {
                api.patch(name, &parameters, &Patch::Merge(merge)).await
            }
            patched => patched,
        };
        let patched = patched.map_err(|source| {
            let reference = created.manifest.reference();
            ApplyError::Patch {
                reference,
                source: Box::new(source),
            }
        })?;
        Ok(Patched {
            kind: created.manifest.resource.kind.clone(),
            name: created.manifest.name.clone(),
            uid: patched.metadata.uid.unwrap_or_default(),
            generation: patched.metadata.generation,
        })
    }

    /// The API for the manifest's kind in this namespace.
    pub(crate) fn api(&self, manifest: &Manifest) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &manifest.resource)
    }

    /// The UID of the namespace, if it exists and this run created it.
    pub(crate) async fn find_namespace(&self) -> Result<Option<String>, ApplyError> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let found = namespaces.get_opt(&self.namespace).await;
        let found = found.map_err(|source| ApplyError::Find {
            reference: format!("namespace/{}", self.namespace),
            source: Box::new(source),
        })?;
        Ok(found
            .map(|namespace| namespace.metadata)
            .filter(|metadata| ownership::run_of(metadata) == Some(&self.run))
            .and_then(|metadata| metadata.uid))
    }

    /// The UID of an object, if it exists; an error if it does not belong to this run.
    pub(crate) async fn find(&self, manifest: &Manifest) -> Result<Option<String>, ApplyError> {
        let found = self.api(manifest).get_opt(&manifest.name).await;
        match found.map_err(|source| apply_error(manifest, source))? {
            None => Ok(None),
            Some(object) if ownership::run_of(&object.metadata) == Some(&self.run) => {
                Ok(object.metadata.uid)
            }
            Some(_) => Err(ApplyError::NotOurs {
                reference: manifest.reference(),
                namespace: self.namespace.clone(),
                run: self.run.clone(),
            }),
        }
    }
}

impl CreatedObject {
    /// Whether a reference such as `deploy/web` refers to this object.
    pub(crate) fn is(&self, object: &WorkloadRef) -> bool {
        let Manifest { resource, name, .. } = &self.manifest;
        object.is(&resource.kind, name)
    }
}

/// Converts an API error. A 404 that names no object is an unserved path, so the kind is unknown:
/// server-side apply creates missing objects.
fn apply_error(manifest: &Manifest, source: kube::Error) -> ApplyError {
    let reference = manifest.reference();
    let refusal = match &source {
        kube::Error::Api(status) => Some(status.as_ref()),
        _ => None,
    };
    let place = manifest.place(refusal);
    match &source {
        kube::Error::Api(status) if status.code == 404 && !names_an_object(status) => {
            ApplyError::UnknownKind {
                place,
                reference,
                kind: manifest.resource.kind.clone(),
                api_version: manifest.resource.api_version.clone(),
            }
        }
        _ => ApplyError::Apply {
            place,
            reference,
            source: Box::new(source),
        },
    }
}

/// Whether the API rejected the object as invalid. Server-side apply reports an unknown field
/// without a distinct code, so its message is matched.
fn is_the_file_s_fault(status: &kube::core::Status) -> bool {
    matches!(status.code, 400 | 422) || status.message.contains("field not declared in schema")
}

fn names_an_object(status: &kube::core::Status) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|details| !details.name.is_empty())
}

fn maker(run: &str) -> String {
    match run {
        ownership::UP => "`probeflip up`".to_owned(),
        _ => "this run".to_owned(),
    }
}
