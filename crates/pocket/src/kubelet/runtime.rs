//! The container runtime of one Pod: starts processes, ends them, and records how they ended.
//!
//! It makes no decisions. Callers read its state as of a moment, because a node sees its containers
//! only at each relist.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use rules::Moment;
use rules::container::{Cause, ContainerId, Exit, Instance, Life};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::container_history::History;
use super::process::{self, EndReceiver, Handle};
use super::termination_message::MessageSource;
use crate::clock::Clock;
use crate::image::files::Files;
use crate::image::{ContainerLog, Logs, Process, Program};

/// The exit code of a container whose process never started.
///
/// Rule: containerd's `internal/cri/server/container_start.go`, `errorStartExitCode`.
const UNSTARTED: i32 = 128;

/// The containers of one Pod. Dropping the runtime kills them.
#[derive(Debug)]
pub(super) struct Runtime {
    clock: Clock,
    shared: Arc<Shared>,
    handles: Vec<Option<Handle>>,
    logs: Logs,
    /// The IDs of the containers with logs, by place: the newest, and the one before it.
    logged: Vec<[Option<ContainerId>; 2]>,
    tasks: JoinSet<()>,
}

/// The state that processes write to at their end.
#[derive(Debug)]
struct Shared {
    histories: Mutex<Vec<History>>,
    ended: Notify,
}

impl Runtime {
    /// The runtime of a Pod with this many containers, none of them started.
    pub(super) fn new(clock: Clock, logs: Logs, containers: usize) -> Self {
        let histories = Mutex::new(vec![History::default(); containers]);
        Self {
            clock,
            shared: Arc::new(Shared {
                histories,
                ended: Notify::new(),
            }),
            logs,
            logged: vec![[None, None]; containers],
            handles: std::iter::repeat_with(|| None).take(containers).collect(),
            tasks: JoinSet::new(),
        }
    }

    /// The containers' histories as a relist at `moment` saw them.
    pub(super) fn seen_at(&self, moment: Moment) -> Vec<History> {
        let histories = self.shared.histories();
        histories
            .iter()
            .map(|history| history.seen_at(moment))
            .collect()
    }

    /// Waits until a process ends. Returns the latest end among the newest instances.
    pub(super) async fn ended(&self) -> Moment {
        self.shared.ended.notified().await;
        let histories = self.shared.histories();
        let exits = histories.iter().filter_map(|it| it.newest.as_ref()?.exit());
        exits.map(|exit| exit.finished).max().unwrap_or_default()
    }

    /// Starts a new instance of the container at `place`: `process` makes its main process, which
    /// writes to the log. Returns a receiver of its end.
    pub(super) fn start(
        &mut self,
        place: usize,
        id: ContainerId,
        reference: &str,
        program: Arc<dyn Program>,
        message: (MessageSource, Files),
        process: impl FnOnce(ContainerLog, BoxFuture<'static, ()>) -> Process,
    ) -> EndReceiver {
        let since = self.clock.now();
        let log = self.begin_log(place, &id);
        self.push(place, id, reference, Life::Running { since });
        let (shared, clock) = (Arc::clone(&self.shared), self.clock.clone());
        let (message, files) = message;
        let process = |terminate| process(log.clone(), terminate);
        let kept = log.clone();
        let (handle, run) = process::prepare(program, process, move |ended| {
            kept.end();
            let exit = Exit {
                code: ended.code,
                started: since,
                finished: clock.now(),
                cause: ended.cause,
                message: message.of(&files, &kept, ended.code),
            };
            shared.histories()[place].end(exit);
            // One permit is enough for several ends: the reader looks at all histories.
            shared.ended.notify_one();
        });
        let ended = handle.watch();
        self.handles[place] = Some(handle);
        self.tasks.spawn(run);
        // Frees the tasks that have ended.
        while self.tasks.try_join_next().is_some() {}
        ended
    }

    /// Records a new instance of the container at `place` whose program could not be started, with
    /// the reason.
    pub(super) fn fail(&mut self, place: usize, id: ContainerId, reference: &str, why: String) {
        let now = self.clock.now();
        let exit = Exit {
            code: UNSTARTED,
            started: now,
            finished: now,
            cause: Cause::Unstarted,
            message: Some(why),
        };
        self.push(place, id, reference, Life::Exited(exit));
        self.handles[place] = None;
        self.shared.ended.notify_one();
    }

    /// Removes all instances of the container at `place`, which does not run.
    pub(super) fn remove(&mut self, place: usize) {
        self.shared.histories()[place].remove();
        self.handles[place] = None;
    }

    /// The log of a new instance. The node keeps it and that of the instance before.
    fn begin_log(&mut self, place: usize, id: &ContainerId) -> ContainerLog {
        let log = ContainerLog::new(self.clock.clone());
        let [newest, dead] = &mut self.logged[place];
        if let Some(oldest) = std::mem::replace(dead, newest.replace(id.clone())) {
            self.logs.remove(&oldest.to_string());
        }
        self.logs.add(id.to_string(), log.clone());
        log
    }

    fn push(&self, place: usize, id: ContainerId, reference: &str, life: Life) {
        let history = &mut self.shared.histories()[place];
        history.push(Instance {
            id,
            restarts: history.restarts(),
            image: reference.to_owned(),
            life,
        });
    }

    /// The places of the containers that run.
    pub(super) fn running(&self) -> Vec<usize> {
        let histories = self.shared.histories();
        let all = histories.iter().enumerate();
        let running = all.filter(|(_, history)| {
            let newest = history.newest.as_ref();
            newest.is_some_and(Instance::is_running)
        });
        running.map(|(place, _)| place).collect()
    }

    /// Ends the container at `place`, if it runs: sends SIGTERM now and SIGKILL after `grace`.
    pub(super) async fn stop(&self, place: usize, grace: Duration) {
        if let Some(handle) = &self.handles[place] {
            handle.stop(&self.clock, grace).await;
        }
    }

    /// Waits until the containers at these places have ended.
    pub(super) async fn until_ended(&self, places: &[usize]) {
        let handles = places
            .iter()
            .filter_map(|place| self.handles[*place].as_ref());
        join_all(handles.map(Handle::ended)).await;
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        for id in self.logged.iter().flatten().flatten() {
            self.logs.remove(&id.to_string());
        }
    }
}

impl Shared {
    fn histories(&self) -> MutexGuard<'_, Vec<History>> {
        self.histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
