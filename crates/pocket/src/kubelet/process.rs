//! One process of a container: how it is run, sent SIGTERM or SIGKILL, and reported as ended.
//!
//! SIGTERM is a future that completes; SIGKILL drops the process's own future. The process does not
//! know its container: a callback passes its end to the caller.

use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rules::container::Cause;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::image::{Background, Process, Program};

/// Exit codes of a process that a signal ended: 128 + its number.
pub(super) const KILLED: i32 = 128 + 9;
pub(super) const ABORTED: i32 = 128 + 6;

/// Signals a process and waits for its end. The handle outlives the process.
#[derive(Debug)]
pub(super) struct Handle {
    signal: watch::Sender<Signal>,
    ended: EndReceiver,
}

/// The strongest signal sent so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Signal {
    None,
    Terminate,
    Kill,
}

/// A process's exit code, and the cause of its end.
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) cause: Cause,
}

/// Kills the child processes of a container when its main process has ended or is dropped.
struct KillOnDrop(Background);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// Prepares a container's main process. Returns its handle, and the future that runs it and calls
/// `done` at its end, when all other processes of the container are killed.
pub(super) fn prepare(
    program: Arc<dyn Program>,
    process: impl FnOnce(BoxFuture<'static, ()>) -> Process,
    done: impl FnOnce(Ended) + Send + 'static,
) -> (Handle, impl Future<Output = ()> + Send + 'static) {
    let (signal, signals) = watch::channel(Signal::None);
    let (end, ended) = watch::channel(false);
    let process = process(sent(signals.clone(), Signal::Terminate).boxed());
    let memory = process.memory.clone();
    let children = KillOnDrop(process.background.clone());
    let run = async move {
        // Catches a panic of the image's code: it crashes the container, not the node.
        let program = AssertUnwindSafe(async move { program.run(process).await }).catch_unwind();
        // Biased, so that runs are equal: a kill in the moment of an exit counts as a kill.
        let (code, cause) = tokio::select! {
            biased;
            () = sent(signals, Signal::Kill) => (KILLED, Cause::Process),
            () = memory.exceeded() => (KILLED, Cause::OutOfMemory),
            exit = program => (exit.map_or(ABORTED, |exit| exit.code), Cause::Process),
        };
        drop(children);
        done(Ended { code, cause });
        end.send_replace(true);
    };
    (Handle { signal, ended }, run)
}

impl Handle {
    /// Ends the process: sends SIGTERM now and SIGKILL after `grace`.
    pub(super) async fn stop(&self, clock: &Clock, grace: Duration) {
        self.signal.send_replace(Signal::Terminate);
        let deadline = clock.now() + grace;
        tokio::select! {
            biased;
            () = self.ended() => return,
            () = clock.until(deadline) => {}
        }
        self.signal.send_replace(Signal::Kill);
        self.ended().await;
    }

    /// Waits for the process's end.
    pub(super) async fn ended(&self) {
        ended(self.ended.clone()).await;
    }

    /// A receiver of the process's end.
    pub(super) fn watch(&self) -> EndReceiver {
        self.ended.clone()
    }
}

/// Becomes `true` when a process has ended.
pub(super) type EndReceiver = watch::Receiver<bool>;

/// Waits for the end of a process.
pub(super) async fn ended(mut end: EndReceiver) {
    // An error means that the process was dropped with its runtime.
    drop(end.wait_for(|ended| *ended).await);
}

/// Completes once a signal at least as strong has been sent; never if the sender is gone.
async fn sent(mut signals: watch::Receiver<Signal>, least: Signal) {
    if signals.wait_for(|signal| *signal >= least).await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Mutex;

    use super::*;
    use crate::image::{Exit, Memory as OwnMemory, Writer};
    use crate::net::Host;
    use crate::net::Network;

    /// Runs a program that passes its SIGTERM to `act`, and stops it at 1 s with 5 s of grace.
    /// Returns its exit code and the second of its end.
    async fn stopped<F>(
        act: impl Fn(BoxFuture<'static, ()>) -> F + Send + Sync + 'static,
    ) -> (i32, u64)
    where
        F: Future<Output = i32> + Send + 'static,
    {
        let clock = Clock::new("2026-01-02T03:04:05Z".parse().unwrap());
        let image = move |process: Process| -> BoxFuture<'static, Exit> {
            let act = act(process.terminate);
            async move { Exit::code(act.await) }.boxed()
        };
        let process = |terminate| Process {
            command: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            network: Host::new(Network::default(), IpAddr::from([10, 0, 0, 1])),
            files: crate::image::files::Files::default(),
            instance: "1".to_owned(),
            is_main: true,
            stdin: Box::new(tokio::io::empty()),
            stdout: Writer::pipe().0,
            stderr: Writer::pipe().0,
            background: Background::default(),
            memory: OwnMemory::new(None),
            terminate,
        };
        let ended = Arc::new(Mutex::new(None));
        let terminated = ended.clone();
        let (handle, run) = prepare(Arc::new(image), process, move |exit| {
            *terminated.lock().unwrap() = Some(exit.code);
        });
        let task = tokio::spawn(run);
        clock.until(rules::Moment::from_secs(1)).await;
        handle.stop(&clock, Duration::from_secs(5)).await;
        task.await.unwrap();
        let code = ended.lock().unwrap().unwrap();
        (code, clock.now().since_start().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_exits_on_sigterm_keeps_its_exit_code() {
        let heed = |terminate: BoxFuture<'static, ()>| async move {
            terminate.await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            7
        };
        assert_eq!(stopped(heed).await, (7, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_ignores_sigterm_is_killed_at_its_deadline() {
        assert_eq!(stopped(|_| pending()).await, (137, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_panics_has_crashed() {
        assert_eq!(
            stopped(|_| async { panic!("as a program may") }).await,
            (134, 1)
        );
    }
}
