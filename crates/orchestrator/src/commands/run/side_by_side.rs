//! Runs under way at the same time, each on a thread of its own; results are taken in order.

use std::{
    any::Any,
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread::{self, Scope},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{
    collector::Collector,
    ended::{Ended, Messages},
    schedule::{RunKey, Schedule},
    stops,
};
use crate::{
    exit::{Exit, Failure},
    report::{plural, printer::Printer},
    run::{
        RunResult,
        interrupt::{INTERRUPTED, Interrupt},
    },
};

/// Stack of a run: as large as that of the main thread.
const STACK: usize = 8 * 1024 * 1024;

/// Executes one run: which one, where it prints, and its signals.
pub(super) type RunOne<'a> =
    dyn Fn(RunKey, &Printer, &mut Interrupt) -> Result<RunResult, Failure> + Sync + 'a;

/// What a thread reports at the end of its run.
type Report = (RunKey, thread::Result<Ended>);

/// All runs of a command.
pub(super) struct SideBySide<'a> {
    pub(super) schedule: Schedule,
    pub(super) messages: Messages,
    /// Whether no experiment begins after the first that does not hold.
    pub(super) fail_fast: bool,
    /// Whether each experiment is run several times.
    pub(super) is_repeated: bool,
    pub(super) printer: &'a Printer,
    pub(super) run_one: &'a RunOne<'a>,
}

impl SideBySide<'_> {
    /// Executes the runs. A signal ends those under way, and no other begins.
    pub(super) fn run(
        mut self,
        interrupt: &mut Interrupt,
        collector: &mut Collector<'_>,
    ) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let panic = thread::scope(|scope| {
            let (reports, mut ended) = unbounded_channel();
            let mut threads = Threads {
                scope,
                messages: self.messages,
                printer: self.printer,
                run_one: self.run_one,
                reports,
                signals: BTreeMap::new(),
            };
            runtime.block_on(self.follow(&mut threads, &mut ended, interrupt, collector))
        });
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        Ok(())
    }

    /// Begins runs and takes their results until all have ended. Returns the panic of a run.
    async fn follow(
        &mut self,
        threads: &mut Threads<'_, '_>,
        ended: &mut UnboundedReceiver<Report>,
        interrupt: &mut Interrupt,
        collector: &mut Collector<'_>,
    ) -> Option<Box<dyn Any + Send>> {
        let mut panicked = None;
        let mut is_interrupted = false;
        let mut waiting = BTreeMap::new();
        loop {
            while let Some(key) = self.schedule.next() {
                if let Err(error) = threads.spawn(key) {
                    self.schedule.ended(key);
                    self.schedule.stop();
                    collector.failed(&error.into());
                }
            }
            self.progress(collector);
            if threads.signals.is_empty() {
                return panicked;
            }
            let (key, result) = tokio::select! {
                biased;
                exit = interrupt.next() => {
                    if self.messages == Messages::Held && !is_interrupted {
                        self.printer.note(INTERRUPTED);
                    }
                    is_interrupted = true;
                    self.schedule.stop();
                    collector.interrupted(exit);
                    threads.send(exit);
                    continue;
                }
                // The threads' sender is here too, so the channel stays open.
                Some(report) = ended.recv() => report,
            };
            threads.signals.remove(&key);
            self.schedule.ended(key);
            match result {
                Ok(ended) => {
                    self.follow_up(key, &ended);
                    waiting.insert(key, ended);
                }
                Err(panic) => {
                    self.schedule.stop();
                    panicked = Some(panic);
                }
            }
            self.take(&mut waiting, collector);
        }
    }

    /// Decides what may still begin after this run.
    fn follow_up(&mut self, key: RunKey, ended: &Ended) {
        let exit = match &ended.result {
            Ok(ran) => ran.exit,
            Err(failure) => {
                // Not a failed expectation: the next run would meet the same error.
                self.schedule.close(key.experiment);
                if !self.is_repeated {
                    self.schedule.stop();
                }
                failure.exit
            }
        };
        if stops(exit) {
            self.schedule.stop();
        } else if self.fail_fast && exit != Exit::Held {
            self.schedule.begin_no_other();
        }
    }

    /// Hands over the results that no earlier one can precede any more.
    fn take(&self, waiting: &mut BTreeMap<RunKey, Ended>, collector: &mut Collector<'_>) {
        let open = self.schedule.first_open();
        let is_complete = |key: &RunKey| open.is_none_or(|open| *key < open);
        while let Some(first) = waiting.first_entry().filter(|it| is_complete(it.key())) {
            let (key, ended) = first.remove_entry();
            collector.take(key, ended);
            let of_same = |next: &RunKey| next.experiment == key.experiment;
            if !waiting.keys().next().is_some_and(of_same) && !open.as_ref().is_some_and(of_same) {
                collector.finish();
            }
        }
    }

    fn progress(&self, collector: &Collector<'_>) {
        if self.messages != Messages::Held {
            return;
        }
        let running = self.schedule.running();
        let names: Vec<&str> = running.iter().map(|it| collector.name(*it)).collect();
        if names.is_empty() {
            self.printer.settle();
        } else {
            let (number, names) = (plural(names.len(), "experiment"), names.join(", "));
            self.printer
                .progress(format!("{number} under way: {names}"));
        }
    }
}

/// The threads of the runs under way.
struct Threads<'s, 'e> {
    scope: &'s Scope<'s, 'e>,
    messages: Messages,
    printer: &'e Printer,
    run_one: &'e RunOne<'e>,
    reports: UnboundedSender<Report>,
    /// Where each run takes signals.
    signals: BTreeMap<RunKey, UnboundedSender<Exit>>,
}

impl Threads<'_, '_> {
    fn spawn(&mut self, key: RunKey) -> io::Result<()> {
        let (signal, mut interrupt) = match self.messages {
            Messages::Live => Interrupt::relayed(),
            Messages::Held | Messages::Errors => Interrupt::announced(),
        };
        let own = match self.messages {
            Messages::Live => None,
            Messages::Held => Some(self.printer.holding()),
            Messages::Errors => Some(Printer::nowhere()),
        };
        let (reports, run_one, terminal) = (self.reports.clone(), self.run_one, self.printer);
        let run = move || {
            let printer = own.as_ref().unwrap_or(terminal);
            let run = AssertUnwindSafe(|| run_one(key, printer, &mut interrupt));
            let ended = catch_unwind(run).map(|result| Ended {
                result,
                printer: own,
            });
            // The receiver waits for every thread.
            reports.send((key, ended)).ok();
        };
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(self.scope, run)?;
        self.signals.insert(key, signal);
        Ok(())
    }

    /// Sends a signal to all runs.
    fn send(&self, exit: Exit) {
        for run in self.signals.values() {
            // A run that has just ended takes no signal.
            run.send(exit).ok();
        }
    }
}
