//! A node with one image, `target`: an HTTP server that a test controls.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Namespace, Pod, PodCondition};
use rules::Moment;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::super::*;
use crate::clock::Clock;
use crate::image::{Exit, Image, Process, Program};
use crate::net::{Network, Stream};

/// A registry, a kubelet and the programs it runs, with one Pod: `web` in `n`.
pub(super) struct World {
    registry: Registry,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

/// What the programs do next, and a record of what they did.
struct Script {
    clock: Clock,
    acts: Mutex<Acts>,
    crash: Notify,
}

#[derive(Default)]
struct Acts {
    /// Statuses by `PORT/PATH`; the default is 200.
    answers: BTreeMap<String, u16>,
    /// Routes that never answer.
    hung: BTreeSet<String>,
    requests: BTreeMap<String, Vec<Moment>>,
    crashes: BTreeMap<String, i32>,
    lingers: BTreeMap<String, Duration>,
    /// Bytes of memory taken at the start.
    takes: BTreeMap<String, u64>,
    words: BTreeMap<String, (String, String)>,
    starts: BTreeMap<String, Vec<Moment>>,
    terminations: BTreeMap<String, Vec<Moment>>,
    notes: BTreeMap<String, Vec<String>>,
}

impl World {
    pub(super) fn new() -> Self {
        let clock = Clock::new("2026-01-02T03:04:05Z".parse().unwrap());
        let registry = Registry::new(clock.clone(), fastrand::Rng::with_seed(1));
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some("n".to_owned());
        registry.create(&namespace).unwrap();
        let script = Arc::new(Script {
            clock,
            acts: Mutex::default(),
            crash: Notify::new(),
        });
        let mut images = Images::default();
        let target = Image::new("/target", Target(Arc::clone(&script)));
        images.insert("target", target);
        let random = fastrand::Rng::with_seed(2);
        let network = Network::default();
        let mut tasks = JoinSet::new();
        let kubelet = Kubelet::new(
            registry.clone(),
            network,
            images,
            (Logs::default(), Running::default()),
            random,
            Chance::none(),
        );
        tasks.spawn(kubelet.run());
        let seen = Arc::new(Mutex::new(Vec::new()));
        tasks.spawn(watch(registry.clone(), Arc::clone(&seen)));
        Self {
            registry,
            script,
            seen,
            _tasks: tasks,
        }
    }

    pub(super) fn create(&self, pod: Value) {
        let pod: Pod = serde_json::from_value(pod).unwrap();
        self.registry.create(&pod).unwrap();
    }

    pub(super) fn edit(&self, change: impl FnOnce(&mut Pod)) {
        self.registry.edit("n", "web", change).unwrap();
    }

    /// Sets a condition of the Pod, as another component does.
    pub(super) fn set_condition(&self, kind: &str, status: &str) {
        let condition = PodCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            ..PodCondition::default()
        };
        let change = |pod: &mut Pod| {
            let conditions = pod.status.as_mut().unwrap().conditions.as_mut().unwrap();
            conditions.retain(|found| found.type_ != condition.type_);
            conditions.push(condition);
        };
        self.registry.edit_status("n", "web", change).unwrap();
    }

    pub(super) fn delete(&self, grace: Option<i64>) {
        self.registry.delete::<Pod>("n", "web", grace).unwrap();
    }

    pub(super) fn now(&self) -> Moment {
        self.script.clock.now()
    }

    pub(super) async fn advance(&self, time: Duration) {
        self.script.clock.until(self.now() + time).await;
    }

    /// Waits until a condition holds, checked every millisecond, for an hour at most.
    pub(super) async fn until(&self, condition: impl Fn(&Self) -> bool) -> Moment {
        for _ in 0..3_600_000 {
            if condition(self) {
                return self.now();
            }
            self.advance(Duration::from_millis(1)).await;
        }
        panic!("never so: {:?}", self.seen());
    }

