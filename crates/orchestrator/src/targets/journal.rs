//! Reading what targets were asked and what traffic clients sent into the timeline.
//!
//! A journal is read twice a second on the one connection that its container has. How far it is known,
//! and how many records were lost, is recorded with every reading; nothing is judged here.

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

/// How often a journal is read.
const EVERY: Duration = Duration::from_millis(500);

/// Every so many readings the target's clock is asked again.
const READINGS_A_CLOCK: u64 = 20;

/// Journals being read; dropping it stops that.
#[derive(Debug, Default)]
pub struct Journals(JoinSet<()>);

impl Journals {
    /// Reads what a target was asked.
    pub fn follow_target(&mut self, control: Control, recorder: Recorder) {
        self.0.spawn(follow(control, recorder, hit));
    }

    /// Reads what a traffic client sent.
    pub fn follow_client(&mut self, control: Control, recorder: Recorder) {
        self.0.spawn(follow(control, recorder, sample));
    }
}

/// Asks a target for its state, and records the call: it ties the target's clock to ours.
pub async fn state(control: &Control, recorder: &Recorder) -> Result<answer::State, ControlError> {
    let sent = recorder.now();
    let state = control.state().await?;
    recorder.record(What::State(StateCall {
        target: named(control.address(), &state.instance),
        sent,
        uptime: micros(state.uptime),
    }));
    Ok(state)
}

/// The target's name on the timeline while that instance answers for it.
pub fn named(address: &Address, instance: &str) -> Target {
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
        // A container that is down, or not yet up, is asked again; what was read of it stays read.
        let read = read_once(&control, &recorder, &mut process, what).await;
        if let Err(error) = read {
            tracing::debug!(%error, "journal not read");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// One process whose journal is being read.
struct Process {
    target: Target,
    /// The first record not yet read.
    next: u64,
    readings: u64,
    /// Our time and the process's, at one moment; ours is late by the way of the answer.
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
    if known.is_none_or(|known| known.readings.is_multiple_of(READINGS_A_CLOCK)) {
        *process = Some(meet(control, recorder, known).await?);
    }
    let reading = process
        .as_mut()
        .expect("whose journal it is must be known by now");
    let asked = recorder.now();
    let journal: answer::Journal<R> = control.journal(reading.next).await?;
    if journal.instance != reading.target.instance {
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

/// Asks whose journal it is. A process that is new starts from the first record.
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

/// A time of the target's clock as the timeline has it.
pub fn micros(moment: Moment) -> Micros {
    Micros(moment.as_micros())
}
