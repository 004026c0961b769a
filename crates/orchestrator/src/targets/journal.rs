//! Copies the request journals of targets and traffic clients to the timeline.
//!
//! A target's journal is streamed over a connection of its own. A traffic client's is read twice a
//! second over the shared control connection. In both cases the timeline also records up to which
//! time the journal is complete and how many records were lost.

use std::collections::BTreeMap;
use std::time::Duration;

use probe_target::model::{answer, moment::Moment};
use tokio::task::{AbortHandle, JoinSet};

use crate::{
    targets::{
        Address,
        control::{Control, ControlError, JournalEvent},
    },
    timeline::{
        Hit, JournalRead, Micros, RequestOutcome, Sample, StateCall, Target, What,
        recorder::Recorder,
    },
};

/// The time between two readings of a journal, and between two attempts to stream one.
const READ_INTERVAL: Duration = Duration::from_millis(500);

/// The number of readings after which the target's clock is synchronized again.
// Of all state calls the judge takes the one with the shortest round trip.
const READINGS_PER_SYNC: u64 = 20;

/// The interval at which a target says up to which time its stream is complete.
// A step whose flip was not reached cannot end before the stream has said so.
const THROUGH_INTERVAL: Duration = Duration::from_secs(1);

/// The time without an event after which a stream counts as broken.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);

/// The tasks that read journals. Dropping the value stops them.
#[derive(Debug, Default)]
pub(crate) struct Journals {
    tasks: JoinSet<()>,
    /// The targets and traffic clients that are followed.
    followed: BTreeMap<Address, AbortHandle>,
}

impl Journals {
    /// Starts to stream the requests that a target receives, unless that has been done.
    pub(crate) fn follow_target(&mut self, control: Control, recorder: Recorder) {
        if !self.followed.contains_key(control.address()) {
            let address = control.address().clone();
            let task = self.tasks.spawn(follow_stream(control, recorder));
            self.followed.insert(address, task);
        }
    }

    /// Starts to stream the requests that a target receives, after its clock is known.
    pub(crate) fn watch_target(&mut self, control: Control, recorder: Recorder) {
        let address = control.address().clone();
        let task = self.tasks.spawn(async move {
            // Without its clock, requests have the times at which they are read.
            if let Err(error) = state(&control, &recorder).await {
                tracing::debug!(%error, "clock not read");
            }
            follow_stream(control, recorder).await;
        });
        if let Some(earlier) = self.followed.insert(address, task) {
            earlier.abort();
        }
    }

    /// Stops to read the requests of a target or traffic client.
    pub(crate) fn leave(&mut self, address: &Address) {
        if let Some(task) = self.followed.remove(address) {
            task.abort();
        }
        // Tasks that have ended are kept until they are joined.
        while self.tasks.try_join_next().is_some() {}
    }

    /// Starts to read the requests that a traffic client sends.
    pub(crate) fn follow_client(&mut self, control: Control, recorder: Recorder) {
        let address = control.address().clone();
        let task = self.tasks.spawn(follow(control, recorder));
        self.followed.insert(address, task);
    }
}

/// Fetches a target's state and records the call, which relates the target's clock to the timeline.
pub(crate) async fn state(
    control: &Control,
    recorder: &Recorder,
) -> Result<answer::State, ControlError> {
    let sent = recorder.now();
    let state = control.state().await?;
    recorder.record(What::State(StateCall {
        target: named(control.address(), &state.instance),
        sent,
        uptime: micros(state.uptime),
    }));
    Ok(state)
}

/// The timeline's identifier of the process `instance` at this address.
pub(crate) fn named(address: &Address, instance: &str) -> Target {
    Target {
        pod: address.pod.clone(),
        uid: address.uid.clone(),
        container: address.container.clone(),
        instance: instance.to_owned(),
    }
}

/// Streams a target's journal, again and again: a stream ends with its process.
async fn follow_stream(control: Control, recorder: Recorder) {
    let mut streamed = None;
    loop {
        // Errors are not fatal: the container may be starting or restarting. The next stream
        // continues after the last record received.
        if let Err(error) = stream(&control, &recorder, &mut streamed).await {
            tracing::debug!(%error, "journal not streamed");
        }
        tokio::time::sleep(READ_INTERVAL).await;
    }
}

/// A process whose journal has been streamed, and the number of the first record not yet received.
struct Streamed {
    target: Target,
    next: u64,
    through: Micros,
}

