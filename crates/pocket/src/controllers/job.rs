//! The Job controller: creates Pods until enough of them succeed or too many fail.
//!
//! [`rules::job`] decides. A Pod has a finalizer until the Job's status counts it, so that a
//! deleted Pod is counted too. A finished Job is deleted after its `ttlSecondsAfterFinished`.
//!
//! Rule: `pkg/controller/job/job_controller.go`.

mod completion_index;
mod convert;
mod indexed;
mod policy;
mod status;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use rules::Moment;
use rules::job::failures::Failures;
use rules::job::indexes::Indexes;
use rules::job::{BATCH_PERIOD, Finish, Pods, Step, delayed, step};

use super::event_recorder::EventRecorder;
use super::informer::{Informer, Key, key};
use super::owner;
use super::pod_control;
use super::pod_view;
use super::queue::Queue;
use super::reconcile::{Reconcile, drive, ignore_refusal};
use crate::clock::{Clock, seconds};
use crate::kinds::{Kind, name, namespace, uid};
use crate::registry::{Change, Deletion, Propagation, Registry};
use indexed::Indexed;
use status::{Ended, StatusUpdate};

/// Wait after a Pod was refused. Upstream doubles it from this up to a minute.
const RETRY: Duration = Duration::from_secs(1);

struct Controller {
    registry: Registry,
    events: EventRecorder,
    jobs: Informer<Job>,
    pods: Informer<Pod>,
    queue: Queue,
    /// Of each unfinished Job, by its UID: the back-off of its Pods.
    failures: BTreeMap<String, Failures>,
}

pub(super) async fn run(registry: Registry, events: EventRecorder) {
    let controller = Controller {
        jobs: Informer::new(&registry),
        pods: Informer::new(&registry),
        registry,
        events,
        queue: Queue::default(),
        failures: BTreeMap::new(),
    };
    drive(controller).await;
}

impl Reconcile for Controller {
    fn next(&mut self) -> Option<Key> {
        self.queue.pop(self.registry.clock().now())
    }

    fn catch_up(&mut self) {
        let now = self.registry.clock().now();
        let (queue, failures) = (&mut self.queue, &mut self.failures);
        self.jobs.compare(|before, change| {
            let job = change.object();
            if matches!(change, Change::Deleted(_)) || status::is_finished(job) {
                failures.remove(uid(job));
                return queue.add(key(job));
            }
            // Only a change of the specification is urgent.
            let generation = job.metadata.generation;
            let is_same = before.is_some_and(|before| before.metadata.generation == generation);
            queue.add_within(key(job), now, batched(is_same));
        });
        let jobs = &self.jobs;
        self.pods.catch_up(|pod| match owner::key_of::<Job>(pod) {
            Some(owner) => {
                let job = jobs.get(&owner);
                let is_awaited = job.is_some_and(|job| !status::is_finished(job));
                queue.add_within(owner, now, batched(is_awaited));
            }
            // No Job has this name: its sync only removes finalizers.
            None if convert::is_tracked(pod) => {
                queue.add((namespace(pod).to_owned(), String::new()));
            }
            None => {}
        });
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.jobs.changed() => {}
            () = self.pods.changed() => {}
            () = self.queue.due(self.registry.clock()) => {}
        }
    }

    fn sync(&mut self, key: &Key) {
        let Some(job) = self.jobs.get(key).cloned() else {
            return self.untrack_orphans(&key.0);
        };
        if convert::is_managed_elsewhere(&job) {
            return;
        }
        if status::is_finished(&job) {
            self.untrack_orphans(&key.0);
            return self.expire(&job);
        }
        self.act(&job);
    }
}

/// How long a sync waits for further changes.
fn batched(is_batched: bool) -> Duration {
    if is_batched {
        BATCH_PERIOD
    } else {
        Duration::ZERO
    }
}

/// What new Pods depend on.
struct JobPods<'a> {
    pods: &'a [Pod],
    indexed: Option<&'a Indexed<'a>>,
    failures: Failures,
}

impl JobPods<'_> {
    /// The Pods to create, `missing` of them unless indexes wait for their back-off; or the end of
    /// the first of these waits.
    fn new_pods(
        &self,
        job: &Job,
        active: &[&Pod],
        missing: u32,
        clock: &Clock,
    ) -> Result<Vec<Pod>, Moment> {
        let Some(indexed) = self.indexed else {
            return Ok((0..missing).map(|_| convert::pod(job)).collect());
        };
        let next = indexed.next(job, self.pods, active, missing, clock)?;
        let pods = next.into_iter().map(|index| indexed.pod(job, index));
        Ok(pods.collect())
    }
}

