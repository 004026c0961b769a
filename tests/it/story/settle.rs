//! Removes transient states around a restart from a story: a real node shows them only sometimes.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{LATE, Step, rank};

/// Removes transient states of containers, and the states of Pods and Services that follow from
/// them.
pub(super) fn settle(steps: &[Step]) -> Vec<Step> {
    let optional = passing(steps);
    let blinks = blinks(steps, &optional);
    let mut told: BTreeMap<&str, &str> = BTreeMap::new();
    let mut kept = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let told_before = told.get(step.object.as_str()).copied();
        let left_out = if rank(&step.object) == 0 {
            optional.contains(&number)
        } else {
            let mut blinks = blinks.iter();
            blinks.any(|blink| blink.explains(number, told_before, steps))
        };
        if !left_out {
            told.insert(&step.object, &step.state);
            kept.push(step.clone());
        }
    }
    kept
}

/// Consecutive transient changes of containers. Ranges are of step numbers.
struct Blink {
    /// From the first of them to the container change that ends them.
    during: Range<usize>,
    /// From the container change before them to the one after their end.
    around: Range<usize>,
}

fn blinks(steps: &[Step], optional: &BTreeSet<usize>) -> Vec<Blink> {
    let containers: Vec<usize> = (0..steps.len())
        .filter(|number| rank(&steps[*number].object) == 0)
        .collect();
    let at = |place: usize| containers.get(place).copied().unwrap_or(steps.len());
    let mut place = 0;
    let mut blinks = Vec::new();
    for changes in
        containers.chunk_by(|one, other| optional.contains(one) == optional.contains(other))
    {
        let (first, after) = (place, place + changes.len());
        place = after;
        if optional.contains(&changes[0]) {
            blinks.push(Blink {
                during: at(first)..at(after),
                around: first.checked_sub(1).map_or(0, at)..at(after + 1),
            });
        }
    }
    blinks
}

impl Blink {
    /// Whether a Pod, slice or user has this state only because of the blink: within it, or a
    /// little earlier or later and soon reversed. Each kind is watched separately, so on a busy
    /// machine a slice's event may arrive before the container's, or after its next change.
    fn explains(&self, number: usize, told: Option<&str>, steps: &[Step]) -> bool {
        if self.during.contains(&number) {
            return true;
        }
        let Some(end) = steps.get(self.during.end) else {
            return false;
        };
        let step = &steps[number];
        let time = steps[self.during.start].at - LATE..end.at + MOMENT;
        let taken_back = steps[number..].iter().any(|later| {
            later.object == step.object
                && Some(later.state.as_str()) == told
                && time.contains(&later.at)
        });
        self.around.contains(&number) && time.contains(&step.at) && taken_back
    }
}

/// The unready states around a restart, from the last ready state to the next one. Which of them
/// are observed is chance: the kubelet writes a status between exit and start only if another
/// change triggers it, a readiness probe may or may not fail on the dying process, and the new
/// process is unready until its first probe and may briefly have the old one's status. A
/// container's last state is never transient.
fn passing(steps: &[Step]) -> BTreeSet<usize> {
    let mut containers: BTreeMap<&str, Vec<Known>> = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        if rank(&step.object) == 0 {
            let of = containers.entry(&step.object).or_default();
            of.push(Known {
                number,
                at: step.at,
                ready: !step.state.contains("unready"),
                restarts: step.state.rsplit_once('=').unwrap().1.parse().unwrap(),
            });
        }
    }
    let mut optional = BTreeSet::new();
    for states in containers.values_mut() {
        forget_leftovers(states);
        for unready in states.chunk_by(|one, other| !one.ready && !other.ready) {
            let (first, last) = (unready[0], unready[unready.len() - 1]);
            let before = states
                .iter()
                .rev()
                .find(|state| state.number < first.number);
            let after = states.iter().find(|state| last.number < state.number);
            let before = before.map_or(first.restarts, |state| state.restarts);
            if !first.ready && before < after.map_or(last.restarts, |state| state.restarts) {
                let end = after.is_none().then_some(last.number);
                let numbers = unready.iter().map(|state| state.number);
                optional.extend(numbers.filter(|number| Some(*number) != end));
            }
        }
    }
    optional
}

/// One state of a container, and the number of its step.
#[derive(Debug, Clone, Copy)]
struct Known {
    number: usize,
    at: i64,
    ready: bool,
    restarts: u32,
}

