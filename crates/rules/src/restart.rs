//! What one sync of a Pod does to its containers: which it ends, which it starts, or the whole Pod.
//!
//! Readiness is not consulted: it never restarts anything. Nor is the back-off, which is asked when
//! a start comes up.

use crate::container::{ContainerSpec, Exit, Instance, RestartPolicy, Role};
use crate::probe::{Kind, Verdict};

/// A container as a sync finds it.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// What it is told.
    pub spec: &'a ContainerSpec,
    /// Its newest instance.
    pub instance: Option<&'a Instance>,
    /// What its liveness probe has come to.
    pub liveness: Option<Verdict>,
    /// What its startup probe has come to.
    pub startup: Option<Verdict>,
}

/// What to do; containers are named by their place in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// End these one after the other, then start those.
    Containers {
        /// Whom to end.
        kill: Vec<Kill>,
        /// Whom to start, if the back-off lets them.
        start: Vec<usize>,
    },
    /// Nothing would be left running: end the Pod.
    Pod,
}

/// The end of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Its place.
    pub index: usize,
    /// Why.
    pub cause: KillCause,
    /// Another instance follows in the same sync, whatever this one's exit code.
    pub restart: bool,
}

/// Why a running container is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillCause {
    /// Its image has been changed.
    Changed,
    /// A liveness or startup probe has failed.
    Probe(Kind),
}