impl Controller {
    fn act(&mut self, job: &Job) {
        let clock = self.registry.clock().clone();
        let pods = self.pods(job);
        let ended = Ended::of(job, &pods);
        let failures = self.failures.entry(uid(job).to_owned()).or_default();
        let finished_at = |pod: &&Pod| convert::finished_at(pod, &clock);
        let succeeded: Vec<Moment> = ended.succeeded.iter().map(finished_at).collect();
        let failed = ended.failed.iter().chain(&ended.ignored);
        let failed: Vec<Moment> = failed.map(finished_at).collect();
        failures.add(&succeeded, &failed);
        let failures = *failures;
        let mut active = convert::active(&pods);
        let mut numbers = convert::count(&pods, &active);
        numbers.succeeded = status::succeeded(job) + convert::number(&ended.succeeded);
        numbers.failed = status::failed(job) + convert::number(&ended.failed);
        numbers.fatal = policy::fatal(job, &pods);
        let indexed = Indexed::of(job, &pods, &active, &clock);
        if let Some(indexed) = &indexed {
            numbers.succeeded = indexed.succeeded.total();
            numbers.failed_indexes = indexed.failed.as_ref().map_or(0, Indexes::total);
            numbers.success_rule = policy::success(job, &indexed.succeeded);
            numbers.misplaced = convert::misplaced(job, &active, &clock);
        }
        let all = JobPods {
            pods: &pods,
            indexed: indexed.as_ref(),
            failures,
        };
        let finish = self.manage(job, &all, &mut numbers, &mut active);
        let ready = active.iter().filter(|pod| pod_view::is_ready(pod)).count();
        let update = StatusUpdate {
            indexed: indexed.as_ref(),
            numbers,
            ready,
            finish,
            now: clock.time(),
        };
        self.publish(job, &pods, &update);
    }

    /// Takes the steps that are due. `numbers` and `active` are afterwards those of the Pods that
    /// are left. Returns how the Job ends, if it does.
    fn manage(
        &mut self,
        job: &Job,
        all: &JobPods<'_>,
        numbers: &mut Pods,
        active: &mut Vec<&Pod>,
    ) -> Option<Finish> {
        let now = self.registry.clock().now();
        let rules = convert::rules(job, status::finishing(job), self.registry.clock());
        loop {
            match step(&rules, numbers, &all.failures, now) {
                Step::Delete(number) => {
                    numbers.misplaced = 0;
                    let clock = self.registry.clock();
                    for pod in convert::split_surplus(job, active, number, clock) {
                        // It does not count as a failure.
                        self.untrack(pod);
                        self.delete(job, pod, numbers);
                    }
                    continue;
                }
                Step::Create(missing) => {
                    match all.new_pods(job, active, missing, self.registry.clock()) {
                        Ok(pods) => numbers.active += self.create(job, &pods),
                        Err(due) => self.wait_until(job, delayed(due, now)),
                    }
                }
                Step::WaitUntil(due) => self.wait_until(job, due),
                Step::Wait => {}
                Step::Finish(finish) => {
                    for pod in active.drain(..) {
                        self.delete(job, pod, numbers);
                    }
                    return Some(finish);
                }
            }
            if let Some(deadline) = rules.deadline_at() {
                self.queue.add_within(key(job), now, deadline - now);
            }
            return None;
        }
    }

    fn wait_until(&mut self, job: &Job, due: Moment) {
        let now = self.registry.clock().now();
        self.queue.add_within(key(job), now, due - now);
    }

    /// The Job's Pods, among them those that have ended.
    fn pods(&self, job: &Job) -> Vec<Pod> {
        let selector = job.spec.iter().find_map(|spec| spec.selector.as_ref());
        let Some(selector) = selector else {
            return Vec::new();
        };
        let pods = self.pods.within(namespace(job));
        owner::claimed(job, selector, pods).cloned().collect()
    }

