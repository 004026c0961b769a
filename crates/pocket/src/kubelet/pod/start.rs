//! Starts one container: checks back-off, image and configuration, then starts its process.
//!
//! Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `startContainer`.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use rules::back_off::{Refused, go_duration};
use rules::container::ContainerId;
use rules::event_text;
use rules::expansion::expand;

use super::super::container_history::History;
use super::super::environment::Sources;
use super::super::exec::{self, ExecContext};
use super::super::node::hexadecimal;
use super::super::spec::Container;
use super::PodWorker;
use super::sync::Started;
use crate::events::Severity;
use crate::image::files::Directory;
use crate::image::{Background, Image, Process, Program};
use crate::latencies::Work;
use crate::net::Host;

/// Wait before the next start after a failure other than back-off.
const RETRY: Duration = Duration::from_secs(10);

const CREATED: (&str, &str) = ("Created", "Container created");

/// `PATH` where neither the image nor the Pod sets it.
///
/// Rule: containerd's `pkg/oci/spec_opts.go`, `WithDefaultPathEnv`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A container that can be started.
struct Prepared {
    /// The main process's command.
    command: Vec<String>,
    program: Arc<dyn Program>,
    context: ExecContext,
}

/// Why a container's process could not be prepared.
enum Unprepared {
    /// A reference in the configuration does not resolve.
    Configuration(String),
    /// The image does not contain the program.
    Program(String),
}

impl PodWorker {
    /// Starts the container at `place`, or remembers why not. `seen` is its history at the start of
    /// the sync: a container killed in the same sync still counts as running there.
    pub(super) async fn start(&mut self, place: usize, seen: &History, started: &mut Started) {
        let container = self.spec.containers[place].clone();
        let ended = seen.ended().and_then(|instance| instance.exit());
        let asked = self.attempts[place]
            .back_off
            .request(ended.map(|exit| exit.finished), self.node.clock.now());
        if let Err(refused) = asked {
            started.retry_in(refused.left);
            return self.back_off(&container.rules.name, refused);
        }
        let Some(image) = self.pull(place, &container) else {
            return started.retry_in(RETRY);
        };
        let id = ContainerId::new(&format!("containerd://{}", hexadecimal(&mut self.random)));
        let Prepared {
            command,
            program,
            context,
        } = match self.prepare(&container, image) {
            Ok(prepared) => prepared,
            // No instance is made, so neither the restart count nor the back-off grows.
            Err(Unprepared::Configuration(why)) => {
                self.record_refusal(&container.rules.name, "CreateContainerConfigError", &why);
                return started.retry_in(RETRY);
            }
            // An instance that has ended at once: it counts and backs off as a crash does.
            Err(Unprepared::Program(why)) => return self.fail(place, id, &why, started).await,
        };
        let exec_context = context.clone();
        let instance = id.to_string();
        let memory = container.memory;
        let message = (container.termination_message, context.files.clone());
        let process =
            |log, terminate| context.main_process(command, instance, memory, log, terminate);
        let reference = &container.rules.image;
        self.chance.spend(Work::Start).await;
        let boot = self.chance.time(Work::Boot);
        let program = booting(program, boot);
        let ended = self
            .runtime
            .start(place, id, reference, program, message, process);
        let name = &container.rules.name;
        // A copy, so that nothing else depends on the processes that clients start.
        let ids = self.random.clone().fork();
        let start = exec::starter(exec_context.clone(), ended.clone(), ids);
        self.node.running.add(&self.uid, name, ended.clone(), start);
        self.probing.enter(name, exec_context, ended);
        self.refusals.remove(&container.rules.name);
        for (reason, message) in [CREATED, ("Started", "Container started")] {
            self.record(&container.rules.name, Severity::Normal, reason, message);
        }
        started.changed = true;
        self.run_post_start(place, boot, started).await;
    }

    /// Runs the postStart hook of the container that was just started, within this sync: until it
    /// returns, nothing else of the Pod starts, and no status shows the container running. If it
    /// fails, the container is killed.
    async fn run_post_start(&mut self, place: usize, boot: Duration, started: &mut Started) {
        let hook = self.spec.containers[place].post_start.clone();
        let Some(hook) = hook.and_then(|hook| self.prepare_hook(place, hook)) else {
            return;
        };
        // A node asks its runtime for the Pod's address first. By then a quick program listens.
        let wait = boot + self.chance.time(Work::Hook);
        tokio::time::sleep(wait).await;
        let Err(why) = hook.run().await else { return };
        let name = self.spec.containers[place].rules.name.clone();
        // The error may hold secrets, so the event does not.
        let message = event_text::POST_START_FAILED;
        self.record(&name, Severity::Warning, "FailedPostStartHook", message);
        self.stop(place, None, "FailedPostStartHook").await;
        self.refuse(&name, "PostStartHookError", why);
        started.hook_failed = true;
        started.retry_in(RETRY);
    }