/// Records the events of one stream until it ends or breaks.
async fn stream(
    control: &Control,
    recorder: &Recorder,
    streamed: &mut Option<Streamed>,
) -> Result<(), ControlError> {
    let since = streamed.as_ref().map_or(0, |streamed| streamed.next);
    let mut events = control.follow_journal(since, THROUGH_INTERVAL).await?;
    let target = named(control.address(), events.instance());
    if streamed
        .as_ref()
        .is_some_and(|before| before.target != target)
    {
        // Another process, whose journal begins anew.
        *streamed = None;
        events = control.follow_journal(0, THROUGH_INTERVAL).await?;
    }
    let streamed = streamed.get_or_insert_with(|| Streamed {
        target: named(control.address(), events.instance()),
        next: 0,
        through: Micros::ZERO,
    });
    while let Ok(event) = tokio::time::timeout(SILENCE_TIMEOUT, events.next()).await {
        let mut lost = 0;
        match event? {
            None => break,
            Some(JournalEvent::Record(record)) => {
                streamed.next += 1;
                recorder.record(hit(&streamed.target, record));
                continue;
            }
            Some(JournalEvent::Lost(records)) => {
                streamed.next += records;
                lost = records;
            }
            Some(JournalEvent::Through(through)) => streamed.through = micros(through.through),
        }
        recorder.record(What::Journal(JournalRead {
            target: streamed.target.clone(),
            through: streamed.through,
            lost,
        }));
    }
    Ok(())
}

/// Reads a traffic client's journal, again and again.
async fn follow(control: Control, recorder: Recorder) {
    let mut process = None;
    loop {
        // Errors are not fatal: the container may be starting or restarting. The next reading
        // continues after the last record read.
        if let Err(error) = read_once(&control, &recorder, &mut process).await {
            tracing::debug!(%error, "journal not read");
        }
        tokio::time::sleep(READ_INTERVAL).await;
    }
}

/// The process whose journal is being read.
struct Process {
    target: Target,
    /// The number of the first record not yet read.
    next: u64,
    readings: u64,
    /// The timeline's time and the process's time at the same moment. `ours` is late by the latency
    /// of the response.
    ours: Micros,
    theirs: Micros,
}

async fn read_once(
    control: &Control,
    recorder: &Recorder,
    process: &mut Option<Process>,
) -> Result<(), ControlError> {
    let known = process.as_ref();
    if known.is_none_or(|known| known.readings.is_multiple_of(READINGS_PER_SYNC)) {
        *process = Some(meet(control, recorder, known).await?);
    }
    let reading = process
        .as_mut()
        .expect("whose journal it is must be known by now");
    // Before the call: a request that comes while the answer is under way is not in it.
    let asked = recorder.now();
    let journal = control.journal(reading.next).await?;
    if journal.instance != reading.target.instance {
        // Another process answered. The next reading begins with its first record.
        *process = None;
        return Ok(());
    }
    for sent in &journal.records {
        recorder.record(sample(&reading.target, sent));
    }
    recorder.record(What::Journal(JournalRead {
        target: reading.target.clone(),
        through: reading.theirs + asked.since(reading.ours),
        lost: journal.lost,
    }));
    reading.next = journal.next;
    reading.readings += 1;
    Ok(())
}

/// Fetches the process's instance and clock. The journal of a new process is read from record 0.
async fn meet(
    control: &Control,
    recorder: &Recorder,
    known: Option<&Process>,
) -> Result<Process, ControlError> {
    let state = state(control, recorder).await?;
    let target = named(control.address(), &state.instance);
    let known = known.filter(|known| known.target == target);
    let (next, readings) = known.map_or((0, 0), |known| (known.next, known.readings));
    Ok(Process {
        target,
        next,
        readings,
        ours: recorder.now(),
        theirs: micros(state.uptime),
    })
}

fn hit(target: &Target, record: answer::Record) -> What {
    What::Hit(Box::new(Hit {
        target: target.clone(),
        began: micros(record.at),
        port: record.port,
        path: record.path.unwrap_or_default(),
        agent: record.agent,
        reply: record.reply,
    }))
}

fn sample(target: &Target, sample: &answer::Sample) -> What {
    What::Traffic(Sample {
        client: target.container.clone(),
        instance: target.instance.clone(),
        sent: micros(sample.sent),
        took: Micros(sample.took),
        outcome: match sample.outcome {
            answer::RequestOutcome::Ok => RequestOutcome::Ok,
            answer::RequestOutcome::Status => RequestOutcome::Status,
            answer::RequestOutcome::Refused => RequestOutcome::Refused,
            answer::RequestOutcome::Reset => RequestOutcome::Reset,
            answer::RequestOutcome::Timeout => RequestOutcome::Timeout,
            answer::RequestOutcome::Error => RequestOutcome::Error,
        },
        status: sample.status,
    })
}

/// Converts a time of the target's clock to the timeline's unit.
pub(crate) fn micros(moment: Moment) -> Micros {
    Micros(moment.as_micros())
}
