//! `Session`: runtime, guard, client and namespace for commands on a kubeconfig's cluster.

use crate::{
    cli::Where,
    cluster::{self, Cluster, Latencies, guard},
    exit::{CommandResult, Failure},
    random::Random,
    report::printer::Printer,
    targets::{control_pool::ControlPool, select::NamespaceReader},
    timeline::Place,
};

/// A connection to a cluster, and the namespace that a command works on.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) cluster: Cluster,
    pub(super) namespace: String,
    pub(super) printer: &'a Printer,
}

impl<'a> Session<'a> {
    /// Runs a command on the selected cluster and namespace. Commands that write must pass the
    /// guard.
    pub(super) fn with(
        at: &Where,
        printer: &'a Printer,
        writes: bool,
        command: impl AsyncFnOnce(Self) -> CommandResult,
    ) -> CommandResult {
        let (context, named) = match &at.context {
            Some(context) => (context.clone(), true),
            None => (cluster::current_context()?, false),
        };
        if writes {
            guard::may_write(&context, named)?;
        }
        let place = Place::Cluster(context);
        cluster::runtime(&place)?.block_on(async {
            let session = Self::open(place, at, printer).await?;
            command(session).await
        })
    }

    async fn open(place: Place, at: &Where, printer: &'a Printer) -> Result<Self, Failure> {
        let cluster =
            Cluster::connect(place, Latencies::default(), &mut Random::from_system()).await?;
        let namespace = at
            .namespace
            .clone()
            .unwrap_or_else(|| cluster.namespace.clone());
        printer.note(format!(
            "context `{}`, namespace `{namespace}`",
            cluster.place
        ));
        cluster.must_have(&namespace).await?;
        Ok(Self {
            cluster,
            namespace,
            printer,
        })
    }

    /// A reader of the namespace's objects.
    pub(super) fn reader(&self) -> NamespaceReader {
        NamespaceReader::new(self.cluster.client.clone(), &self.namespace)
    }

    /// Control clients for the namespace's targets.
    pub(super) fn controls(&self) -> ControlPool {
        ControlPool::new(self.cluster.client.clone(), &self.namespace)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use http::{Request, Response};
    use kube::{Client, client::Body};
    use serde_json::Value;

    use super::*;

    /// A writer that keeps what was written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A client of the same cluster, some of whose requests `answer` answers instead.
    pub(crate) fn instead<A>(client: Client, answer: A) -> Client
    where
        A: Fn(&Request<Body>) -> Option<(u16, Value)> + Send + 'static,
    {
        let service = tower::service_fn(move |request: Request<Body>| {
            let (client, answer) = (client.clone(), answer(&request));
            async move {
                let Some((code, body)) = answer else {
                    return client.send(request).await;
                };
                let body = Body::from(format!("{body}\n").into_bytes());
                let response = Response::builder().status(code).body(body);
                Ok(response.unwrap())
            }
        });
        Client::new(service, "default")
    }

    /// Runs a command on an empty cluster in virtual time, and returns its result and what it wrote
    /// to stderr.
    pub(crate) fn on_virtual(
        command: impl AsyncFnOnce(Session<'_>) -> CommandResult,
    ) -> (CommandResult, String) {
        let kept = Kept::default();
        let printer = Printer::to(Box::new(io::sink()), Box::new(kept.clone()));
        let outcome = cluster::runtime(&Place::Virtual).unwrap().block_on(async {
            let cluster =
                Cluster::connect(Place::Virtual, Latencies::None, &mut Random::seeded(1)).await?;
            let session = Session {
                namespace: cluster.namespace.clone(),
                cluster,
                printer: &printer,
            };
            command(session).await
        });
        let stderr = kept.0.lock().unwrap().clone();
        (outcome, String::from_utf8(stderr).unwrap())
    }
}