    /// Sets the status of a `PORT/PATH`.
    pub(super) fn answer(&self, route: &str, status: u16) {
        self.script.acts().answers.insert(route.to_owned(), status);
    }

    /// Lets a `PORT/PATH` take every request and never answer.
    pub(super) fn hang(&self, route: &str) {
        self.script.acts().hung.insert(route.to_owned());
    }

    /// Lets the container exit at once with this code, at every start.
    pub(super) fn crash(&self, container: &str, code: i32) {
        self.script
            .acts()
            .crashes
            .insert(container.to_owned(), code);
        self.script.crash.notify_waiters();
    }

    /// Ends [`World::crash`].
    pub(super) fn run(&self, container: &str) {
        self.script.acts().crashes.remove(container);
    }

    /// Sets the memory that the container takes at its next starts.
    pub(super) fn take(&self, container: &str, bytes: u64) {
        let mut acts = self.script.acts();
        acts.takes.insert(container.to_owned(), bytes);
    }

    /// Sets the termination message and the log of the container's next starts.
    pub(super) fn say(&self, container: &str, message: &str, log: &str) {
        let words = (message.to_owned(), log.to_owned());
        self.script.acts().words.insert(container.to_owned(), words);
    }

    /// Sets how long the container runs on after SIGTERM.
    pub(super) fn linger(&self, container: &str, time: Duration) {
        self.script
            .acts()
            .lingers
            .insert(container.to_owned(), time);
    }

    pub(super) fn requests(&self, route: &str) -> Vec<Moment> {
        self.script
            .acts()
            .requests
            .get(route)
            .cloned()
            .unwrap_or_default()
    }

    pub(super) fn starts(&self, container: &str) -> Vec<Moment> {
        self.script
            .acts()
            .starts
            .get(container)
            .cloned()
            .unwrap_or_default()
    }

    pub(super) fn terminations(&self, container: &str) -> Vec<Moment> {
        self.script
            .acts()
            .terminations
            .get(container)
            .cloned()
            .unwrap_or_default()
    }

    /// The content of the file `NOTE` at each start of the container. Every start appends the
    /// container's name; an error stands for itself.
    pub(super) fn notes(&self, container: &str) -> Vec<String> {
        let acts = self.script.acts();
        acts.notes.get(container).cloned().unwrap_or_default()
    }

    pub(super) fn find(&self) -> Option<Pod> {
        self.registry.get("n", "web")
    }

    pub(super) fn pod(&self) -> Pod {
        self.find().unwrap()
    }

    pub(super) fn ip(&self) -> String {
        self.pod().status.unwrap().pod_ip.unwrap()
    }

    /// The Pod's statuses in order, without repeats.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn status(&self, container: &str) -> ContainerStatus {
        let status = self.pod().status.unwrap();
        let all = [status.init_container_statuses, status.container_statuses];
        let mut all = all.into_iter().flatten().flatten();
        let found = all.find(|status| status.name == container);
        found.unwrap_or_default()
    }

    pub(super) fn restarts(&self) -> Vec<i32> {
        let statuses = self
            .pod()
            .status
            .unwrap()
            .container_statuses
            .unwrap_or_default();
        statuses.iter().map(|status| status.restart_count).collect()
    }

    /// The status of the condition `Ready`.
    pub(super) fn ready(&self) -> String {
        condition(&self.pod(), "Ready").0
    }

    pub(super) fn reason(&self, kind: &str) -> String {
        condition(&self.pod(), kind).1
    }

    pub(super) fn message(&self, kind: &str) -> String {
        condition(&self.pod(), kind).2
    }

    /// The reasons of a container's events, in order.
    pub(super) fn reasons(&self, container: &str) -> Vec<String> {
        self.reasons_of(&format!("spec.containers{{{container}}}"))
    }

    /// The same for a part of the Pod.
    pub(super) fn reasons_of(&self, part: &str) -> Vec<String> {
        let events = self.events(part).into_iter();
        events.map(|event| event.reason.unwrap()).collect()
    }

    /// The message of the last event with this reason.
    pub(super) fn message_of(&self, container: &str, reason: &str) -> String {
        self.message_about(&format!("spec.containers{{{container}}}"), reason)
    }

    /// The same for a part of the Pod.
    pub(super) fn message_about(&self, part: &str, reason: &str) -> String {
        let events = self.events(part).into_iter();
        let mut of_reason = events.filter(|event| event.reason.as_deref() == Some(reason));
        of_reason.next_back().unwrap().message.unwrap()
    }

    fn events(&self, part: &str) -> Vec<Event> {
        let mut events = self.registry.list::<Event>(Some("n"));
        events.retain(|event| event.involved_object.field_path.as_deref() == Some(part));
        let version = |event: &Event| -> u64 {
            event
                .metadata
                .resource_version
                .as_ref()
                .unwrap()
                .parse()
                .unwrap()
        };
        events.sort_by_key(version);
        events
    }
}

