//! `probeflip down`: deletes the objects that `up` applied or that a run left behind.

mod leftovers;

use std::{collections::BTreeMap, fmt::Write as _};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::ListParams};

use super::session::Session;
use crate::{
    cluster::{
        self, ConnectError,
        apply::{ApplyError, CreatedObject, RunNamespace},
        ownership, remove,
    },
    exit::{CommandResult, Exit, Failure, HasExitCode},
    input::{load, manifests},
};
use leftovers::unlisted;

/// No files and no run were given, and there is no current context whose runs could be listed.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing to delete is named: give the files given to `up`, or `--run ID`; without them `down` \
     lists the runs of a cluster"
)]
pub(super) struct NothingNamed(#[source] ConnectError);

impl HasExitCode for NothingNamed {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Refuses `down` without arguments if there is no current context.
pub(super) fn must_have_context() -> Result<(), NothingNamed> {
    cluster::current_context().map(drop).map_err(NothingNamed)
}

/// Maximum number of forbidden kinds named in a message.
const NAMED: usize = 8;

/// `down FILE…`: deletes the objects that the files name and `up` created.
pub(super) async fn files(manifests: &[load::Manifest], session: Session<'_>) -> CommandResult {
    let manifests = manifests::objects(manifests, Some(&session.namespace))?;
    let scope = RunNamespace::new(
        session.cluster.client.clone(),
        &session.namespace,
        ownership::UP,
    );
    let mut made = Vec::new();
    let mut exit = Exit::Held;
    for manifest in manifests {
        match scope.find(&manifest).await {
            Ok(Some(uid)) => made.push(CreatedObject { manifest, uid }),
            Ok(None) => session
                .printer
                .note(format!("{} is not there", manifest.reference())),
            // The other objects are deleted all the same.
            Err(error @ ApplyError::NotOurs { .. }) => {
                exit = exit.and(Exit::Refused);
                session.printer.error(&error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    delete(&session, &scope, &made).await?;
    Ok(exit)
}

/// `down --run ID`: deletes the namespaces that the run created, and its objects in this namespace.
pub(super) async fn run(id: &str, session: Session<'_>) -> CommandResult {
    let selector = format!("{}={id}", ownership::LABEL);
    let namespaces = namespaces(&session, &selector).await?;
    let mut unseen = Vec::new();
    if namespaces.is_none() {
        unseen.push("namespaces".to_owned());
    }
    for namespace in namespaces.unwrap_or_default() {
        session
            .printer
            .note(format!("deleting namespace `{}`", namespace.name));
        let scope = RunNamespace::new(session.cluster.client.clone(), &namespace.name, id);
        remove::namespace(&scope, &namespace.uid).await?;
    }
    let scope = RunNamespace::new(session.cluster.client.clone(), &session.namespace, id);
    let found = leftovers::search(&session, &selector).await?;
    let made: Vec<_> = found.objects.into_iter().map(|(made, _)| made).collect();
    delete(&session, &scope, &made).await?;
    unseen.extend(found.unseen);
    let among = if unseen.is_empty() {
        ""
    } else {
        session.printer.warn(not_looked_through(&unseen));
        " among the other kinds"
    };
    let nothing = format!("nothing of run `{id}` is left{among}");
    session.printer.note(nothing);
    Ok(Exit::Held)
}

/// `down` without arguments: lists the runs, deletes nothing, and fails as a usage error.
pub(super) async fn list(session: Session<'_>) -> CommandResult {
    let mut runs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let namespaces = namespaces(&session, ownership::LABEL).await?;
    if namespaces.is_none() {
        session
            .printer
            .warn("namespaces may not be listed; only this one was looked through");
    }
    for namespace in namespaces.unwrap_or_default() {
        runs.entry(namespace.run)
            .or_default()
            .push(format!("namespace/{}", namespace.name));
    }
    let found = leftovers::search(&session, ownership::LABEL).await?;
    if !found.unseen.is_empty() {
        session.printer.warn(not_looked_through(&found.unseen));
    }
    for (made, run) in found.objects {
        runs.entry(run).or_default().push(made.manifest.reference());
    }
    let mut text = String::new();
    for (run, what) in &runs {
        writeln!(text, "{run}: {}", what.join(", ")).expect("a string must take what is written");
    }
    session.printer.text(&text)?;
    let message = if runs.is_empty() {
        "there is no run"
    } else {
        "name one: `--run ID`, or the files given to `up`"
    };
    Err(Failure::new(Exit::Usage, message))
}

/// Names the kinds that may not be listed. A role for one namespace forbids most kinds, so this is
/// a warning and no error.
fn not_looked_through(unseen: &[String]) -> String {
    let named = &unseen[..unseen.len().min(NAMED)];
    let more = match unseen.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = named.join(", ");
    format!("not looked through, as they may not be listed: {named}{more}")
}

async fn delete(
    session: &Session<'_>,
    scope: &RunNamespace,
    made: &[CreatedObject],
) -> Result<(), Failure> {
    for each in made {
        session
            .printer
            .note(format!("deleting {}", each.manifest.reference()));
    }
    Ok(remove::objects(scope, made).await?)
}

/// A namespace that a run created.
struct Labelled {
    name: String,
    uid: String,
    run: String,
}

/// Namespaces with a matching label; `None` if they may not be listed.
async fn namespaces(
    session: &Session<'_>,
    selector: &str,
) -> Result<Option<Vec<Labelled>>, Failure> {
    let api: Api<Namespace> = Api::all(session.cluster.client.clone());
    match api.list(&ListParams::default().labels(selector)).await {
        Ok(listed) => Ok(Some(
            listed.items.into_iter().map(labelled_namespace).collect(),
        )),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(source) => Err(unlisted("namespaces", session, source)),
    }
}

fn labelled_namespace(namespace: Namespace) -> Labelled {
    Labelled {
        run: ownership::run_of(&namespace.metadata)
            .unwrap_or_default()
            .to_owned(),
        name: namespace.metadata.name.unwrap_or_default(),
        uid: namespace.metadata.uid.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
