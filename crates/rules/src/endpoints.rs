//! The endpoints of a Service: which Pods and ports it has, and which of them get traffic.
//!
//! Readiness is the Pod's `Ready` condition alone, not that of a container or port. The API type
//! `EndpointSlice` is not used here.

use std::collections::BTreeMap;

use crate::selector::{Labels, Selector};

/// Maximum number of endpoints per slice: `--max-endpoints-per-slice`.
pub const PER_SLICE: usize = 100;

/// The part of a Service that determines its endpoints.
#[derive(Clone, Debug)]
pub struct Service {
    /// The labels of its Pods. An empty selector selects no Pod: another component manages the
    /// endpoints.
    pub selector: Labels,
    /// The ports, in the order of the Service.
    pub ports: Vec<ServicePort>,
    /// `publishNotReadyAddresses`: Pods count as ready as soon as they have an address.
    pub publish_not_ready: bool,
}

/// One port of a Service.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// The name; may be empty if the Service has only one port.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The port of the Pod.
    pub target: TargetPort,
    /// `appProtocol`, which the rules only pass on.
    pub app_protocol: Option<String>,
}

/// A `targetPort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// The same port in every Pod.
    Number(u16),
    /// The container port with this name, which may differ between Pods.
    Name(String),
}

/// A Pod that may become an endpoint.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a Pod says of itself, in any combination"
)]
pub struct Candidate {
    /// The Pod's labels.
    pub labels: Labels,
    /// Whether it has an address yet.
    pub addressed: bool,
    /// Whether its phase is `Succeeded` or `Failed`.
    pub ended: bool,
    /// Whether its `Ready` condition is True.
    pub ready: bool,
    /// Whether its deletion has begun.
    pub terminating: bool,
    /// The ports of its containers, then those of its sidecars.
    pub ports: Vec<ContainerPort>,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// The name; empty if it has none.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The port number.
    pub number: u16,
}

/// The conditions of an endpoint in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// Whether it gets traffic.
    pub ready: bool,
    /// Whether its Pod is Ready, even while terminating.
    pub serving: bool,
    /// Whether its Pod is being deleted.
    pub terminating: bool,
}

/// A port of a slice, shared by all its endpoints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// The Service port's name.
    pub name: String,
    /// The Service port's protocol.
    pub protocol: String,
    /// The port of the Pod.
    pub number: u16,
    /// The Service port's application protocol.
    pub app_protocol: Option<String>,
}

/// The endpoints of one slice; each `T` stands for a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<T> {
    /// The ports that all these endpoints have.
    pub ports: Vec<Port>,
    /// The endpoints, in the order of the Pods.
    pub endpoints: Vec<(T, Conditions)>,
}

impl Service {
    /// The slices of this Service over `pods`: at least one per distinct set of resolved ports,
    /// each with at most [`PER_SLICE`] endpoints. Without endpoints there is one slice without
    /// ports.
    ///
    /// Rule: `staging/src/k8s.io/endpointslice/reconciler.go`.
    pub fn slices<T>(&self, pods: impl IntoIterator<Item = (T, Candidate)>) -> Vec<Slice<T>> {
        let mut by_ports = BTreeMap::<Vec<Port>, Vec<(T, Conditions)>>::new();
        for (pod, candidate) in pods {
            if self.includes(&candidate) {
                let group = by_ports.entry(self.ports_of(&candidate)).or_default();
                group.push((pod, self.conditions(&candidate)));
            }
        }
        if by_ports.is_empty() {
            // The placeholder slice of upstream's reconciler: a Service with a selector always has
            // a slice.
            by_ports.insert(Vec::new(), Vec::new());
        }
        by_ports
            .into_iter()
            .flat_map(|(ports, endpoints)| split(&ports, endpoints))
            .collect()
    }

    /// Rule: `staging/src/k8s.io/endpointslice/util/controller_utils.go`,
    /// `ShouldPodBeInEndpoints`.
    fn includes(&self, pod: &Candidate) -> bool {
        // Without a selector upstream leaves the slices to another component: `syncService`.
        let selected =
            !self.selector.is_empty() && Selector::equal(&self.selector).matches(&pod.labels);
        selected && pod.addressed && !pod.ended
    }

