//! Runs a row with one kind of probe: creates the Pod, flips its target, and observes the outcome.
//!
//! A successful probe emits no event. So if nothing happens for a while, the trial makes the target
//! fail in a way that every prober reports. Events arrive in order, so once that failure's event
//! has arrived, no earlier event is missing.

use std::{error::Error as _, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use orchestrator::targets::{
    Address,
    control::{Control, ControlError},
};
use probe_target::model::answer::{Ack, Record};
use tokio::{sync::watch::Receiver, time::sleep};

use super::{
    pod::{self, Kind, PORT},
    row::{Flip, Onset, Row, What},
    seen::{Said, Seen},
    view::{View, failed, ready, running, started},
};

/// How long to wait for a required change.
const PATIENCE: Duration = Duration::from_mins(2);

/// Minimum time between the flip of a startup target and the first attempt.
const MARGIN: Duration = Duration::from_secs(2);

/// The cluster and namespace in which rows are run.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) image: String,
    pub(crate) seen: Receiver<Seen>,
}

/// The outcome for one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) effect: Effect,
    /// The prober's events.
    pub(crate) said: Vec<Said>,
    /// The message of the `Killing` event, if the container was killed.
    pub(crate) killing: Option<String>,
    /// The Pod's address, which events quote.
    pub(crate) address: String,
}

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// Liveness: the container runs on.
    GoesOn,
    /// Liveness and startup: the container is restarted.
    Restarted,
    /// Readiness: a ready container stays ready, and an unready one becomes ready.
    Ready,
    /// Readiness: a ready container becomes unready.
    NotReady,
    /// Readiness: a ready container stays ready, and an unready one stays unready.
    AsBefore,
    /// Startup: the container is started.
    Started,
    /// Startup: the container is neither started nor restarted.
    NotStarted,
}

/// Why a trial is invalid and must be repeated.
#[derive(Debug)]
pub(crate) struct Spoilt(String);

impl Bench {
    /// Runs a row with a kind of probe.
    pub(crate) async fn run(&self, name: &str, row: &Row, kind: Kind) -> Outcome {
        let mut why = String::new();
        for attempt in 1..=3 {
            let name = format!("{name}-{attempt}");
            let trial = Box::pin(self.attempt(&name, row, kind));
            let trial = tokio::time::timeout(PATIENCE, trial).await;
            let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
            drop(pods.delete(&name, &DeleteParams::default()).await);
            match trial {
                Ok(Ok(outcome)) => return outcome,
                Ok(Err(Spoilt(reason))) => why = reason,
                Err(_) => why = format!("undecided: {}", self.tell(&name)),
            }
            report(&format!("{name}, {kind:?} {}: {why}", row.fault));
        }
        panic!("{name}, {kind:?} {}: {why}", row.fault);
    }

    async fn attempt(&self, name: &str, row: &Row, kind: Kind) -> Result<Outcome, Spoilt> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let pod = pod::pod(name, row, kind, &self.image);
        let made = pods.create(&PostParams::default(), &pod).await.unwrap();
        let trial = Trial {
            row,
            kind,
            pod: name.to_owned(),
            seen: self.seen.clone(),
            control: control(pods, &made, kind),
        };
        match kind {
            Kind::Liveness => trial.liveness().await,
            Kind::Readiness => trial.readiness().await,
            Kind::Startup => trial.startup().await,
        }
    }

    /// Text for the observed state of a Pod, for messages.
    fn tell(&self, name: &str) -> String {
        let seen = self.seen.borrow();
        seen.get(name).map_or_else(String::new, |pod| {
            let status = pod.container();
            let status = status.map(|it| (it.ready, it.started, it.restart_count));
            let said: Vec<&Said> = pod.events().collect();
            format!("{status:?}, {said:?}")
        })
    }
}

#[expect(clippy::print_stderr, reason = "a second trial must be seen")]
fn report(line: &str) {
    eprintln!("{line}");
}

