//! One kind's watch, taken up again whenever it ends.
//!
//! A server that ends a watch by the book loses nothing: the next one begins at the same version. Only a
//! broken connection and an expired version are gaps.

use std::{collections::BTreeMap, time::Duration};

use futures::{Stream, StreamExt as _};
use http::StatusCode;
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams, WatchEvent, WatchParams},
    core::{ApiResource, TypeMeta},
};
use serde_json::Value;

use crate::{
    recorder::Recorder,
    timeline::{Change, Gap, Micros, What},
};

/// How long the server is asked to keep a watch open, in seconds; its own upper limit is above that.
const WATCH_SECONDS: u32 = 290;

/// A watch that says nothing for so long, not even its end, is dead.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);

/// The pause before a failed watch is tried again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Follower {
    api: Api<DynamicObject>,
    resource: ApiResource,
    recorder: Recorder,
    /// The last state of every object there is, by UID; a relist is compared with it.
    known: BTreeMap<String, Value>,
    version: String,
    heard: Micros,
}

/// How a watch ended.
enum End {
    /// As agreed.
    Clean,
    /// The connection broke, or the server would not answer.
    Broken,
    /// The version asked for is too old: what happened since is unknown.
    Expired,
}

impl Follower {
    pub(super) fn new(
        client: Client,
        namespace: &str,
        resource: ApiResource,
        recorder: Recorder,
    ) -> Self {
        let api = Api::namespaced_with(client, namespace, &resource);
        let heard = recorder.now();
        Self {
            api,
            resource,
            recorder,
            known: BTreeMap::new(),
            version: String::new(),
            heard,
        }
    }

    /// Records what is there, as far as it differs from what was known.
    pub(super) async fn list(&mut self) -> Result<(), kube::Error> {
        let listed = self.api.list(&ListParams::default()).await?;
        let mut before = std::mem::take(&mut self.known);
        for object in listed.items {
            let change = match before.remove(&uid(&object)) {
                Some(_) => Change::Modified,
                None => Change::Added,
            };
            self.take(change, object);
        }
        for object in before.into_values() {
            self.recorder.record(What::watched(Change::Deleted, object));
        }
        // Not an object's own: that of a quiet one is too old to watch from.
        self.version = listed.metadata.resource_version.unwrap_or_default();
        self.heard = self.recorder.now();
        Ok(())
    }

    /// Watches for ever.
    pub(super) async fn follow(mut self) {
        loop {
            match self.watch().await {
                End::Clean => {}
                End::Broken => self.resume().await,
                End::Expired => self.relist().await,
            }
        }
    }

    async fn watch(&mut self) -> End {
        let parameters = WatchParams::default().timeout(WATCH_SECONDS);
        match self.api.clone().watch(&parameters, &self.version).await {
            Ok(events) => self.receive(events).await,
            Err(error) => end_of(&error),
        }
    }

    async fn receive(
        &mut self,
        events: impl Stream<Item = Result<WatchEvent<DynamicObject>, kube::Error>>,
    ) -> End {
        let mut events = std::pin::pin!(events);
        loop {
            match tokio::time::timeout(SILENCE, events.next()).await {
                Ok(None) => return End::Clean,
                Ok(Some(Ok(WatchEvent::Added(object)))) => self.take(Change::Added, object),
                Ok(Some(Ok(WatchEvent::Modified(object)))) => self.take(Change::Modified, object),
                Ok(Some(Ok(WatchEvent::Deleted(object)))) => self.take(Change::Deleted, object),
                Ok(Some(Ok(WatchEvent::Bookmark(bookmark)))) => {
                    self.version = bookmark.metadata.resource_version;
                }
                Ok(Some(Ok(WatchEvent::Error(status)))) => {
                    return end_of(&kube::Error::Api(status));
                }
                Ok(Some(Err(error))) => return end_of(&error),
                Err(_) => return End::Broken,
            }
            self.heard = self.recorder.now();
        }
    }

    fn take(&mut self, change: Change, object: DynamicObject) {
        if let Some(version) = &object.metadata.resource_version {
            self.version.clone_from(version);
        }
        let uid = uid(&object);
        let value = self.value(object);
        match change {
            Change::Added | Change::Modified => self.known.insert(uid, value.clone()),
            Change::Deleted => self.known.remove(&uid),
        };
        self.recorder.record(What::watched(change, value));
    }

    /// The object as JSON; items of a list do not name their kind, so it is added.
    fn value(&self, mut object: DynamicObject) -> Value {
        object.types = Some(TypeMeta {
            api_version: self.resource.api_version.clone(),
            kind: self.resource.kind.clone(),
        });
        serde_json::to_value(object).expect("an object that was JSON must be JSON again")
    }

    /// After a broken watch: the server kept what happened, but it comes late.
    async fn resume(&mut self) {
        tokio::time::sleep(PAUSE).await;
        self.gap();
    }

    async fn relist(&mut self) {
        while self.list().await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
        self.gap();
    }

    fn gap(&mut self) {
        let kind = self.resource.kind.clone();
        self.recorder.record(What::Gap(Gap {
            kind,
            since: self.heard,
        }));
        self.heard = self.recorder.now();
    }
}

fn end_of(error: &kube::Error) -> End {
    match error {
        kube::Error::Api(status) if status.code == StatusCode::GONE.as_u16() => End::Expired,
        _ => End::Broken,
    }
}

fn uid(object: &DynamicObject) -> String {
    object.metadata.uid.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use k8s_openapi::api::core::v1::Pod;
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use crate::timeline::script::header;

    #[tokio::test(start_paused = true)]
    async fn a_watch_begins_at_the_version_of_the_list() {
        let list = json!({
            "metadata": {"resourceVersion": "100"},
            "items": [{"metadata": {"name": "quiet", "uid": "1", "resourceVersion": "5"}}],
        });
        let answer = tower::service_fn(move |_: Request<Body>| {
            let body = Body::from(list.to_string().into_bytes());
            async { Ok::<_, Infallible>(Response::new(body)) }
        });
        let client = Client::new(answer, "default");
        let recorder = Recorder::start(header());
        let resource = ApiResource::erase::<Pod>(&());
        let mut follower = Follower::new(client, "n", resource, recorder);
        follower.list().await.unwrap();
        assert_eq!(follower.version, "100");
        assert_eq!(follower.known.len(), 1);
    }
}
