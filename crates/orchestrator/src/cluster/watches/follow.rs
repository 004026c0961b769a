//! Follows one kind of objects: lists and watches them, and recovers when a watch ends or breaks.
//!
//! If the server ends a watch normally, the next one continues at the same resource version and
//! misses nothing. After a broken connection or an expired version, changes may be missing until a
//! new list shows the current objects.

use std::{collections::BTreeMap, time::Duration};

use futures::{Stream, StreamExt as _};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams, WatchEvent, WatchParams},
    core::{ApiResource, Request},
};
use serde_json::Value;

use crate::timeline::{Change, Gap, Micros, SharedTexts, WatchedObject, What, recorder::Recorder};

/// `timeoutSeconds` of a watch, in seconds. The server's own limit is higher.
const WATCH_SECONDS: u32 = 290;

/// The time without an event or an end after which a watch counts as broken.
// Longer than a watch, so that a quiet one ends normally.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);

/// The pause after a failed list, before the next attempt.
const RETRY_DELAY: Duration = Duration::from_secs(1);

pub(super) struct Follower {
    client: Client,
    api: Api<DynamicObject>,
    resource: ApiResource,
    recorder: Recorder,
    /// The last known state of every object, by UID, and its version. A new list is compared with
    /// them.
    known: BTreeMap<String, (Option<String>, WatchedObject)>,
    shared: SharedTexts,
    version: String,
    heard: Micros,
}

/// The end of a watch.
enum End {
    /// The server closed the watch normally.
    Clean,
    /// The connection broke, the server did not respond, or the requested version has expired.
    Broken,
}

impl Follower {
    pub(super) fn new(
        client: Client,
        namespace: &str,
        resource: ApiResource,
        recorder: Recorder,
    ) -> Self {
        let api = Api::namespaced_with(client.clone(), namespace, &resource);
        let heard = recorder.now();
        Self {
            client,
            api,
            resource,
            recorder,
            known: BTreeMap::new(),
            shared: SharedTexts::default(),
            version: String::new(),
            heard,
        }
    }

    /// Lists the objects and records the differences from the known ones. Returns whether there are
    /// any.
    pub(super) async fn list(&mut self) -> Result<bool, kube::Error> {
        let listed = self.api.list(&ListParams::default()).await?;
        let mut before = std::mem::take(&mut self.known);
        let mut differs = false;
        for object in listed.items {
            let object = serde_json::to_value(object);
            let object = object.expect("an object that was JSON must be JSON again");
            let uid = metadata(&object, "uid").unwrap_or_default();
            // By UID: an object that was replaced under its name is a deletion and an addition.
            let change = match before.remove(&uid) {
                Some(known) if is_version(known.0.as_deref(), &object) => {
                    self.known.insert(uid, known);
                    continue;
                }
                Some(_) => Change::Modified,
                None => Change::Added,
            };
            differs = true;
            self.take(change, object);
        }
        for (_, object) in before.into_values() {
            differs = true;
            let change = Change::Deleted;
            self.recorder.record(What::Watch { change, object });
        }
        // The list's version, not an object's: that of a rarely written object may have expired.
        self.version = listed.metadata.resource_version.unwrap_or_default();
        self.heard = self.recorder.now();
        Ok(differs)
    }

    /// Watches until the task is dropped.
    pub(super) async fn follow(mut self) {
        loop {
            let begun = tokio::time::Instant::now();
            match self.watch().await {
                // A server that ends every watch at once would otherwise be asked without a pause.
                End::Clean if begun.elapsed() < RETRY_DELAY => {
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                End::Clean => {}
                End::Broken => self.catch_up().await,
            }
        }
    }

    async fn watch(&mut self) -> End {
        let parameters = WatchParams::default().timeout(WATCH_SECONDS);
        let request = Request::new(self.api.resource_url()).watch(&parameters, &self.version);
        let request = request.expect("the parameters of a watch must be valid");
        // As a tree, not as a type that is flattened: that is built twice.
        match self.client.request_events::<Value>(request).await {
            Ok(events) => self.receive(events).await,
            // Whatever the error, the version may have expired. A list is right in any case.
            Err(_) => End::Broken,
        }
    }

    async fn receive(
        &mut self,
        events: impl Stream<Item = Result<WatchEvent<Value>, kube::Error>>,
    ) -> End {
        let mut events = std::pin::pin!(events);
        loop {
            match tokio::time::timeout(SILENCE_TIMEOUT, events.next()).await {
                Ok(None) => return End::Clean,
                Ok(Some(Ok(WatchEvent::Added(object)))) => self.take(Change::Added, object),
                Ok(Some(Ok(WatchEvent::Modified(object)))) => self.take(Change::Modified, object),
                Ok(Some(Ok(WatchEvent::Deleted(object)))) => self.take(Change::Deleted, object),
                Ok(Some(Ok(WatchEvent::Bookmark(bookmark)))) => {
                    self.version = bookmark.metadata.resource_version;
                }
                Ok(Some(Ok(WatchEvent::Error(_)) | Err(_))) | Err(_) => return End::Broken,
            }
            self.heard = self.recorder.now();
        }
    }

    fn take(&mut self, change: Change, mut object: Value) {
        let version = metadata(&object, "resourceVersion");
        if let Some(version) = &version {
            self.version.clone_from(version);
        }
        let uid = metadata(&object, "uid").unwrap_or_default();
        // List items lack these.
        object["apiVersion"] = self.resource.api_version.clone().into();
        object["kind"] = self.resource.kind.clone().into();
        let object = WatchedObject::new(object, &mut self.shared);
        match change {
            Change::Added | Change::Modified => {
                self.known.insert(uid, (version, object.clone()));
            }
            Change::Deleted => {
                self.known.remove(&uid);
            }
        }
        self.recorder.record(What::Watch { change, object });
    }

    /// Recovers from a broken watch: records at once that it is down, then lists until that
    /// succeeds and records the differences. Objects created and deleted in between stay unknown.
    async fn catch_up(&mut self) {
        let gap = Gap {
            kind: self.resource.kind.clone(),
            since: self.heard,
        };
        self.recorder.record(What::Down(gap.clone()));
        let differs = loop {
            match self.list().await {
                Ok(differs) => break differs,
                Err(error) => tracing::debug!(%error, "not watching yet"),
            }
            tokio::time::sleep(RETRY_DELAY).await;
        };
        self.recorder.record(if differs {
            What::Gap(gap)
        } else {
            What::Unbroken { kind: gap.kind }
        });
        self.heard = self.recorder.now();
    }
}

/// Whether an object still has the known resource version.
fn is_version(known: Option<&str>, object: &Value) -> bool {
    known.is_some() && known == metadata(object, "resourceVersion").as_deref()
}

/// A text of an object's metadata.
fn metadata(object: &Value, field: &str) -> Option<String> {
    object["metadata"][field].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        io,
        sync::{Arc, Mutex},
    };

