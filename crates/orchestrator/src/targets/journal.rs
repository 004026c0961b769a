//! Copies the request journals of targets and traffic clients to the timeline.
//!
//! Each journal is read twice a second over the container's shared control connection. Every
//! reading also records up to which time the journal is complete and how many records were lost.

use std::time::Duration;

use probe_target::model::{answer, moment::Moment};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::{
    targets::{
        Address,
        control::{Control, ControlError},
    },
    timeline::{
        Hit, JournalRead, Micros, RequestOutcome, Sample, StateCall, Target, What,
        recorder::Recorder,
    },
};

/// The time between two readings of a journal.
const READ_INTERVAL: Duration = Duration::from_millis(500);

/// The number of readings after which the target's clock is synchronized again.
// Of all state calls the judge takes the one with the shortest round trip.
const READINGS_PER_SYNC: u64 = 20;

/// The tasks that read journals. Dropping the value stops them.
#[derive(Debug, Default)]
pub(crate) struct Journals(JoinSet<()>);

impl Journals {
    /// Starts to read the requests that a target receives.
    pub(crate) fn follow_target(&mut self, control: Control, recorder: Recorder) {
        self.0.spawn(follow(control, recorder, hit));
    }

    /// Starts to read the requests that a traffic client sends.
    pub(crate) fn follow_client(&mut self, control: Control, recorder: Recorder) {
        self.0.spawn(follow(control, recorder, sample));
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

async fn follow<R: DeserializeOwned>(
    control: Control,
    recorder: Recorder,
    what: fn(&Target, R) -> What,
) {
    let mut process = None;
    loop {
        // Errors are not fatal: the container may be starting or restarting. The next reading
        // continues after the last record read.
        let read = read_once(&control, &recorder, &mut process, what).await;
        if let Err(error) = read {
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

async fn read_once<R: DeserializeOwned>(
    control: &Control,
    recorder: &Recorder,
    process: &mut Option<Process>,
    what: fn(&Target, R) -> What,
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
    let journal: answer::Journal<R> = control.journal(reading.next).await?;
    if journal.instance != reading.target.instance {
        // Another process answered. The next reading begins with its first record.
        *process = None;
        return Ok(());
    }
    for record in journal.records {
        recorder.record(what(&reading.target, record));
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
    What::Hit(Hit {
        target: target.clone(),
        began: micros(record.at),
        port: record.port,
        path: record.path.unwrap_or_default(),
        agent: record.agent,
        reply: record.reply,
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "records are handed over, whichever kind"
)]
fn sample(target: &Target, sample: answer::Sample) -> What {
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