/// Decides for all containers of a Pod that is to run.
///
/// Rule: `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, `computePodActions`.
pub fn plan(policy: RestartPolicy, containers: &[Found<'_>]) -> Plan {
    initialize(policy, containers).unwrap_or_else(|| run(policy, containers))
}

/// The plan while init containers are to run, one after the other. They never run again once another
/// container has been started.
///
/// Rule: as above, `computeInitContainerActions`.
fn initialize(policy: RestartPolicy, containers: &[Found<'_>]) -> Option<Plan> {
    let main = |found: &Found<'_>| found.spec.role == Role::Main;
    if containers
        .iter()
        .any(|found| main(found) && found.instance.is_some())
    {
        return None;
    }
    let mut init = containers
        .iter()
        .enumerate()
        .filter(|(_, found)| !main(found));
    let (index, next) = init.find(|(_, found)| !has_succeeded(found.instance))?;
    let start = match next.instance {
        Some(instance) if instance.is_running() => Vec::new(),
        Some(_) if policy == RestartPolicy::Never => return Some(Plan::Pod),
        _ => vec![index],
    };
    let kill = Vec::new();
    Some(Plan::Containers { kill, start })
}

fn has_succeeded(newest: Option<&Instance>) -> bool {
    let exit = newest.and_then(Instance::exit);
    exit.is_some_and(|exit| exit.code == 0)
}

fn run(policy: RestartPolicy, containers: &[Found<'_>]) -> Plan {
    let (mut kill, mut start, mut kept) = (Vec::new(), Vec::new(), 0);
    let all = containers.iter().enumerate();
    for (index, found) in all.filter(|(_, found)| found.spec.role == Role::Main) {
        let Some(running) = found.instance.filter(|instance| instance.is_running()) else {
            start.extend(is_due(policy, found.instance).then_some(index));
            continue;
        };
        let Some(cause) = kill_cause(found, running) else {
            kept += 1;
            continue;
        };
        let restart = cause == KillCause::Changed || policy != RestartPolicy::Never;
        start.extend(restart.then_some(index));
        kill.push(Kill {
            index,
            cause,
            restart,
        });
    }
    if kept == 0 && start.is_empty() {
        return Plan::Pod;
    }
    Plan::Containers { kill, start }
}

/// Whether a container with this newest instance is to be started.
///
/// Rule: `pkg/kubelet/container/helpers.go`, `ShouldContainerBeRestarted`.
pub fn is_due(policy: RestartPolicy, newest: Option<&Instance>) -> bool {
    match newest {
        None => true,
        Some(instance) => instance.exit().is_some_and(|exit| restarts(policy, exit)),
    }
}

/// Whether another instance follows this exit.
pub fn restarts(policy: RestartPolicy, exit: &Exit) -> bool {
    match policy {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => exit.code != 0,
        RestartPolicy::Never => false,
    }
}

fn kill_cause(found: &Found<'_>, running: &Instance) -> Option<KillCause> {
    if running.image != found.spec.image {
        Some(KillCause::Changed)
    } else if found.liveness == Some(Verdict::Failure) {
        Some(KillCause::Probe(Kind::Liveness))
    } else if found.startup == Some(Verdict::Failure) {
        Some(KillCause::Probe(Kind::Startup))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;
    use crate::container::{ContainerId, Life};

    fn spec(image: &str) -> ContainerSpec {
        ContainerSpec {
            name: "a".to_owned(),
            role: Role::Main,
            image: image.to_owned(),
            probes: Vec::new(),
        }
    }

    fn instance(life: Life) -> Instance {
        Instance {
            id: ContainerId::new("1"),
            restarts: 0,
            image: "one".to_owned(),
            life,
        }
    }

    fn exited(code: i32) -> Instance {
        instance(Life::Exited(Exit {
            code,
            started: Moment::ZERO,
            finished: Moment::ZERO,
            message: None,
        }))
    }

    fn running() -> Instance {
        instance(Life::Running {
            since: Moment::ZERO,
        })
    }

    fn kill(cause: KillCause, restart: bool) -> Vec<Kill> {
        vec![Kill {
            index: 0,
            cause,
            restart,
        }]
    }

    /// The plan for one container of image `one` in this state.
    fn check(policy: RestartPolicy, instance: Option<&Instance>, liveness: Verdict, plan: &Plan) {
        let spec = spec("one");
        let found = Found {
            spec: &spec,
            instance,
            liveness: Some(liveness),
            startup: None,
        };
        assert_eq!(&super::plan(policy, &[found]), plan);
    }

    const OK: Verdict = Verdict::Success;
    const BAD: Verdict = Verdict::Failure;

    #[test]
    fn a_container_is_started_once_and_again_as_its_policy_says() {
        let start = || Plan::Containers {
            kill: vec![],
            start: vec![0],
        };
        check(RestartPolicy::Never, None, OK, &start());
        check(RestartPolicy::Always, Some(&exited(0)), OK, &start());
        check(RestartPolicy::OnFailure, Some(&exited(1)), OK, &start());
        check(RestartPolicy::OnFailure, Some(&exited(0)), OK, &Plan::Pod);
        check(RestartPolicy::Never, Some(&exited(1)), OK, &Plan::Pod);
    }

    #[test]
    fn a_failed_liveness_probe_restarts_whatever_the_exit_code_will_be() {
        let restart = || Plan::Containers {
            kill: kill(KillCause::Probe(Kind::Liveness), true),
            start: vec![0],
        };
        check(RestartPolicy::Always, Some(&running()), BAD, &restart());
        check(RestartPolicy::OnFailure, Some(&running()), BAD, &restart());
        check(RestartPolicy::Never, Some(&running()), BAD, &Plan::Pod);
    }

    #[test]
    fn a_healthy_container_is_kept() {
        let nothing = Plan::Containers {
            kill: vec![],
            start: vec![],
        };
        check(RestartPolicy::Never, Some(&running()), OK, &nothing);
    }

    #[test]
    fn a_changed_image_restarts_even_under_never() {
        let (spec, instance) = (spec("two"), running());
        let found = Found {
            spec: &spec,
            instance: Some(&instance),
            liveness: Some(BAD),
            startup: None,
        };
        let changed = Plan::Containers {
            kill: kill(KillCause::Changed, true),
            start: vec![0],
        };
        assert_eq!(plan(RestartPolicy::Never, &[found]), changed);
    }

    #[test]
    fn under_never_a_sibling_keeps_the_pod_alive() {
        let (spec, instance) = (spec("one"), running());
        let found = |liveness| Found {
            spec: &spec,
            instance: Some(&instance),
            liveness: Some(liveness),
            startup: None,
        };
        let expected = Plan::Containers {
            kill: kill(KillCause::Probe(Kind::Liveness), false),
            start: vec![],
        };
        assert_eq!(
            plan(RestartPolicy::Never, &[found(BAD), found(OK)]),
            expected
        );
    }

    #[test]
    fn init_containers_come_first_and_one_by_one() {
        let init = ContainerSpec {
            role: Role::Init,
            ..spec("one")
        };
        let main = spec("one");
        let check = |policy, instances: [Option<Instance>; 3], expected| {
            let specs = [&init, &init, &main];
            let found = specs
                .into_iter()
                .zip(&instances)
                .map(|(spec, instance)| Found {
                    spec,
                    instance: instance.as_ref(),
                    liveness: None,
                    startup: None,
                });
            assert_eq!(plan(policy, &found.collect::<Vec<_>>()), expected);
        };
        let start = |index: Option<usize>| Plan::Containers {
            kill: vec![],
            start: index.into_iter().collect(),
        };
        let always = RestartPolicy::Always;
        check(always, [None, None, None], start(Some(0)));
        check(always, [Some(running()), None, None], start(None));
        check(always, [Some(exited(1)), None, None], start(Some(0)));
        check(always, [Some(exited(0)), None, None], start(Some(1)));
        let done = || [Some(exited(0)), Some(exited(0))];
        let [one, other] = done();
        check(always, [one, other, None], start(Some(2)));
        let [one, other] = done();
        check(
            RestartPolicy::Never,
            [one, other, Some(exited(1))],
            Plan::Pod,
        );
        check(
            RestartPolicy::Never,
            [Some(exited(1)), None, None],
            Plan::Pod,
        );
    }
}
