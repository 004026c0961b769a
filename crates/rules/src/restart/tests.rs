//! Plans for Pods with one container, with several, and with init containers.

use super::*;
use crate::Moment;
use crate::container::{Cause, ContainerId, Life};
use crate::container::{ContainerSpec, Exit, ExitCodes, RestartPolicy, RestartRule, Restarted};
use crate::probe::{ProbeKind, Verdict};

fn spec(image: &str) -> ContainerSpec {
    ContainerSpec {
        name: "a".to_owned(),
        role: Role::Main,
        image: image.to_owned(),
        restart: RestartRules::default(),
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
        cause: Cause::Process,
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

/// The container with this policy of its own or of its Pod.
fn under(policy: RestartPolicy, spec: ContainerSpec) -> ContainerSpec {
    let restart = match spec.role {
        Role::Sidecar => RestartPolicy::Always,
        Role::Init | Role::Main => policy,
    };
    ContainerSpec {
        restart: restart.into(),
        ..spec
    }
}

/// The plan for one container of image `one` in this state.
fn check(policy: RestartPolicy, instance: Option<&Instance>, liveness: Verdict, plan: &SyncPlan) {
    let spec = under(policy, spec("one"));
    let found = Found {
        spec: &spec,
        instance,
        liveness: Some(liveness),
        startup: None,
    };
    assert_eq!(&super::plan(&[found]), plan);
}

const OK: Verdict = Verdict::Success;
const BAD: Verdict = Verdict::Failure;

#[test]
fn a_container_is_started_once_and_again_as_its_policy_says() {
    let start = || SyncPlan::Containers {
        kill: vec![],
        start: vec![0],
    };
    check(RestartPolicy::Never, None, OK, &start());
    check(RestartPolicy::Always, Some(&exited(0)), OK, &start());
    check(RestartPolicy::OnFailure, Some(&exited(1)), OK, &start());
    check(
        RestartPolicy::OnFailure,
        Some(&exited(0)),
        OK,
        &SyncPlan::Pod,
    );
    check(RestartPolicy::Never, Some(&exited(1)), OK, &SyncPlan::Pod);
}

#[test]
fn a_failed_liveness_probe_restarts_whatever_the_exit_code_will_be() {
    let restart = || SyncPlan::Containers {
        kill: kill(KillCause::Probe(ProbeKind::Liveness), true),
        start: vec![0],
    };
    check(RestartPolicy::Always, Some(&running()), BAD, &restart());
    check(RestartPolicy::OnFailure, Some(&running()), BAD, &restart());
    check(RestartPolicy::Never, Some(&running()), BAD, &SyncPlan::Pod);
}

#[test]
fn a_healthy_container_is_kept() {
    let nothing = SyncPlan::Containers {
        kill: vec![],
        start: vec![],
    };
    check(RestartPolicy::Never, Some(&running()), OK, &nothing);
}

#[test]
fn a_changed_image_restarts_even_under_never() {
    let (spec, instance) = (under(RestartPolicy::Never, spec("two")), running());
    let found = Found {
        spec: &spec,
        instance: Some(&instance),
        liveness: Some(BAD),
        startup: None,
    };
    let changed = SyncPlan::Containers {
        kill: kill(KillCause::Changed, true),
        start: vec![0],
    };
    assert_eq!(plan(&[found]), changed);
}

#[test]
fn under_never_a_sibling_keeps_the_pod_alive() {
    let (spec, instance) = (under(RestartPolicy::Never, spec("one")), running());
    let found = |liveness| Found {
        spec: &spec,
        instance: Some(&instance),
        liveness: Some(liveness),
        startup: None,
    };
    let expected = SyncPlan::Containers {
        kill: kill(KillCause::Probe(ProbeKind::Liveness), false),
        start: vec![],
    };
    assert_eq!(plan(&[found(BAD), found(OK)]), expected);
}

#[test]
fn init_containers_come_first_and_one_by_one() {
    let init = ContainerSpec {
        role: Role::Init,
        ..spec("one")
    };
    let main = spec("one");
    let check = |policy, instances: [Option<Instance>; 3], expected| {
        let specs = [&init, &init, &main].map(|spec| under(policy, spec.clone()));
        let found = specs.iter().zip(&instances).map(|(spec, instance)| Found {
            spec,
            instance: instance.as_ref(),
            liveness: None,
            startup: None,
        });
        assert_eq!(plan(&found.collect::<Vec<_>>()), expected);
    };
    let start = |index: Option<usize>| SyncPlan::Containers {
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
        SyncPlan::Pod,
    );
    check(
        RestartPolicy::Never,
        [Some(exited(1)), None, None],
        SyncPlan::Pod,
    );
}

/// A container, its newest instance and its startup verdict, which decides whether a sidecar has
/// started.
type Case = (ContainerSpec, Option<Instance>, Option<Verdict>);

fn check_all(policy: RestartPolicy, cases: &[Case], expected: &SyncPlan) {
    let specs = cases.iter().map(|(spec, _, _)| under(policy, spec.clone()));
    let specs: Vec<_> = specs.collect();
    let found = specs
        .iter()
        .zip(cases)
        .map(|(spec, (_, instance, startup))| Found {
            spec,
            instance: instance.as_ref(),
            liveness: None,
            startup: *startup,
        });
    assert_eq!(&plan(&found.collect::<Vec<_>>()), expected);
}

fn of_role(role: Role) -> ContainerSpec {
    let image = "one".to_owned();
    ContainerSpec {
        role,
        image,
        ..spec("one")
    }
}

fn start(indices: &[usize]) -> SyncPlan {
    SyncPlan::Containers {
        kill: vec![],
        start: indices.to_vec(),
    }
}

fn startup_probe() -> crate::probe::Spec {
    let second = std::time::Duration::from_secs(1);
    crate::probe::Spec {
        kind: ProbeKind::Startup,
        initial_delay: std::time::Duration::ZERO,
        period: second,
        timeout: second,
        success: crate::probe::Threshold::ONE,
        failure: crate::probe::Threshold::ONE,
        grace: None,
    }
}

#[test]
fn a_sidecar_lets_the_next_start_once_it_is_through() {
    let sidecar = || of_role(Role::Sidecar);
    let probed = || ContainerSpec {
        probes: vec![startup_probe()],
        ..sidecar()
    };
    let check = |first: ContainerSpec, instance, startup, expected| {
        let rest = [of_role(Role::Init), of_role(Role::Main)].map(|spec| (spec, None, None));
        let [init, main] = rest;
        let cases = [(first, instance, startup), init, main];
        check_all(RestartPolicy::Always, &cases, &expected);
    };
    check(sidecar(), None, None, start(&[0]));
    check(sidecar(), Some(running()), None, start(&[1]));
    check(sidecar(), Some(exited(0)), None, start(&[0]));
    check(probed(), Some(running()), None, start(&[]));
    check(
        probed(),
        Some(running()),
        Some(Verdict::Unknown),
        start(&[]),
    );
    check(probed(), Some(running()), Some(OK), start(&[1]));
    let restart = SyncPlan::Containers {
        kill: kill(KillCause::Probe(ProbeKind::Startup), true),
        start: vec![0],
    };
    check(probed(), Some(running()), Some(BAD), restart);
}

#[test]
fn the_last_sidecar_lets_the_others_start_in_the_same_sync() {
    let cases = |sidecar| {
        [
            (of_role(Role::Sidecar), sidecar, None),
            (of_role(Role::Main), None, None),
        ]
    };
    let check = |sidecar, expected| check_all(RestartPolicy::Never, &cases(sidecar), &expected);
    check(Some(running()), start(&[1]));
    check(None, start(&[0]));
}

#[test]
fn sidecars_are_restarted_whatever_the_policy_but_keep_no_pod_alive() {
    let check = |sidecar, main, expected| {
        let cases = [
            (of_role(Role::Init), Some(exited(0)), None),
            (of_role(Role::Sidecar), Some(sidecar), None),
            (of_role(Role::Main), Some(main), None),
        ];
        check_all(RestartPolicy::Never, &cases, &expected);
    };
    check(exited(0), running(), start(&[1]));
    check(running(), exited(0), SyncPlan::Pod);
}

#[test]
fn a_sidecar_that_ended_with_the_main_container_starts_before_it() {
    let check = |sidecar, startup, expected| {
        let probed = ContainerSpec {
            probes: vec![startup_probe()],
            ..of_role(Role::Sidecar)
        };
        let cases = [
            (probed, Some(sidecar), startup),
            (of_role(Role::Main), Some(exited(1)), None),
        ];
        check_all(RestartPolicy::Always, &cases, &start(expected));
    };
    check(exited(1), None, &[0]);
    check(running(), None, &[]);
    check(running(), Some(OK), &[1]);
}

#[test]
fn a_sidecar_of_another_image_is_replaced() {
    let changed = ContainerSpec {
        role: Role::Sidecar,
        ..spec("two")
    };
    let cases = [
        (changed, Some(running()), None),
        (of_role(Role::Main), Some(running()), None),
    ];
    let expected = SyncPlan::Containers {
        kill: kill(KillCause::Changed, true),
        start: vec![0],
    };
    check_all(RestartPolicy::Always, &cases, &expected);
}

#[test]
fn containers_of_one_pod_have_policies_and_rules_of_their_own() {
    let check = |instances: [Instance; 2], expected| {
        let first = under(RestartPolicy::Never, spec("one"));
        let second = ContainerSpec {
            restart: RestartRules {
                policy: RestartPolicy::Never,
                rules: vec![rule(Restarted::Container)],
            },
            ..spec("one")
        };
        let found = [&first, &second].into_iter().zip(&instances);
        let found = found.map(|(spec, instance)| Found {
            spec,
            instance: Some(instance),
            liveness: Some(BAD),
            startup: None,
        });
        assert_eq!(plan(&found.collect::<Vec<_>>()), expected);
    };
    check([exited(42), exited(42)], start(&[1]));
    check([exited(0), exited(1)], SyncPlan::Pod);
    // A rule says nothing about a kill.
    check([exited(0), running()], SyncPlan::Pod);
}

#[test]
fn an_init_container_that_a_rule_restarts_has_not_failed_for_good() {
    let check = |code, expected| {
        let init = ContainerSpec {
            restart: RestartRules {
                policy: RestartPolicy::Never,
                rules: vec![rule(Restarted::Container)],
            },
            ..of_role(Role::Init)
        };
        let instance = exited(code);
        let found = |spec, instance| Found {
            spec,
            instance,
            liveness: None,
            startup: None,
        };
        let main = of_role(Role::Main);
        let found = [found(&init, Some(&instance)), found(&main, None)];
        assert_eq!(plan(&found), expected);
    };
    check(42, start(&[0]));
    check(1, SyncPlan::Pod);
    check(0, start(&[1]));
}

fn rule(restarts: Restarted) -> RestartRule {
    RestartRule {
        exit_codes: ExitCodes::In(vec![42]),
        restarts,
    }
}

#[test]
fn the_cause_of_a_removal_is_removed_last_and_init_containers_after_main_ones() {
    let ruled = |role| ContainerSpec {
        restart: RestartRules {
            policy: RestartPolicy::Never,
            rules: vec![rule(Restarted::AllContainers)],
        },
        ..of_role(role)
    };
    let cases = [
        (ruled(Role::Init), Some(exited(42))),
        (ruled(Role::Init), Some(exited(0))),
        (of_role(Role::Sidecar), Some(running())),
        (ruled(Role::Main), Some(exited(42))),
        (of_role(Role::Main), None),
        (of_role(Role::Main), Some(exited(42))),
        (ruled(Role::Main), Some(running())),
    ];
    let found = cases.iter().map(|(spec, instance)| Found {
        spec,
        instance: instance.as_ref(),
        liveness: None,
        startup: None,
    });
    let found: Vec<_> = found.collect();
    assert_eq!(removal(&found), SyncPlan::Remove(vec![5, 6, 1, 2, 3, 0]));
}
