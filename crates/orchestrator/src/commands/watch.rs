//! `probeflip watch`: takes records of a namespace, draws them, and does what keys ask for.
//!
//! Nothing is written to the cluster but flips, which are withdrawn at the end.

mod flips;
mod journals;
mod stops;

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use crossterm::event::{Event, EventStream};
use futures::{FutureExt as _, StreamExt as _};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep, sleep_until},
};

use super::session::Session;
use crate::{
    cli,
    cluster::watches,
    exit::{CommandResult, Exit, Failure},
    report::{Paint, lanes::Lanes, printer::Printer},
    run::interrupt::Interrupt,
    timeline::{What, recorder::Recorder},
    watch::{Effect, LONGEST, Screen, Signs, View, draw, update},
};
use flips::{Flips, Outcome};
use journals::RunningTargets;
use stops::{Stop, Stops};

/// The least time from one frame to the next, unless a key is pressed.
const FRAME: Duration = Duration::from_millis(100);

/// The longest time from one frame to the next.
const TICK: Duration = Duration::from_secs(1);

/// How long records are kept: a view that stands still is whole for some time.
const KEPT: Duration = Duration::from_secs(3 * LONGEST.as_secs());

/// The time between two looks for records that are too old.
const FORGET_INTERVAL: Duration = Duration::from_secs(10);

/// The ID in the header of the timeline, which is only followed in memory and never written.
const RUN: &str = "watch";

pub(super) fn run(watch: &cli::Watch, printer: &Printer) -> CommandResult {
    Screen::check()?;
    // Only a flip is guarded, when it is made.
    Session::with(&watch.at, printer, false, async |session| {
        observe(watch, session).await
    })
}

async fn observe(watch: &cli::Watch, session: Session<'_>) -> CommandResult {
    let mut interrupt = Interrupt::catch()?;
    let cluster = &session.cluster;
    let recorder = Recorder::start(cluster.header("", RUN, &session.namespace, None));
    let opening = watches::open_all(&cluster.client, &session.namespace, &recorder);
    let _watches = tokio::select! {
        biased;
        exit = interrupt.next() => return Ok(exit),
        opened = opening => opened?,
    };
    let mut flips = Flips::new(&session, &recorder, watch.at.context.is_some());
    let end = {
        let (ask, asked) = unbounded_channel();
        let (tell, told) = unbounded_channel();
        let shell = Shell::new(&session, &recorder, ask, told)?;
        let shown = AssertUnwindSafe(shell.show(&mut interrupt)).catch_unwind();
        tokio::select! {
            biased;
            shown = shown => shown,
            never = flips.serve(asked, tell) => match never {},
        }
    };
    // The terminal is the user's again.
    let exit = match &end {
        Ok(Ok(exit)) => *exit,
        Ok(Err(failure)) => failure.print(session.printer),
        Err(_) => Exit::Held,
    };
    let exit = exit.and(flips.end(&mut interrupt).await);
    if let Err(panic) = end {
        resume(panic);
    }
    Ok(exit)
}

fn resume(panic: Box<dyn Any + Send>) -> ! {
    std::panic::resume_unwind(panic)
}

/// What is between the terminal and the cluster.
struct Shell<'s> {
    recorder: &'s Recorder,
    lanes: Lanes,
    view: View,
    signs: Signs,
    targets: RunningTargets,
    /// What the terminal sends. Dropped before the screen: what is typed after the picture is gone
    /// is the shell's.
    events: EventStream,
    screen: Screen,
    stops: Stops,
    ask: UnboundedSender<Effect>,
    told: UnboundedReceiver<Outcome>,
    forgot: Instant,
}

impl<'s> Shell<'s> {
    /// Takes the terminal.
    fn new(
        session: &'s Session<'_>,
        recorder: &'s Recorder,
        ask: UnboundedSender<Effect>,
        told: UnboundedReceiver<Outcome>,
    ) -> Result<Self, Failure> {
        let place = format!("{}/{}", session.cluster.place, session.namespace);
        let mut shell = Self {
            recorder,
            lanes: Lanes::live(),
            view: View::new(place),
            signs: Signs {
                ascii: session.printer.is_ascii(),
                colour: session.printer.paint() == Paint::Colour,
            },
            targets: RunningTargets::new(session.controls(), recorder.clone()),
            stops: Stops::catch()?,
            screen: Screen::enter()?,
            events: EventStream::new(),
            ask,
            told,
            forgot: Instant::now(),
        };
        shell.take_records();
        shell.lanes.begin();
        Ok(shell)
    }

    /// Draws until the command ends.
    async fn show(mut self, interrupt: &mut Interrupt) -> CommandResult {
        loop {
            self.take_records();
            let now = self.recorder.now();
            self.screen
                .draw(|frame| draw(&self.view, &self.lanes, now, self.signs, frame))?;
            let next = Instant::now() + FRAME;
            let flow = self
                .view
                .flow()
                .map_or(TICK, |flow| flow.clamp(FRAME, TICK));
            let grown = async {
                sleep_until(next).await;
                self.recorder.grown().await;
            };
            tokio::select! {
                biased;
                exit = interrupt.next() => return Ok(exit),
                stop = self.stops.next() => match stop {
                    Stop::Asked => self.screen.suspend()?,
                    Stop::Over => self.screen.retake()?,
                },
                event = self.events.next() => match event {
                    Some(Ok(Event::Key(key))) => {
                        let now = self.recorder.now();
                        let effect = update(&mut self.view, key, &self.lanes, now);
                        if let Some(exit) = self.act(effect)? {
                            return Ok(exit);
                        }
                    }
                    Some(Ok(Event::Resize(..))) => Screen::resized()?,
                    Some(Ok(_)) => {}
                    // The terminal is gone.
                    Some(Err(_)) | None => return Ok(Exit::Terminated),
                },
                Some(outcome) = self.told.recv() => self.view.notify(outcome),
                () = grown => {}
                () = sleep(flow) => {}
            }
        }
    }

    /// Does what a key asks for. Returns an exit code if the command is to end.
    fn act(&mut self, effect: Option<Effect>) -> Result<Option<Exit>, Failure> {
        match effect {
            Some(Effect::Quit) => return Ok(Some(Exit::Held)),
            Some(Effect::Interrupt) => return Ok(Some(Exit::Interrupted)),
            Some(Effect::Suspend) => self.screen.suspend()?,
            Some(Effect::Redraw) => self.screen.redraw()?,
            Some(effect @ (Effect::Flip { .. } | Effect::Heal { .. })) => {
                // The receiver lives as long as this.
                self.ask.send(effect).ok();
            }
            None => {}
        }
        Ok(None)
    }

    /// Takes the new records, which are then forgotten: so an hour takes no more memory than a
    /// minute.
    fn take_records(&mut self) {
        let (lanes, targets) = (&mut self.lanes, &mut self.targets);
        self.recorder.update(|timeline| {
            for record in timeline.records() {
                lanes.take(record);
                if let What::Hit(hit) = &record.what {
                    lanes.take_hit(record.at, hit);
                }
                targets.take(record, lanes);
            }
            timeline.forget();
        });
        if self.forgot.elapsed() >= FORGET_INTERVAL {
            self.forgot = Instant::now();
            self.lanes.forget(self.recorder.now() - KEPT);
        }
    }
}

#[cfg(test)]
mod tests;