fn control(pods: Api<Pod>, pod: &Pod, kind: Kind) -> Control {
    let address = Address {
        pod: pod.metadata.name.clone().unwrap(),
        uid: pod.metadata.uid.clone().unwrap(),
        container: kind.name().to_owned(),
        control: PORT + 10_000,
    };
    Control::new(pods, address)
}

/// One container under one fault.
struct Trial<'a> {
    row: &'a Row,
    kind: Kind,
    pod: String,
    seen: Receiver<Seen>,
    control: Control,
}

impl Trial<'_> {
    async fn liveness(&self) -> Result<Outcome, Spoilt> {
        self.begin().await?;
        if self.happens(|it| it.restarts() > 0).await {
            return Ok(self.outcome(Effect::Restarted, None).await);
        }
        let words = self.mark(|it| it.restarts() > 0).await?;
        Ok(self.outcome(Effect::GoesOn, words).await)
    }

    async fn readiness(&self) -> Result<Outcome, Spoilt> {
        self.begin().await?;
        if let Onset::Probe = self.row.onset {
            assert!(!self.comes(ready).await, "a broken probe");
            let failed = self.now(failed);
            let effect = if failed {
                Effect::NotReady
            } else {
                Effect::AsBefore
            };
            return Ok(self.outcome(effect, None).await);
        }
        if self.happens(|it| !ready(it)).await {
            return Ok(self.outcome(Effect::NotReady, None).await);
        }
        let words = self.mark(|it| !ready(it)).await?;
        self.lay().await?;
        let effect = if self.comes(ready).await {
            Effect::Ready
        } else {
            Effect::AsBefore
        };
        Ok(self.outcome(effect, words).await)
    }

    async fn startup(&self) -> Result<Outcome, Spoilt> {
        self.begin().await?;
        let decided = |it: &View<'_>| started(it) || it.restarts() > 0;
        if self.happens(decided).await {
            let started = self.now(started);
            let effect = if started {
                Effect::Started
            } else {
                Effect::Restarted
            };
            return Ok(self.outcome(effect, None).await);
        }
        let words = self.mark(|it| it.restarts() > 0).await?;
        Ok(self.outcome(Effect::NotStarted, words).await)
    }

    /// Flips a healthy target to the fault.
    async fn begin(&self) -> Result<(), Spoilt> {
        if let Onset::Probe = self.row.onset {
            return Ok(());
        }
        // Without a readiness probe a container is ready as soon as it runs.
        match self.kind {
            Kind::Startup => self.until(running).await,
            Kind::Liveness | Kind::Readiness => {
                self.until(ready).await;
                self.attempted().await?;
            }
        }
        if self.now(|it| it.restarts() > 0 || it.probed().next().is_some()) {
            return Err(Spoilt("unwell before it was flipped".to_owned()));
        }
        let ack = self.lay().await?;
        let delay = Duration::from_secs(self.kind.delay());
        if self.kind == Kind::Startup && delay < Duration::from_micros(ack.at.as_micros()) + MARGIN
        {
            return Err(Spoilt("flipped after the first attempt".to_owned()));
        }
        Ok(())
    }

    /// Waits for the end of an attempt, so that none is in progress during the flip.
    async fn attempted(&self) -> Result<(), Spoilt> {
        let mut next = None;
        for _ in 0..300 {
            let journal = self.control.journal::<Record>(next.unwrap_or(0)).await;
            if let Ok(journal) = journal {
                if next.is_some() && !journal.records.is_empty() {
                    return Ok(());
                }
                next = Some(journal.next);
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err(Spoilt("not attempted".to_owned()))
    }

    async fn lay(&self) -> Result<Ack, Spoilt> {
        let Onset::Flipped(flips) = &self.row.onset else {
            panic!("a fault of the probe is laid over nothing");
        };
        let mut last = None;
        for flip in flips {
            last = Some(self.flip(flip).await?);
        }
        Ok(last.expect("a fault must be at least one flip"))
    }

    /// Sends a flip, with retries: a container runs before its target listens, and the target may
    /// just have closed an idle connection.
    async fn flip(&self, flip: &Flip) -> Result<Ack, Spoilt> {
        let mut flipped = self.try_flip(flip).await;
        for _ in 0..20 {
            if flipped.is_ok() {
                break;
            }
            sleep(Duration::from_millis(250)).await;
            flipped = self.try_flip(flip).await;
        }
        flipped.map_err(|error| Spoilt(format!("{error}: {:?}", error.source())))
    }

    async fn try_flip(&self, flip: &Flip) -> Result<Ack, ControlError> {
        let number = PORT + flip.above;
        let instance = self.control.state().await?.instance;
        match &flip.what {
            What::Route(path, behaviour) => {
                let control = &self.control;
                let path = path.parse().unwrap();
                control.put_route(&instance, number, &path, behaviour).await
            }
            What::Process(fault) => self.control.afflict(&instance, fault).await,
            What::Port(opening) => self.control.put_port(&instance, number, opening).await,
        }
    }

    /// Whether the condition becomes true within the window, or later if an attempt failed within
    /// it: the consequence is then still due.
    async fn happens(&self, condition: impl Fn(&View<'_>) -> bool) -> bool {
        if self.comes(&condition).await {
            return true;
        }
        let failed = self.now(failed);
        if failed {
            self.until(&condition).await;
        }
        failed
    }

    /// Whether the condition becomes true within the window.
    async fn comes(&self, condition: impl Fn(&View<'_>) -> bool) -> bool {
        let delay = match (self.kind, &self.row.onset) {
            (Kind::Startup, _) | (_, Onset::Probe) => Duration::from_secs(self.kind.delay()),
            _ => Duration::ZERO,
        };
        let window = delay + self.row.handler.window();
        tokio::time::timeout(window, self.until(condition))
            .await
            .is_ok()
    }

    /// Makes the target fail, waits for the consequence and its event, and returns the words that
    /// identify the event.
    async fn mark(
        &self,
        consequence: impl Fn(&View<'_>) -> bool,
    ) -> Result<Option<&'static str>, Spoilt> {
        if let Onset::Probe = self.row.onset {
            return Ok(None);
        }
        let marker = self.row.handler.marker();
        self.flip(&marker.flip).await?;
        let told = |it: &View<'_>| it.probed().any(|said| said.message.contains(marker.words));
        self.until(|it| consequence(it) && told(it)).await;
        Ok(Some(marker.words))
    }

    async fn outcome(&self, effect: Effect, marked: Option<&'static str>) -> Outcome {
        let bad = matches!(effect, Effect::Restarted | Effect::NotReady);
        let bad = bad && !self.row.ends_by_itself();
        if bad {
            self.until(|it| failed(it) && (it.killing().is_some() || it.ready_changes()))
                .await;
        }
        self.look(|it| {
            let ours = |said: &&Said| marked.is_none_or(|words| !said.message.contains(words));
            Outcome {
                effect,
                said: it.probed().filter(ours).cloned().collect(),
                killing: it.killing().filter(|_| bad),
                address: it.address(),
            }
        })
    }

    async fn until(&self, condition: impl Fn(&View<'_>) -> bool) {
        let mut seen = self.seen.clone();
        let come = seen.wait_for(|seen| {
            let pod = seen.get(&self.pod);
            let kind = self.kind;
            pod.is_some_and(|pod| condition(&View { pod, kind }))
        });
        drop(come.await.unwrap());
    }

    fn now(&self, condition: impl Fn(&View<'_>) -> bool) -> bool {
        self.look(condition)
    }

    fn look<T>(&self, read: impl Fn(&View<'_>) -> T) -> T {
        let seen = self.seen.borrow();
        let pod = &seen[&self.pod];
        read(&View {
            pod,
            kind: self.kind,
        })
    }
}