    /// Returns the number of Pods that were created.
    fn create(&mut self, job: &Job, pods: &[Pod]) -> u32 {
        for (created, pod) in pods.iter().enumerate() {
            let refused = pod_control::create(&self.registry, &mut self.events, job, pod).err();
            if let Some(refusal) = refused {
                // With the namespace all of its objects will be deleted.
                if !refusal.is_namespace_terminating() {
                    let message = format!("Error creating: {refusal}");
                    self.events.warn(job, "FailedCreate", &message);
                    let now = self.registry.clock().now();
                    self.queue.add_within(key(job), now, RETRY);
                }
                return convert::number(&pods[..created]);
            }
        }
        convert::number(pods)
    }

    fn delete(&mut self, job: &Job, pod: &Pod, numbers: &mut Pods) {
        pod_control::delete(&self.registry, &mut self.events, job, name(pod));
        numbers.active -= 1;
        numbers.terminating += 1;
    }

    /// Publishes the ended Pods before their finalizers are removed, and counts them afterwards: a
    /// controller that stops in between counts none twice.
    ///
    /// Rule: `trackJobStatusAndRemoveFinalizers`.
    fn publish(&mut self, job: &Job, pods: &[Pod], update: &StatusUpdate<'_>) {
        let mut status = job.status.clone().unwrap_or_default();
        let resumption = status::suspend_or_resume(job, update, &mut status);
        if let Some((reason, message)) = resumption {
            self.events.record(job, reason, message);
        }
        let uncounted = Ended::uncounted(job, pods, update);
        status::begin(&uncounted, update, &mut status);
        let publish = |status: &_| {
            let change = |job: &mut Job| job.status = Some(Clone::clone(status));
            self.registry
                .edit_status(namespace(job), name(job), change)
                .map(drop)
        };
        if let Err(error) = publish(&status) {
            return ignore_refusal::<()>(Err(error));
        }
        let is_over = update.finish.is_some() || job.metadata.deletion_timestamp.is_some();
        let tracked = pods.iter().filter(|pod| convert::is_tracked(pod));
        for pod in tracked.filter(|pod| is_over || uncounted.contains(pod)) {
            self.untrack(pod);
        }
        let finished = status::end(&uncounted, update, &mut status);
        ignore_refusal(publish(&status));
        match finished {
            Some(finish) if !finish.is_failure() => {
                self.events.record(job, "Completed", "Job completed");
            }
            Some(failure) => {
                let condition = status::condition(&status, failure.conditions()[1]);
                let reason = condition.and_then(|it| it.reason.as_deref());
                let message = condition.and_then(|it| it.message.as_deref());
                let (reason, message) = (reason.unwrap_or_default(), message.unwrap_or_default());
                self.events.warn(job, reason, message);
            }
            None => {}
        }
    }

    /// Removes the finalizers of Pods in a namespace whose Job is gone or finished.
    ///
    /// Rule: `handleSingleOrphanPod`.
    fn untrack_orphans(&self, namespace: &str) {
        let pods = self.pods.within(namespace);
        for pod in pods.filter(|pod| convert::is_tracked(pod)) {
            let job = owner::key_of::<Job>(pod).and_then(|owner| self.jobs.get(&owner));
            let is_awaited =
                job.is_some_and(|job| owner::controls(job, pod) && !status::is_finished(job));
            if !is_awaited {
                self.untrack(pod);
            }
        }
    }

    fn untrack(&self, pod: &Pod) {
        let change = |pod: &mut Pod| convert::untrack(pod);
        ignore_refusal(self.registry.edit(namespace(pod), name(pod), change));
    }

    /// Deletes a finished Job whose time is over.
    ///
    /// Rule: `pkg/controller/ttlafterfinished/ttlafterfinished_controller.go`, `processJob`.
    fn expire(&mut self, job: &Job) {
        let spec = job.spec.as_ref();
        let ttl = spec.and_then(|spec| spec.ttl_seconds_after_finished);
        let finished = status::finished_at(job, self.registry.clock());
        let (Some(ttl), Some(finished), None) = (ttl, finished, &job.metadata.deletion_timestamp)
        else {
            return;
        };
        let (now, due) = (self.registry.clock().now(), finished + seconds(ttl));
        if now < due {
            return self.queue.add_at(key(job), Some(due));
        }
        let deletion = Deletion {
            uid: Some(uid(job).to_owned()),
            propagation: Some(Propagation::Foreground),
            ..Deletion::default()
        };
        let kind = Kind::of::<Job>();
        ignore_refusal(
            self.registry
                .delete_value(kind, namespace(job), name(job), &deletion),
        );
    }
}