/// The program of the image `target`.
struct Target(Arc<Script>);

impl Program for Target {
    /// The command `ROUTE` of an exec exits with 0 if that route would answer with 200. It prints
    /// the status.
    fn run(&self, process: Process) -> BoxFuture<'static, Exit> {
        let script = Arc::clone(&self.0);
        if process.is_main {
            return script.play(process).boxed();
        }
        let run = async move {
            let status = script.request(process.command[1..].concat()).await;
            process.stdout.put(format!("{status}\n").as_bytes());
            Exit::code(i32::from(status != 200))
        };
        run.boxed()
    }
}

impl Script {
    fn acts(&self) -> MutexGuard<'_, Acts> {
        self.acts.lock().unwrap()
    }

    /// The program: `NAME PORT`.
    async fn play(self: Arc<Self>, process: Process) -> Exit {
        let [_, name, port] = process.command.as_slice() else {
            return Exit::code(2);
        };
        self.acts()
            .starts
            .entry(name.clone())
            .or_default()
            .push(self.clock.now());
        self.note(name, &process);
        self.burden(name, &process);
        let mut listener = process
            .network
            .listen(format!("[::]:{port}").parse().unwrap())
            .unwrap();
        let mut connections = JoinSet::new();
        let mut terminate = process.terminate.fuse();
        loop {
            let crash = self.crash.notified();
            if let Some(code) = self.acts().crashes.get(name) {
                return Exit::code(*code);
            }
            tokio::select! {
                biased;
                () = crash => {}
                () = &mut terminate => break,
                stream = listener.accept() => {
                    let answer = Arc::clone(&self).serve(stream.unwrap(), port.clone());
                    connections.spawn(answer);
                }
            }
        }
        let linger = self.terminated(name);
        tokio::time::sleep(linger).await;
        Exit::code(0)
    }

    fn note(&self, name: &str, process: &Process) {
        let Some(path) = process.environment.get("NOTE") else {
            return;
        };
        let found = process.files.read(path).unwrap_or_default();
        let note = [&found, name.as_bytes()].concat();
        let found = match process.files.write(path, &note) {
            Ok(()) => String::from_utf8(found).unwrap(),
            Err(error) => error.to_string(),
        };
        let mut acts = self.acts();
        acts.notes.entry(name.to_owned()).or_default().push(found);
    }

    fn burden(&self, name: &str, process: &Process) {
        let acts = self.acts();
        if let Some((message, log)) = acts.words.get(name) {
            let file = "/dev/termination-log";
            process.files.write(file, message.as_bytes()).unwrap();
            process.stdout.put(log.as_bytes());
        }
        process
            .memory
            .take(acts.takes.get(name).copied().unwrap_or_default());
    }

    async fn serve(self: Arc<Self>, mut stream: Stream, port: String) {
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await.unwrap_or_default();
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let status = self.request(format!("{port}{path}")).await;
        let answer =
            format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        drop(stream.write_all(answer.as_bytes()).await);
    }

    /// The status of a request to this route, once it is answered.
    async fn request(&self, route: String) -> u16 {
        let (status, hangs) = {
            let mut acts = self.acts();
            let status = acts.answers.get(&route).copied().unwrap_or(200);
            let hangs = acts.hung.contains(&route);
            let requests = acts.requests.entry(route).or_default();
            requests.push(self.clock.now());
            (status, hangs)
        };
        if hangs {
            pending::<()>().await;
        }
        status
    }

    fn terminated(&self, name: &str) -> Duration {
        let mut acts = self.acts();
        acts.terminations
            .entry(name.to_owned())
            .or_default()
            .push(self.clock.now());
        acts.lingers.get(name).copied().unwrap_or_default()
    }
}