    /// Rule: `staging/src/k8s.io/endpointslice/utils.go`, `podToEndpoint`.
    fn conditions(&self, pod: &Candidate) -> Conditions {
        // Deletion ends `ready` at once, while `serving` goes on following the Pod's condition.
        let (serving, terminating) = (pod.ready, pod.terminating);
        let ready = self.publish_not_ready || serving && !terminating;
        Conditions {
            ready,
            serving,
            terminating,
        }
    }

    /// A port whose name the Pod does not declare is left out for this Pod.
    ///
    /// Rule: `staging/src/k8s.io/endpointslice/utils.go`, `getEndpointPorts`, `FindPort`.
    fn ports_of(&self, pod: &Candidate) -> Vec<Port> {
        let resolved = self.ports.iter().filter_map(|port| {
            Some(Port {
                name: port.name.clone(),
                protocol: port.protocol.clone(),
                number: port.resolve(&pod.ports)?,
                app_protocol: port.app_protocol.clone(),
            })
        });
        resolved.collect()
    }
}

impl ServicePort {
    /// The number of the port in a Pod that declares these ports; none if no port has the name.
    ///
    /// Rule: `pkg/api/v1/pod/util.go`, `FindPort`.
    pub fn resolve(&self, declared: &[ContainerPort]) -> Option<u16> {
        let name = match &self.target {
            TargetPort::Number(number) => return Some(*number),
            TargetPort::Name(name) => name,
        };
        // A name counts only together with the Service port's protocol.
        let is_target =
            |port: &&ContainerPort| port.name == *name && port.protocol == self.protocol;
        declared.iter().find(is_target).map(|port| port.number)
    }
}

/// The endpoints that new connections go to: the ready ones; if there are none, those that still
/// serve while terminating; otherwise none.
///
/// Rule: `pkg/proxy/topology.go`, `CategorizeEndpoints`.
pub fn backends<T>(endpoints: Vec<(T, Conditions)>) -> Vec<T> {
    // A rollout that removes the last ready Pod would otherwise refuse connections while the old
    // Pods could still serve them: KEP-1669.
    let any_ready = endpoints.iter().any(|(_, conditions)| conditions.ready);
    let takes = |conditions: &Conditions| {
        if any_ready {
            conditions.ready
        } else {
            conditions.serving && conditions.terminating
        }
    };
    let taking = endpoints
        .into_iter()
        .filter(|(_, conditions)| takes(conditions));
    taking.map(|(endpoint, _)| endpoint).collect()
}