    use http::{Request, Response};
    use k8s_openapi::api::core::v1::Pod;
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use crate::timeline::{Record, scripted_timeline::header};

    /// A server whose first answers are these, and which then says nothing more.
    fn server(answers: Vec<Value>) -> Client {
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let answer = tower::service_fn(move |_: Request<Body>| {
            let next = answers.lock().unwrap().pop_front();
            async {
                match next {
                    Some(Value::Null) => Err(io::Error::other("broken")),
                    Some(answer) => Ok(Response::new(Body::from(answer.to_string().into_bytes()))),
                    None => std::future::pending().await,
                }
            }
        });
        Client::new(answer, "default")
    }

    fn list(version: &str, pods: &[(&str, &str)]) -> Value {
        let items = pods.iter().map(|(uid, version)| {
            json!({"metadata": {"name": uid, "uid": uid, "resourceVersion": version}})
        });
        json!({"metadata": {"resourceVersion": version}, "items": items.collect::<Vec<_>>()})
    }

    fn follower(client: Client, recorder: &Recorder) -> Follower {
        let resource = ApiResource::erase::<Pod>(&());
        Follower::new(client, "n", resource, recorder.clone())
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_begins_at_the_version_of_the_list() {
        let client = server(vec![list("100", &[("1", "5")])]);
        let mut follower = follower(client, &Recorder::start(header()));
        follower.list().await.unwrap();
        assert_eq!(follower.version, "100");
        assert_eq!(follower.known.len(), 1);
    }

    /// What is recorded after a first list, and a watch that breaks.
    async fn check(later: &[Value], expected: &[&str]) {
        let before = list("100", &[("1", "5"), ("2", "6")]);
        let answers = [&[before, Value::Null], later].concat();
        let recorder = Recorder::start(header());
        let mut watch = follower(server(answers), &recorder);
        watch.list().await.unwrap();
        let first = recorder.read(|timeline| timeline.records().len());
        let ended = tokio::time::timeout(Duration::from_secs(20), watch.follow()).await;
        assert!(ended.is_err(), "it must follow for ever");
        let told = |record: &Record| match &record.what {
            What::Watch { change, object } => {
                format!("{change:?} {}", object.uid())
            }
            What::Down(gap) => format!("down since {}", gap.since),
            What::Gap(gap) => format!("gap since {}", gap.since),
            What::Unbroken { .. } => "unbroken".to_owned(),
            other => panic!("{other:?}"),
        };
        let told: Vec<String> =
            recorder.read(|timeline| timeline.records()[first..].iter().map(told).collect());
        assert_eq!(told, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_ends_at_once_is_repeated_after_a_pause() {
        let asked = Arc::new(Mutex::new(0));
        let count = Arc::clone(&asked);
        let ends = tower::service_fn(move |_: Request<Body>| {
            *count.lock().unwrap() += 1;
            async { Ok::<_, io::Error>(Response::new(Body::empty())) }
        });
        let watch = follower(Client::new(ends, "default"), &Recorder::start(header()));
        let ended = tokio::time::timeout(Duration::from_millis(9_500), watch.follow()).await;
        assert!(ended.is_err(), "it must follow for ever");
        assert_eq!(*asked.lock().unwrap(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_watch_in_which_nothing_happened_is_no_gap() {
        let same = list("107", &[("1", "5"), ("2", "6")]);
        check(&[Value::Null, same], &["down since 0.000", "unbroken"]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_broken_watch_missed_comes_before_the_end_of_the_gap() {
        let other = list("107", &[("1", "7"), ("3", "8")]);
        check(
            &[other],
            &[
                "down since 0.000",
                "Modified 1",
                "Added 3",
                "Deleted 2",
                "gap since 0.000",
            ],
        )
        .await;
    }
}
