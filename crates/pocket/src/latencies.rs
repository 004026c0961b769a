//! What chance decides on a node: above all, how long its components need for their work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// How long a cluster's components need for their work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latencies {
    /// Short and always the same, for tests of something else.
    #[default]
    None,
    /// Drawn from what a node of Kubernetes 1.36.3 with two cores needed; docs/timing.md compares
    /// the results.
    Node,
    /// As on that node, beside workloads that change all the time, for which the proxy syncs every
    /// second.
    Busy,
}

/// A piece of work whose duration varies on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// The wait for a Pod's volumes, if only that of its token: the kubelet looks every 300 ms.
    ///
    /// Rule: `pkg/kubelet/volumemanager/volume_manager.go`, `WaitForAttachAndMount`.
    Mount,
    /// Creation of a Pod's sandbox, network included.
    Sandbox,
    /// From the call to create a container to its running process.
    Start,
    /// Removal of a container that ends alone, once its process has ended.
    Stop,
    /// Removal of a Pod's sandbox once its containers have stopped.
    Removal,
    /// From the start of a process to the first thing it does.
    Boot,
    /// From the first thing that a process does to that of its container's postStart hook: measured
    /// with 16 Pods that started one by one.
    Hook,
    /// From the end of a probe attempt to its result in the kubelet's loop.
    Report,
    /// From a changed status to its collection by the status manager.
    Collect,
    /// GET and PATCH of one Pod's status.
    Status,
    /// From a reason to sync a Pod to the sync.
    Sync,
    /// A relist of one Pod right after a sync.
    Relist,
    /// A relist of all Pods, which delays the next one.
    RelistAll,
    /// From a Pod's change to the write of one Service's slice.
    Slice,
    /// Replacement of the proxy's rules.
    Rules,
    /// From a request to forward ports to the connection.
    Forward,
}

/// Processors that the node has for the work of its container runtime, as the node that was
/// measured.
const PROCESSORS: usize = 2;

/// One component's source of chance. Without latencies it draws nothing.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    latencies: Latencies,
    random: fastrand::Rng,
    /// Shared by all components: many Pods that start at once delay each other.
    processors: Arc<Semaphore>,
}

impl Chance {
    pub(crate) fn new(latencies: Latencies, random: fastrand::Rng) -> Self {
        Self {
            latencies,
            random,
            processors: Arc::new(Semaphore::new(PROCESSORS)),
        }
    }

    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self::new(Latencies::None, fastrand::Rng::with_seed(1))
    }

    /// A generator for what is no duration; none without latencies.
    pub(crate) fn random(&mut self) -> Option<fastrand::Rng> {
        self.varies().then(|| self.random.fork())
    }

    /// A source for a part of the component.
    pub(crate) fn fork(&mut self) -> Self {
        let random = match self.latencies {
            Latencies::None => self.random.clone(),
            Latencies::Node | Latencies::Busy => self.random.fork(),
        };
        Self {
            random,
            ..self.clone()
        }
    }

    /// The duration of one piece of work, in whole milliseconds: Tokio's timers have no finer
    /// resolution.
    pub(crate) fn time(&mut self, work: Work) -> Duration {
        match self.latencies {
            Latencies::None => Duration::from_millis(work.regular()),
            Latencies::Node | Latencies::Busy => draw(work.quartiles(), &mut self.random),
        }
    }

    /// Spends the time of one piece of work.
    pub(crate) async fn spend(&mut self, work: Work) {
        let time = self.time(work);
        let _turn = match work {
            Work::Sandbox | Work::Start | Work::Stop if self.varies() => {
                self.processors.acquire().await.ok()
            }
            _ => None,
        };
        // A timer of no length would still let other tasks go first.
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    }

    /// Whether something happens that does so `times` in `of`; never without latencies.
    pub(crate) fn happens(&mut self, times: u32, of: u32) -> bool {
        self.varies() && self.random.u32(..of) < times
    }

    /// Whether chance decides anything.
    pub(crate) fn varies(&self) -> bool {
        self.latencies != Latencies::None
    }

    /// Whether workloads that are not simulated keep the proxy busy.
    pub(crate) fn keeps_proxy_busy(&self) -> bool {
        self.latencies == Latencies::Busy
    }
}

impl Work {
    /// Its duration without chance, in milliseconds: enough to keep the order of things.
    fn regular(self) -> u64 {
        match self {
            Self::Sandbox | Self::Start | Self::Relist => 5,
            Self::Status => 2,
            Self::Hook => 1,
            Self::Mount
            | Self::Boot
            | Self::Stop
            | Self::Removal
            | Self::Report
            | Self::Collect
            | Self::RelistAll
            | Self::Sync
            | Self::Slice
            | Self::Rules
            | Self::Forward => 0,
        }
    }

    /// Its shortest, quartile and longest durations on a node, in milliseconds.
    fn quartiles(self) -> [u64; 5] {
        match self {
            Self::Mount => [250, 260, 270, 280, 300],
            Self::Sandbox => [90, 110, 140, 190, 400],
            Self::Start => [40, 55, 75, 105, 220],
            Self::Boot => [2, 4, 8, 16, 65],
            Self::Hook => [3, 6, 8, 9, 17],
            Self::Stop => [65, 85, 115, 155, 300],
            Self::Report => [1, 2, 3, 5, 15],
            Self::Removal => [50, 80, 100, 130, 200],
            Self::Collect => [0, 0, 1, 6, 30],
            Self::Status => [6, 9, 14, 22, 60],
            Self::Sync => [1, 2, 3, 6, 15],
            Self::Relist => [3, 6, 10, 20, 60],
            Self::RelistAll => [2, 4, 7, 12, 25],
            Self::Slice => [2, 5, 9, 14, 30],
            Self::Rules => [9, 14, 20, 28, 46],
            Self::Forward => [20, 40, 70, 100, 130],
        }
    }
}

/// A duration between the first and the last of these milliseconds. Each of the four ranges is as
/// likely as the others.
fn draw(quartiles: [u64; 5], random: &mut fastrand::Rng) -> Duration {
    let quarter = random.usize(..4);
    let (low, high) = (quartiles[quarter], quartiles[quarter + 1]);
    Duration::from_millis(random.u64(low..=high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_draws_lies_in_each_range() {
        let mut random = fastrand::Rng::with_seed(1);
        let quartiles = [10, 110, 310, 610, 1_000];
        let mut counts = [0; 4];
        for _ in 0..4_000 {
            let drawn = draw(quartiles, &mut random).as_millis();
            assert!((10..=1_000).contains(&drawn), "{drawn}");
            let place = quartiles[1..4]
                .iter()
                .filter(|limit| drawn > u128::from(**limit));
            counts[place.count()] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn nothing_varies_without_latencies() {
        let mut chance = Chance::new(Latencies::None, fastrand::Rng::with_seed(1));
        let times = [(); 20].map(|()| chance.time(Work::Status).as_millis());
        assert_eq!(times, [2; 20]);
        assert!(!(0..20).any(|_| chance.happens(1, 1)));
    }
}