/// How long a new process may have the status of the previous one, in microseconds.
const MOMENT: i64 = 2_000_000;

/// Treats short ready states as left over from the previous process: those at the start of a new
/// process that end within two seconds, and those of less than two seconds before a process ends.
fn forget_leftovers(states: &mut [Known]) {
    for number in 1..states.len().saturating_sub(1) {
        let [before, at, after] = [states[number - 1], states[number], states[number + 1]];
        let short = at.ready && after.at - at.at < MOMENT;
        // It may have been seen unready for a moment before that.
        let earlier = states[..number].iter().rev();
        let own = earlier.take_while(|state| state.restarts == at.restarts);
        let begun = own.clone().last().map_or(at.at, |first| first.at);
        let at_once = states[0].restarts < at.restarts
            && at.at - begun < MOMENT
            && own.clone().all(|state| !state.ready)
            && !after.ready
            && after.restarts == at.restarts;
        let at_last = !before.ready && at.restarts < after.restarts;
        if short && (at_once || at_last) {
            states[number].ready = false;
        }
    }
}

/// Checks which of a container's states, with times in seconds, stay in the story.
#[track_caller]
fn check(states: &[(i64, &str)], told: &[&str]) {
    let step = |(at, state): &(i64, &str)| Step {
        at: at * 1_000_000,
        object: "deploy/web#0/app".to_owned(),
        state: (*state).to_owned(),
    };
    let kept = settle(&states.iter().map(step).collect::<Vec<_>>());
    let kept: Vec<_> = kept.iter().map(|step| step.state.as_str()).collect();
    assert_eq!(kept, told);
}

#[test]
fn what_is_seen_of_a_restart_is_chance() {
    let (first, second) = ("running ready restarts=0", "running ready restarts=1");
    let dying = "running unready restarts=0";
    let coming = "running unready restarts=1";
    check(&[(0, first), (5, second)], &[first, second]);
    check(
        &[
            (0, first),
            (4, "terminated unready restarts=0"),
            (5, coming),
            (5, second),
        ],
        &[first, second],
    );
    check(&[(0, first), (2, dying), (5, second)], &[first, second]);
    check(
        &[(0, first), (2, dying), (5, first)],
        &[first, dying, first],
    );
    check(&[(0, dying), (2, first)], &[dying, first]);
    check(
        &[(0, first), (5, dying), (8, first), (9, second)],
        &[first, second],
    );
}

#[test]
fn what_a_container_ends_in_is_told() {
    let (first, second) = ("running ready restarts=0", "running ready restarts=1");
    let down = "running unready restarts=1";
    check(&[(0, first), (5, down)], &[first, down]);
    check(&[(0, first), (5, second), (6, down)], &[first, down]);
    check(
        &[(0, first), (5, down), (5, second), (6, down)],
        &[first, down],
    );
    check(
        &[(0, first), (5, down), (8, second), (9, down)],
        &[first, second, down],
    );
    check(
        &[(0, first), (5, second), (8, down)],
        &[first, second, down],
    );
}

#[test]
fn a_slice_that_tells_of_a_restart_early_or_late_is_chance_as_well() {
    let step = |at: i64, object: &str, state: &str| Step {
        at: at * 1_000,
        object: object.to_owned(),
        state: state.to_owned(),
    };
    let (container, slice) = ("pod/web#0/a", "svc/web pod/web#0");
    let told = |away, back| {
        let mut steps = vec![
            step(0, container, "running ready restarts=0"),
            step(0, slice, "ready=true"),
            step(5_000, container, "running unready restarts=1"),
            step(6_000, container, "running ready restarts=1"),
            step(away, slice, "ready=false"),
            step(back, slice, "ready=true"),
        ];
        steps.sort_by_key(|step| step.at);
        let mut slices = settle(&steps);
        slices.retain(|step| step.object == slice);
        slices.dedup_by(|one, before| one.state == before.state);
        slices.len()
    };
    assert_eq!(told(5_100, 6_100), 1);
    assert_eq!(told(6_010, 6_100), 1);
    assert_eq!(told(4_900, 6_100), 1);
    assert_eq!(told(6_010, 9_000), 3);
    assert_eq!(told(8_100, 8_200), 3);
    assert_eq!(told(4_000, 6_100), 3);
    assert_eq!(told(4_000, 4_100), 3);
}
