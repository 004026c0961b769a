//! One start of a container: back-off, image, configuration, process; each may refuse.
//!
//! Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `startContainer`.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use rules::back_off::{Refused, go_duration};
use rules::container::ContainerId;

use super::super::environment::{Sources, expand};
use super::super::history::History;
use super::super::spec::Container;
use super::PodLife;
use super::sync::Tally;
use crate::events::Severity;
use crate::image::{Image, Process};
use crate::net::Host;

/// The next try after a failure other than the back-off's.
const RETRY: Duration = Duration::from_secs(10);

impl PodLife {
    /// Starts the container at `place`, or remembers why not. `seen` is its history as the sync found it: a victim of
    /// the same sync still runs in there.
    pub(super) async fn start(&mut self, place: usize, seen: &History, tally: &mut Tally) {
        let container = self.spec.containers[place].clone();
        let ended = seen.ended().and_then(|instance| instance.exit());
        let asked = self.attempts[place]
            .back_off
            .ask(ended.map(|exit| exit.finished), self.node.clock.now());
        if let Err(refused) = asked {
            tally.retry_in(refused.left);
            return self.back_off(&container.rules.name, refused);
        }
        let Some(image) = self.pull(place, &container) else {
            return tally.retry_in(RETRY);
        };
        let id = ContainerId::new(&format!("containerd://{}", hexadecimal(&mut self.random)));
        let process = match self.process(&container, &id) {
            Ok(process) => process,
            Err(why) => {
                self.refuse(&container.rules.name, "CreateContainerConfigError", &why);
                return tally.retry_in(RETRY);
            }
        };
        let reference = &container.rules.image;
        self.runtime
            .start(place, id, reference, image, process)
            .await;
        self.refusals.remove(&container.rules.name);
        for (reason, message) in [
            ("Created", "Container created"),
            ("Started", "Container started"),
        ] {
            self.say(&container.rules.name, Severity::Normal, reason, message);
        }
        tally.changed = true;
    }

    fn back_off(&mut self, container: &str, refused: Refused) {
        let metadata = &self.order.pod.metadata;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (name, namespace) = (text(&metadata.name), text(&metadata.namespace));
        let pod = format!("{name}_{namespace}({})", self.uid);
        let wait = go_duration(refused.wait);
        let message = format!("Back-off restarting failed container {container} in pod {pod}");
        self.say(container, Severity::Warning, "BackOff", &message);
        let refusal = rules::container::Refusal {
            reason: "CrashLoopBackOff".to_owned(),
            message: Some(format!(
                "back-off {wait} restarting failed container={container} pod={pod}"
            )),
        };
        self.refusals.insert(container.to_owned(), refusal);
    }

    fn pull(&mut self, place: usize, container: &Container) -> Option<Arc<dyn Image>> {
        let now = self.node.clock.now();
        let (found, remarks) = self.attempts[place].pull.find(
            &self.node.images,
            &container.rules.image,
            container.pull,
            now,
        );
        for (severity, reason, message) in remarks {
            self.say(&container.rules.name, severity, reason, &message);
        }
        match found {
            Ok(image) => Some(image),
            Err(refusal) => {
                self.refusals.insert(container.rules.name.clone(), refusal);
                None
            }
        }
    }

    /// What the process is started with, but for its SIGTERM.
    fn process(
        &self,
        container: &Container,
        id: &ContainerId,
    ) -> Result<impl FnOnce(BoxFuture<'static, ()>) -> Process + use<>, String> {
        let ip = self.ip.ok_or("no address is left for the Pod")?;
        let sources = Sources {
            pod: &self.order.pod,
            ip,
            registry: &self.node.registry,
        };
        let environment = sources.environment(container)?;
        let program = self.program(container)?;
        let words = program.iter().chain(&container.arguments);
        let arguments = words.map(|word| expand(word, &environment)).collect();
        let network = Host::new(Arc::clone(&self.node.network), ip);
        let instance = id.to_string();
        Ok(move |terminate| Process {
            arguments,
            environment,
            network,
            instance,
            terminate,
        })
    }

    /// What `command` adds to the arguments: all but its first word, which must be the image's only program.
    fn program<'a>(&self, container: &'a Container) -> Result<&'a [String], String> {
        let Some((program, rest)) = container.command.split_first() else {
            return Ok(&[]);
        };
        let image = self.node.images.find(&container.rules.image);
        let name = image.map_or("", |(name, _)| name);
        if program.rsplit('/').next() == Some(name) {
            return Ok(rest);
        }
        Err(format!(
            "exec: \"{program}\": executable file not found: the image has only \"{name}\""
        ))
    }
}

fn hexadecimal(random: &mut fastrand::Rng) -> String {
    let words = [(); 4].map(|()| random.u64(..));
    words.map(|word| format!("{word:016x}")).concat()
}
