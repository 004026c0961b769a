//! The Service proxy: turns Services and EndpointSlices into network routes, as kube-proxy does.
//!
//! [`rules::endpoints::backends`] selects the backends, [`rules::proxy`] paces the updates. A route
//! decides where new connections go; established ones are unaffected.

mod routes;
mod tracked;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rules::proxy::Pace;

use crate::controllers::{HEADLESS, Informer};
use crate::latencies::{Chance, Work};
use crate::net::Network;
use crate::registry::Registry;
use routes::Routes;
use tracked::Tracked;

/// Keeps the routes of `network` up to date, forever.
pub(crate) async fn run(registry: Registry, network: Network, mut chance: Chance) {
    let (mut services, mut slices) = (Informer::new(&registry), Informer::new(&registry));
    let mut published = Routes::new();
    let mut pace = if chance.keeps_proxy_busy() {
        Pace::busy()
    } else {
        Pace::default()
    };
    let mut known = Tracked::default();
    let clock = registry.clock();
    loop {
        // Changes that kube-proxy does not track cause no update and do not delay the next one.
        while tracked::of(watched_services(&services), watched_slices(&slices)) == known {
            changed(&mut services, &mut slices).await;
            services.catch_up(|_| ());
            slices.catch_up(|_| ());
        }
        // At most one update a second: a Pod that gets ready just after one waits for the next, and
        // so does the removal of its predecessor.
        clock.until(pace.next(clock.now())).await;
        services.catch_up(|_| ());
        slices.catch_up(|_| ());
        known = tracked::of(watched_services(&services), watched_slices(&slices));
        let wanted = routes::of(watched_services(&services), watched_slices(&slices));
        // What changes while the rules are replaced waits for the next update.
        chance.spend(Work::Rules).await;
        publish(&network, &published, &wanted);
        published = wanted;
        pace.ended(clock.now());
    }
}

async fn changed(services: &mut Informer<Service>, slices: &mut Informer<EndpointSlice>) {
    tokio::select! {
        biased;
        () = services.changed() => {}
        () = slices.changed() => {}
    }
}

/// Services without the label that assigns them to another proxy.
///
/// Rule: `cmd/kube-proxy/app/server.go`, `Run`.
fn watched_services(all: &Informer<Service>) -> impl Iterator<Item = &Service> {
    let named = "service.kubernetes.io/service-proxy-name";
    all.iter().filter(|it| !has_label(&it.metadata, named))
}

/// Slices except those of headless Services.
///
/// Rule: the same.
fn watched_slices(all: &Informer<EndpointSlice>) -> impl Iterator<Item = &EndpointSlice> {
    all.iter().filter(|it| !has_label(&it.metadata, HEADLESS))
}

fn has_label(metadata: &ObjectMeta, label: &str) -> bool {
    let labels = metadata.labels.as_ref();
    labels.is_some_and(|labels| labels.contains_key(label))
}

fn publish(network: &Network, before: &Routes, now: &Routes) {
    for service in before.keys().filter(|service| !now.contains_key(service)) {
        network.route(*service, Vec::new());
    }
    for (service, backends) in now {
        if before.get(service) != Some(backends) {
            network.route(*service, backends.clone());
        }
    }
}

#[cfg(test)]
mod tests;
