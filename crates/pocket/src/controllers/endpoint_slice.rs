//! The EndpointSlice controller: writes the slices of every Service with a selector.
//!
//! [`rules::endpoints`] decides which Pods are in a slice, and their conditions. Services without a
//! selector and `ExternalName` Services are left to their authors.

mod convert;
mod times;
mod write;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::informer::{Informer, Key, key};
use super::owner;
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::kinds::{name, namespace};
use crate::latencies::{Chance, Work};
use crate::registry::Registry;
use times::Times;
use write::Write;

pub(crate) use convert::{CHANGED, HEADLESS, service_of};

struct Controller {
    registry: Registry,
    services: Informer<Service>,
    pods: Informer<Pod>,
    slices: Informer<EndpointSlice>,
    times: Times,
    queue: Queue,
    chance: Chance,
}

pub(super) async fn run(registry: Registry, chance: Chance) {
    let (services, pods) = (Informer::new(&registry), Informer::new(&registry));
    let slices = Informer::new(&registry);
    let controller = Controller {
        registry,
        services,
        pods,
        slices,
        times: Times::default(),
        queue: Queue::default(),
        chance,
    };
    drive(controller).await;
}

impl Reconcile for Controller {
    fn next(&mut self) -> Option<Key> {
        self.queue.pop(self.registry.clock().now())
    }

    fn catch_up(&mut self) {
        let (mut changed, services) = (Vec::new(), &mut self.services);
        services.catch_up(|service| changed.push(key(service)));
        self.pods.compare(|before, change| {
            if !convert::concerns_slices(before, change) {
                return;
            }
            // With the labels it had too: those Services lose the Pod.
            for pod in before.into_iter().chain([change.object()]) {
                let selecting = services
                    .within(namespace(pod))
                    .filter(|service| selects(service, pod));
                changed.extend(selecting.map(key));
            }
        });
        self.slices.catch_up(|slice| {
            changed.extend(service_of(slice));
        });
        let now = self.registry.clock().now();
        // Each Service has its own draw: on a node several workers share the queue, and whose slice
        // is written first is chance.
        for key in changed {
            let work = self.chance.time(Work::Slice);
            self.queue.add_within(key, now, work);
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.services.changed() => {}
            () = self.pods.changed() => {}
            () = self.slices.changed() => {}
            () = self.queue.due(self.registry.clock()) => {}
        }
    }

    fn sync(&mut self, key: &Key) {
        let Some(service) = self.services.get(key) else {
            return self.times.forget(key);
        };
        let spec = service.spec.clone().unwrap_or_default();
        let selects_pods = spec.selector.is_some_and(|selector| !selector.is_empty());
        if !selects_pods || spec.type_.as_deref() == Some("ExternalName") {
            return;
        }
        let pods = self.pods.within(namespace(service));
        let pods: Vec<&Pod> = pods.filter(|pod| selects(service, pod)).collect();
        let changed = self.times.changed(service, pods.iter().copied());
        let candidates = pods.into_iter().map(|pod| (pod, convert::candidate(pod)));
        let wanted = convert::service(service).slices(candidates);
        let present = self.slices.within(namespace(service));
        // Slices of other managers are left to them.
        let owned =
            present.filter(|slice| convert::is_managed(slice) && owner::controls(service, *slice));
        let wanted = wanted
            .into_iter()
            .map(|slice| convert::slice(service, slice, changed.as_ref()))
            .collect();
        for write in write::writes(wanted, owned.cloned().collect()) {
            self.write(write);
        }
    }
}

impl Controller {
    fn write(&self, write: Write) {
        match write {
            Write::Create(slice) => ignore_refusal(self.registry.create(&*slice)),
            Write::Update(name_in_use, slice) => {
                let change = |present: &mut EndpointSlice| write::update_content(present, &slice);
                ignore_refusal(self.registry.edit(namespace(&*slice), &name_in_use, change));
            }
            Write::Delete(slice) => {
                ignore_refusal(self.registry.delete::<EndpointSlice>(
                    namespace(&*slice),
                    name(&*slice),
                    None,
                ));
            }
        }
    }
}

/// Compares without allocation: it is called for every Service on every change of a Pod.
fn selects(service: &Service, pod: &Pod) -> bool {
    let selector = service
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.as_ref());
    let labels = pod.metadata.labels.as_ref();
    let has = |(key, value)| labels.is_some_and(|labels| labels.get(key) == Some(value));
    selector.is_some_and(|selector| !selector.is_empty() && selector.iter().all(has))
}
