//! The flips that keys ask for: made one after the other, and withdrawn at the end.

use std::convert::Infallible;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::super::{flip, session::Session};
use crate::{
    cli,
    cluster::guard,
    error_chain,
    exit::{Exit, Failure},
    input::experiment::ObjectRef,
    run::{active_flips::ActiveFlips, interrupt::Interrupt},
    targets::{
        control::Control, flip::FlipError, journal, lease::Leases, select::Selection, target,
    },
    timeline::{What, recorder::Recorder},
    watch::Effect,
};

/// What became of a flip or of a removal of flips, in words.
pub(super) type Outcome = Result<String, String>;

/// Makes flips, and holds their leases.
pub(super) struct Flips<'s> {
    session: &'s Session<'s>,
    recorder: &'s Recorder,
    /// Whether the user named the context.
    named: bool,
    leases: Leases,
    active: ActiveFlips,
    exit: Exit,
}

impl<'s> Flips<'s> {
    pub(super) fn new(session: &'s Session<'s>, recorder: &'s Recorder, named: bool) -> Self {
        Self {
            session,
            recorder,
            named,
            leases: Leases::default(),
            active: ActiveFlips::default(),
            exit: Exit::Held,
        }
    }

    /// Does what is asked, and tells what became of it.
    pub(super) async fn serve(
        &mut self,
        mut asked: UnboundedReceiver<Effect>,
        tell: UnboundedSender<Outcome>,
    ) -> Infallible {
        let lapse = self.leases.lapse();
        tokio::pin!(lapse);
        loop {
            let outcome = tokio::select! {
                biased;
                effect = asked.recv() => match effect {
                    Some(effect) => self.act(effect).await,
                    None => std::future::pending().await,
                },
                lapsed = &mut lapse, if self.exit == Exit::Held => {
                    self.exit = Exit::Infrastructure;
                    Err(lapsed.to_string())
                }
            };
            // The receiver lives as long as the picture.
            tell.send(outcome).ok();
        }
    }

    async fn act(&mut self, effect: Effect) -> Outcome {
        let done = match &effect {
            Effect::Flip {
                pod,
                container,
                words,
            } => self.flip(pod, container, words).await,
            Effect::Heal { pod, container } => self.heal(pod, container).await,
            Effect::Suspend | Effect::Redraw | Effect::Quit | Effect::Interrupt => {
                return Ok(String::new());
            }
        };
        done.map_err(|failure| error_chain::text(failure.error.as_ref()))
    }

    async fn flip(
        &mut self,
        pod: &str,
        container: &str,
        words: &[String],
    ) -> Result<String, Failure> {
        let session = self.session;
        guard::may_write(&session.cluster.place.to_string(), self.named)?;
        let parsed = cli::Flip::of_words(pod, container, words)?;
        let request = flip::request(&parsed)?;
        let recorder = self.recorder;
        let ask = async |control: Control| journal::state(&control, recorder).await;
        let prepared = flip::prepare(&parsed, session, &request, ask).await?;
        let mut done = Vec::new();
        for each in prepared {
            if request.leased {
                let target = (&each.control, each.instance.as_str());
                let pods = flip::pods(session);
                self.leases.hold(&pods, [target].into_iter()).await?;
            }
            // Before it is sent, as it may arrive although no answer does.
            let earlier = self.active.replace(each.clone());
            let sent = self.recorder.now();
            let ack = each.send().await?;
            let record = each.record(sent, &ack);
            self.recorder.record(What::Flip(Box::new(record)));
            if let Some(earlier) = earlier {
                earlier.withdraw().await?;
            }
            done.push(flip::describe(&each));
        }
        Ok(done.join("; "))
    }

    async fn heal(&mut self, pod: &str, container: &str) -> Result<String, Failure> {
        let subject = ObjectRef::of_pods(pod);
        let subject = subject.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        let reader = self.session.reader();
        let selection = Selection::Subject(&subject);
        let controls = self.session.controls();
        for pod in reader.pods(selection).await? {
            let address = target(&pod, container).map_err(FlipError::from)?;
            let ack = controls.control(&address).heal().await?;
            let target = journal::named(&address, &ack.instance);
            self.recorder.record(What::Healed { target });
            self.active.forget(&address);
        }
        Ok(format!("healed {pod}/{container}"))
    }

    /// Withdraws the flips that are left.
    pub(super) async fn end(self, interrupt: &mut Interrupt) -> Exit {
        let left: Vec<_> = self.active.into_flips().collect();
        let healed = flip::heal(&left, self.session, interrupt).await;
        self.exit.and(healed)
    }
}