fn split<T>(ports: &[Port], endpoints: Vec<(T, Conditions)>) -> Vec<Slice<T>> {
    let mut rest = endpoints.into_iter();
    let mut slices = Vec::new();
    loop {
        let endpoints: Vec<_> = rest.by_ref().take(PER_SLICE).collect();
        if endpoints.is_empty() && !slices.is_empty() {
            return slices;
        }
        slices.push(Slice {
            ports: ports.to_vec(),
            endpoints,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels::from([("app".to_owned(), "web".to_owned())])
    }

    fn service(targets: &[(&str, TargetPort)]) -> Service {
        let port = |(name, target): &(&str, TargetPort)| ServicePort {
            name: (*name).to_owned(),
            protocol: "TCP".to_owned(),
            target: target.clone(),
            app_protocol: None,
        };
        let ports = targets.iter().map(port).collect();
        Service {
            selector: labels(),
            ports,
            publish_not_ready: false,
        }
    }

    fn pod() -> Candidate {
        Candidate {
            labels: labels(),
            addressed: true,
            ended: false,
            ready: true,
            terminating: false,
            ports: vec![],
        }
    }

    fn declared(name: &str, protocol: &str, number: u16) -> ContainerPort {
        ContainerPort {
            name: name.to_owned(),
            protocol: protocol.to_owned(),
            number,
        }
    }

    fn names(slice: &Slice<&'static str>) -> Vec<&'static str> {
        slice.endpoints.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn conditions_follow_ready_and_deletion() {
        let check = |publish_not_ready, ready, terminating, expected: (bool, bool, bool)| {
            let service = Service {
                publish_not_ready,
                ..service(&[])
            };
            let found = service.conditions(&Candidate {
                ready,
                terminating,
                ..pod()
            });
            assert_eq!((found.ready, found.serving, found.terminating), expected);
        };
        check(false, true, false, (true, true, false));
        check(false, false, false, (false, false, false));
        check(false, true, true, (false, true, true));
        check(false, false, true, (false, false, true));
        check(true, false, false, (true, false, false));
        check(true, true, true, (true, true, true));
    }

    #[test]
    fn unready_and_terminating_pods_are_members_others_are_not() {
        let check = |candidate: Candidate, expected: bool| {
            let slices = service(&[]).slices([("web", candidate)]);
            assert_eq!(!slices[0].endpoints.is_empty(), expected);
        };
        check(pod(), true);
        check(
            Candidate {
                ready: false,
                ..pod()
            },
            true,
        );
        check(
            Candidate {
                terminating: true,
                ..pod()
            },
            true,
        );
        check(
            Candidate {
                addressed: false,
                ..pod()
            },
            false,
        );
        check(
            Candidate {
                ended: true,
                ..pod()
            },
            false,
        );
        check(
            Candidate {
                labels: Labels::new(),
                ..pod()
            },
            false,
        );
    }

    #[test]
    fn an_empty_selector_selects_no_pod() {
        let service = Service {
            selector: Labels::new(),
            ..service(&[])
        };
        assert!(service.slices([("web", pod())])[0].endpoints.is_empty());
    }

    #[test]
    fn no_endpoint_is_one_slice_without_ports() {
        let slices = service(&[("http", TargetPort::Number(80))]).slices(Vec::<((), _)>::new());
        assert_eq!(
            slices,
            [Slice {
                ports: vec![],
                endpoints: vec![]
            }]
        );
    }

    #[test]
    fn named_ports_are_resolved_in_each_pod() {
        let service = service(&[
            ("web", TargetPort::Name("http".to_owned())),
            ("admin", TargetPort::Number(9000)),
        ]);
        let serving = |number| Candidate {
            ports: vec![declared("http", "UDP", 1), declared("http", "TCP", number)],
            ..pod()
        };
        let slices = service.slices([
            ("a", serving(8080)),
            ("b", serving(8081)),
            ("c", serving(8080)),
            ("d", pod()),
        ]);
        let found: Vec<_> = slices
            .iter()
            .map(|slice| {
                let numbers: Vec<_> = slice.ports.iter().map(|port| port.number).collect();
                (numbers, names(slice))
            })
            .collect();
        assert_eq!(
            found,
            [
                (vec![9000], vec!["d"]),
                (vec![8080, 9000], vec!["a", "c"]),
                (vec![8081, 9000], vec!["b"])
            ]
        );
    }

    #[test]
    fn long_slices_are_cut() {
        let pods = (0..=PER_SLICE * 2).map(|number| (number, pod()));
        let lengths: Vec<_> = service(&[])
            .slices(pods)
            .iter()
            .map(|slice| slice.endpoints.len())
            .collect();
        assert_eq!(lengths, [PER_SLICE, PER_SLICE, 1]);
        let pods = (0..PER_SLICE).map(|number| (number, pod()));
        assert_eq!(service(&[]).slices(pods).len(), 1);
    }

    #[test]
    fn traffic_prefers_the_ready_then_those_that_serve_to_the_last() {
        let conditions = |text: &str| Conditions {
            ready: text.contains('r'),
            serving: text.contains('s'),
            terminating: text.contains('t'),
        };
        let check = |endpoints: &[&'static str], expected: &[&str]| {
            let all = endpoints
                .iter()
                .map(|text| (*text, conditions(text)))
                .collect();
            assert_eq!(backends(all), expected, "{endpoints:?}");
        };
        check(&["rs", "st", "-", "rs"], &["rs", "rs"]);
        check(&["st", "t", "-"], &["st"]);
        check(&["s", "t", "-"], &[]);
        check(&["r", "st"], &["r"]);
        check(&[], &[]);
    }
}
