//! Notes about what stand-ins do not keep: one line a topic, with its places and what that hides.

use std::collections::{BTreeMap, BTreeSet};

/// Everything that was not kept.
#[derive(Debug, Default)]
pub(super) struct Notes {
    topics: BTreeMap<Topic, Places>,
    left_out: BTreeMap<String, usize>,
    owned: BTreeMap<String, usize>,
}

/// The places of a topic, each once.
#[derive(Debug, Default)]
struct Places {
    ordered: Vec<String>,
    known: BTreeSet<String>,
}

macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident $title:literal $hides:literal;)*) => {
        /// What a note is about, in the order of the output.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Topic {
            $($topic,)*
        }

        impl Topic {
            /// The subject and verb of the note, and what it hides or means; either may be empty.
            fn words(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$topic => ($title, $hides),)*
                }
            }
        }
    };
}

topics! {
    NotJudged "not judged"
        "these probes pass until they are flipped, whatever the real ones would find";
    HookHosts "hooks that ask another host, and now their own Pod"
        "";
    Unresolved "port names that no port has"
        "such a probe or hook fails and such a Service port has no endpoint, as in the original";
    SelectsNothing "Services that select no Pod of the input"
        "they have no endpoints";
    DuplicatePorts "ports that two containers declare, opened by the first"
        "in the original, the second fails to listen";
    DuplicateItems "the same key twice in a list, merged"
        "";
    ServicePorts "ports that only a Service names, opened by the first container"
        "in the original, nothing may listen there";
    Hooks "hooks dropped"
        "what they do, and how long it takes, has no effect";
    Sleeps "hooks that sleep, kept as a sleep alone"
        "what they do after it has no effect";
    Ending "probes, ports and hooks of containers that end, dropped"
        "these containers end with 0, in Jobs and as init containers";
    Endless "containers that sleep for ever, which end at once"
        "in the original, the containers after them never start, and a Job never ends";
    Drain "containers that are killed before --drain is over"
        "their grace period, less what a preStop hook takes, is shorter";
    TlsImage "containers with TLS whose image a digest names"
        "it must be the image with TLS, which a tag would have got by `-tls`";
    Already "objects that are stand-ins already, kept as they are"
        "no option about containers has an effect on them";
    Replicas "replicas taken from the minimum of a HorizontalPodAutoscaler"
        "nothing scales";
    HelmHooks "Helm hooks left out"
        "";
    UdpOnly "Services left out"
        "ExternalName, and those without a TCP port";
    Udp "UDP and SCTP ports dropped"
        "no probe asks them";
    ServiceType "Services that become ClusterIP"
        "traffic from outside the cluster is not imitated";
    ServiceFields "fields of Services dropped"
        "clients are spread over all endpoints alike";
    Volumes "volumes dropped"
        "a missing volume keeps a Pod from starting, and a ReadWriteOnce volume can block a rollout";
    Claims "ReadWriteOnce claims of Deployments that create new Pods before they delete old ones"
        "a new Pod on another node waits for the volume until the old one is gone, so that the rollout stalls, which that of the stand-in does not";
    Resources "resources dropped"
        "nothing is throttled, out of memory or unschedulable";
    Scheduling "scheduling dropped"
        "a Pod that fits no node can block a rollout";
    Priority "priority dropped"
        "nothing is preempted";
    RuntimeClass "runtime class dropped"
        "";
    HostNamespaces "host namespaces dropped"
        "each Pod has an address of its own: two Pods of a node no longer collide, and a DaemonSet may surge";
    HostPorts "host ports dropped"
        "a taken host port can block a rollout";
    Windows "Pods for Windows, which become Pods for Linux"
        "";
    Processes "shared process namespaces dropped"
        "";
    ServiceAccounts "service accounts dropped"
        "a missing account keeps a Pod from being created";
    ReadinessGates "readiness gates dropped"
        "such a Pod is Ready without them";
    Names "host aliases and DNS settings dropped"
        "";
    PullSecrets "image pull secrets dropped"
        "the image of the probe target must be pullable without them";
    Security "security contexts replaced by Pod Security's `restricted`"
        "";
    Ephemeral "ephemeral containers dropped"
        "";
    StopSignals "stop signals dropped"
        "a stand-in stops on SIGTERM";
    TerminationMessages "termination message settings dropped"
        "";
    Annotations "annotations dropped"
        "what other programs do for them does not happen";
    Fields "other fields dropped"
        "";
}

impl Notes {
    /// Adds a place to a topic.
    pub(super) fn add(&mut self, topic: Topic, place: impl Into<String>) {
        let (places, place) = (self.topics.entry(topic).or_default(), place.into());
        if places.known.insert(place.clone()) {
            places.ordered.push(place);
        }
    }

    /// Adds a place to a topic if something is there.
    pub(super) fn add_if(&mut self, is_there: bool, topic: Topic, place: &str) {
        if is_there {
            self.add(topic, place);
        }
    }

    /// Counts an object of a kind that stand-ins do not have.
    pub(super) fn leave_out(&mut self, kind: &str) {
        *self.left_out.entry(kind.to_owned()).or_default() += 1;
    }

    /// Counts an object that a controller owns, which makes it anew.
    pub(super) fn leave_out_owned(&mut self, kind: &str) {
        *self.owned.entry(kind.to_owned()).or_default() += 1;
    }

    /// The notes, one line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.left_out.is_empty() {
            lines.push(format!("left out: {}", kind_counts(&self.left_out)));
        }
        if !self.owned.is_empty() {
            let counts = kind_counts(&self.owned);
            lines.push(format!(
                "left out, as their controllers make them: {counts}"
            ));
        }
        for (topic, places) in &self.topics {
            let (title, hides) = topic.words();
            let hides = match hides {
                "" => String::new(),
                hides => format!(" ({hides})"),
            };
            lines.push(format!("{title}: {}{hides}", places.ordered.join(", ")));
        }
        lines
    }
}

/// How many objects there are of each kind: `ConfigMap 2, Secret 1`.
pub(crate) fn kind_counts(kinds: &BTreeMap<String, usize>) -> String {
    let counts = kinds.iter().map(|(kind, count)| format!("{kind} {count}"));
    counts.collect::<Vec<_>>().join(", ")
}