    /// Creates a container whose program cannot be started; it has ended at once. The message
    /// around `why` is the text of containerd and runc.
    async fn fail(&mut self, place: usize, id: ContainerId, why: &str, started: &mut Started) {
        let task = "failed to create containerd task: failed to create shim task";
        let create = "OCI runtime create failed: runc create failed";
        let why = format!("{task}: {create}: unable to start container process: {why}: unknown");
        let rules = self.spec.containers[place].rules.clone();
        self.chance.spend(Work::Start).await;
        self.runtime.fail(place, id, &rules.image, why.clone());
        self.record(&rules.name, Severity::Normal, CREATED.0, CREATED.1);
        self.record_refusal(&rules.name, "RunContainerError", &why);
        started.changed = true;
        started.retry_in(RETRY);
    }

    fn back_off(&mut self, container: &str, refused: Refused) {
        let pod = self.full_name();
        let wait = go_duration(refused.wait);
        let message = format!("Back-off restarting failed container {container} in pod {pod}");
        self.record(container, Severity::Warning, "BackOff", &message);
        let why = format!("back-off {wait} restarting failed container={container} pod={pod}");
        self.refuse(container, "CrashLoopBackOff", why);
    }

    fn pull(&mut self, place: usize, container: &Container) -> Option<Image> {
        let now = self.node.clock.now();
        let (found, events) = self.attempts[place].pull.find(
            &self.node.images,
            &container.rules.image,
            container.pull,
            now,
        );
        for (severity, reason, message) in events {
            self.record(&container.rules.name, severity, reason, &message);
        }
        match found {
            Ok(image) => Some(image),
            Err(refusal) => {
                self.refusals.insert(container.rules.name.clone(), refusal);
                None
            }
        }
    }

    /// The main process's command and program, and the context in which processes of the container
    /// run.
    fn prepare(&mut self, container: &Container, image: Image) -> Result<Prepared, Unprepared> {
        let mut files = self.files(container, &image);
        let configuration = Unprepared::Configuration;
        let ip = self.ip.ok_or("no address is left for the Pod".to_owned());
        let ip = ip.map_err(configuration)?;
        let sources = Sources {
            pod: &self.update.pod,
            ip,
            registry: &self.node.registry,
        };
        let mut environment = sources.environment(container).map_err(configuration)?;
        let expanded = |words: &[String]| -> Vec<String> {
            let words = words.iter();
            words.map(|word| expand(word, &environment)).collect()
        };
        let [command, arguments] =
            [&container.command, &container.arguments].map(|it| expanded(it));
        let command = image.command(&command, &arguments);
        files.mount("/proc", &proc(&command), "", true);
        for (name, value) in [
            ("HOSTNAME", sources.hostname()),
            ("PATH", DEFAULT_PATH.to_owned()),
        ] {
            environment.entry(name.to_owned()).or_insert(value);
        }
        let context = ExecContext {
            image,
            environment,
            network: Host::new(self.node.network.clone(), ip),
            files,
            background: Background::default(),
        };
        let program = context.look_up(&command).map_err(Unprepared::Program)?;
        Ok(Prepared {
            command,
            program,
            context,
        })
    }
}

/// What the kernel shows of processes, as far as programs here read it: the main process's command.
fn proc(command: &[String]) -> Directory {
    let proc = Directory::default();
    let words: Vec<String> = command.iter().map(|word| format!("{word}\0")).collect();
    proc.put("/1/cmdline", words.concat().as_bytes());
    proc
}

/// A program that does nothing for a moment after its start, not even listen. So the first attempt
/// of a probe may come too early.
fn booting(program: Arc<dyn Program>, boot: Duration) -> Arc<dyn Program> {
    if boot.is_zero() {
        return program;
    }
    Arc::new(move |process: Process| {
        let program = Arc::clone(&program);
        let run = async move {
            tokio::time::sleep(boot).await;
            program.run(process).await
        };
        run.boxed()
    })
}
