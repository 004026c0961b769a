//! Why a Pod does not fit on the only node, with the scheduler's messages.
//!
//! Rule: `pkg/scheduler/framework/types.go`, `FitError`, and the plugins of the default preemption;
//! seen on 1.36.3.

/// Why a Pod does not fit: the first reason in the order of the scheduler's filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The node takes no new Pods.
    Unschedulable,
    /// The Pod does not tolerate a taint of the node.
    Taints,
    /// The node lacks labels of the Pod's node selector.
    Labels,
    /// A host port is in use.
    Ports,
}

impl Misfit {
    /// The message of the event `FailedScheduling` and of the condition `PodScheduled`.
    pub fn message(self) -> String {
        let unhelpful = "Preemption is not helpful for scheduling";
        let (why, preemption) = match self {
            Self::Unschedulable => ("were unschedulable", unhelpful),
            Self::Taints => ("had untolerated taint(s)", unhelpful),
            Self::Labels => ("didn't match Pod's node affinity/selector", unhelpful),
            Self::Ports => (
                "didn't have free ports for the requested pod ports",
                "No preemption victims found for incoming pod",
            ),
        };
        format!(
            "0/1 nodes are available: 1 node(s) {why}. no new claims to deallocate, \
             preemption: 0/1 nodes are available: 1 {preemption}."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_a_scheduler() {
        assert_eq!(
            Misfit::Ports.message(),
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod \
             ports. no new claims \
             to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for \
             incoming pod."
        );
        assert_eq!(
            Misfit::Unschedulable.message(),
            "0/1 nodes are available: 1 node(s) were unschedulable. no new claims to deallocate, \
             preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        );
        assert_eq!(
            Misfit::Taints.message(),
            "0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to \
             deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for \
             scheduling."
        );
        assert_eq!(
            Misfit::Labels.message(),
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new \
             claims to \
             deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for \
             scheduling."
        );
    }
}