/// A Pod `web` in `n`, bound to the node.
pub(super) fn pod(spec: &Value) -> Value {
    let mut pod = json!({"metadata": {"name": "web", "namespace": "n"}, "spec": spec});
    pod["spec"]["nodeName"] = NAME.into();
    pod
}

/// A container of the image `target` at this port, with further fields.
pub(super) fn container(name: &str, port: u16, fields: &Value) -> Value {
    let mut container = json!({
        "name": name, "image": "somewhere/target:1", "args": ["$(NAME)", port.to_string()],
        "env": [{"name": "NAME", "value": name}],
    });
    let own = container.as_object_mut().unwrap();
    own.extend(fields.as_object().unwrap().clone());
    container
}

/// An `httpGet` probe with further fields.
pub(super) fn probe(port: u16, path: &str, fields: &Value) -> Value {
    let mut probe = json!({"httpGet": {"port": port, "path": path}});
    let own = probe.as_object_mut().unwrap();
    own.extend(fields.as_object().unwrap().clone());
    probe
}

/// An `exec` probe of this command, with further fields.
pub(super) fn exec(command: &[&str], fields: &Value) -> Value {
    let mut probe = json!({"exec": {"command": command}});
    let own = probe.as_object_mut().unwrap();
    own.extend(fields.as_object().unwrap().clone());
    probe
}

async fn watch(registry: Registry, seen: Arc<Mutex<Vec<String>>>) {
    let mut changes = registry.watch::<Pod>(None);
    loop {
        let pod = changes.next().await.into_object();
        let line = summary(&pod);
        let mut seen = seen.lock().unwrap();
        if !line.is_empty() && seen.last() != Some(&line) {
            seen.push(line);
        }
    }
}

/// `Running a:running! b:CrashLoopBackOff Ready`: an exclamation mark is a ready container.
fn summary(pod: &Pod) -> String {
    let Some(status) = pod.status.as_ref() else {
        return String::new();
    };
    let Some(containers) = status.container_statuses.as_ref() else {
        return String::new();
    };
    let mut words = vec![status.phase.clone().unwrap_or_default()];
    words.extend(containers.iter().map(|container| {
        let state = container.state.clone().unwrap_or_default();
        let word = match (state.waiting, state.running, state.terminated) {
            (Some(waiting), _, _) => waiting.reason.unwrap_or_default(),
            (_, Some(_), _) => "running".to_owned(),
            (_, _, Some(terminated)) => format!("exit {}", terminated.exit_code),
            _ => String::new(),
        };
        format!(
            "{}:{word}{}",
            container.name,
            if container.ready { "!" } else { "" }
        )
    }));
    if condition(pod, "Ready").0 == "True" {
        words.push("Ready".to_owned());
    }
    words.join(" ")
}

/// Status, reason and message.
fn condition(pod: &Pod, kind: &str) -> (String, String, String) {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| &status.conditions)
        .flatten();
    let mut of_kind = conditions.filter(|condition| condition.type_ == kind);
    let Some(found) = of_kind.next().cloned() else {
        return Default::default();
    };
    (
        found.status,
        found.reason.unwrap_or_default(),
        found.message.unwrap_or_default(),
    )
}
