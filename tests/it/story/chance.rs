//! What chance decides in a recording: the table of states that a node may skip or swap.
//!
//! Equal stories differ in nothing else.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{Kind, Step};

/// A second in the unit of [`Step::at`].
const SECOND: i64 = 1_000_000;

/// States that a recording may lack while a container restarts.
///
/// A restart lasts from the end of the old process's last lasting ready state to the first of the
/// new process. It counts as one moment, of which only the last state of each object is compared.
const MAY_SKIP: [MaySkip; 5] = [
    // The kubelet writes a status between exit and start only if another change triggers it. A
    // readiness probe may or may not fail on the dying process.
    MaySkip {
        kind: Kind::Container,
        state: " unready ",
        lasting: i64::MAX,
        around: [0, 0],
    },
    // A new process has the old one's readiness until its first probe, a period of two seconds
    // later, and until that is published; a dying one may be probed once more. Only next to a
    // restart.
    MaySkip {
        kind: Kind::Container,
        state: " ready ",
        lasting: 4 * SECOND,
        around: [0, 0],
    },
    // The Ready condition follows from the containers.
    MaySkip {
        kind: Kind::Pod,
        state: "",
        lasting: i64::MAX,
        around: WATCHES,
    },
    // An endpoint's conditions follow from its Pod. The slice has its own watch.
    MaySkip {
        kind: Kind::Endpoint,
        state: "",
        lasting: i64::MAX,
        around: WATCHES,
    },
    // Requests follow the endpoints, and may fall between two changes.
    MaySkip {
        kind: Kind::User,
        state: "",
        lasting: i64::MAX,
        around: WATCHES,
    },
];

/// How long before and after a restart another object may show it: its watch may be late, and so
/// may the container's.
const WATCHES: [i64; 2] = [SWAPPED_WITHIN, 2 * SECOND];

/// How long after a restart users may be answered again. A proxy writes the rules of Services at
/// most once a second (`iptables.minSyncPeriod` of kube-proxy), and a busy node is seconds late.
const ANSWERED_WITHIN: i64 = 5 * SECOND;

/// Two changes in the same direction along a chain may be recorded in either order within this
/// time: Pods, slices and users are observed separately. It is far less than the time between a
/// change and its reversal, which takes several probes.
const SWAPPED_WITHIN: i64 = SECOND / 2;

/// Outcomes that count as the same. Linux refuses connections to a Service without endpoints at
/// most once a second per client (`net.ipv4.icmp_ratelimit`); requests in between time out. pocket
/// refuses each.
const SAME: [(&str, &str); 2] = [("refused", "cut off"), ("timeout", "cut off")];

/// A kind of state that may be skipped during a restart.
struct MaySkip {
    kind: Kind,
    /// Part of the state's text.
    state: &'static str,
    /// The longest time the state may last, in microseconds.
    lasting: i64,
    /// How long before and after the restart the state may be recorded.
    around: [i64; 2],
}

/// The outcome that represents this one in stories.
pub(super) fn outcome(word: &'static str) -> &'static str {
    let same = SAME.iter().find(|(one, _)| *one == word);
    same.map_or(word, |(_, common)| common)
}

/// Whether `cause` may have caused `effect`, although it was recorded after it.
pub(super) fn may_be_swapped(effect: &Step, cause: &Step) -> bool {
    cause.kind() < effect.kind()
        && cause.at - effect.at <= SWAPPED_WITHIN
        && serves(&cause.state) == serves(&effect.state)
}

fn serves(state: &str) -> bool {
    let signs = [" ready ", "Ready=True", "ready=true", "ok"];
    signs.iter().any(|sign| state.contains(sign))
}

/// Reduces every restart to one moment with the last state of each object.
pub(super) fn without_skippable(mut steps: Vec<Step>) -> Vec<Step> {
    for restart in restarts(&steps) {
        let returns = restart.returns(&steps);
        let (shown, others): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| {
            restart.shows(step) || returns.get(&step.object).is_some_and(|at| *at == step.at)
        });
        let at = *restart.time.start();
        let last: BTreeMap<String, String> = shown
            .into_iter()
            .map(|step| (step.object, step.state))
            .collect();
        let last = last.into_iter();
        steps = others;
        steps.extend(last.map(|(object, state)| Step { at, object, state }));
        steps.sort_by_key(|step| (step.at, step.kind()));
    }
    steps
}

/// The time in which a container is restarted.
struct Restart {
    container: String,
    time: RangeInclusive<i64>,
}

impl Restart {
    /// Whether this state may belong to the restart.
    fn shows(&self, step: &Step) -> bool {
        let (pod, _) = self.container.rsplit_once('/').unwrap();
        let concerned = match step.kind() {
            Kind::Container => step.object == self.container,
            Kind::Pod | Kind::Endpoint => step.object.ends_with(pod),
            Kind::User => true,
        };
        let row = MAY_SKIP.iter().find(|row| row.kind == step.kind());
        let [before, after] = row.unwrap().around;
        let time = self.time.start() - before..=self.time.end() + after;
        concerned && time.contains(&step.at)
    }

    /// When users are answered as before whom the restart cut off.
    fn returns(&self, steps: &[Step]) -> BTreeMap<String, i64> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut cut_off: BTreeMap<&str, bool> = BTreeMap::new();
        let mut returns = BTreeMap::new();
        for step in steps.iter().filter(|step| step.kind() == Kind::User) {
            let object = &*step.object;
            if self.shows(step) {
                let differs = before
                    .get(object)
                    .is_some_and(|before| *before != step.state);
                cut_off.insert(object, differs);
            } else if step.at < *self.time.start() {
                before.insert(object, &step.state);
            } else if cut_off.remove(object) == Some(true)
                && before[object] == step.state
                && step.at <= self.time.end() + ANSWERED_WITHIN
            {
                returns.insert(step.object.clone(), step.at);
            }
        }
        returns
    }
}

fn restarts(steps: &[Step]) -> Vec<Restart> {
    let mut containers: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in steps.iter().filter(|step| step.kind() == Kind::Container) {
        containers.entry(&step.object).or_default().push(step);
    }
    let restarts = containers.into_iter().flat_map(|(container, states)| {
        times(&states).into_iter().map(|time| Restart {
            container: container.to_owned(),
            time,
        })
    });
    restarts.collect()
}

/// The restarts of one container: each from the first of consecutive skippable states to the state
/// after them, if its restart count is higher than before them. Without a state in between, it is
/// the moment of the new process's first state.
fn times(states: &[&Step]) -> Vec<RangeInclusive<i64>> {
    let skippable: Vec<bool> = (0..states.len())
        .map(|number| may_be_skipped(states, number))
        .collect();
    let mut times = Vec::new();
    let mut first = 0;
    for alike in skippable.chunk_by(|one, other| one == other) {
        let after = first + alike.len();
        let before = states[first.saturating_sub(1)];
        let end = states[after.min(states.len() - 1)];
        if !alike[0] {
            let pairs = states[first..after].windows(2);
            let direct = pairs.filter(|pair| restart_count(pair[0]) < restart_count(pair[1]));
            times.extend(direct.map(|pair| pair[1].at..=pair[1].at));
        } else if restart_count(before) < restart_count(end) {
            times.push(states[first].at..=end.at);
        }
        first = after;
    }
    times
}

fn may_be_skipped(states: &[&Step], number: usize) -> bool {
    let state = states[number];
    let next = states.get(number + 1);
    let lasts = next.map_or(i64::MAX, |next| next.at - state.at);
    let process = restart_count(state);
    let own = states[..number].iter().rev();
    let own = own.take_while(|state| restart_count(state) == process);
    let started = own.last().map_or(state.at, |first| first.at);
    MAY_SKIP.iter().any(|row| {
        let starts = restart_count(states[0]) < process && state.at - started < row.lasting;
        let ends = number > 0 && next.is_some_and(|next| process < restart_count(next));
        row.kind == Kind::Container
            && state.state.contains(row.state)
            && lasts <= row.lasting
            && (row.lasting == i64::MAX || starts || ends)
    })
}

fn restart_count(container: &Step) -> u32 {
    let (_, count) = container.state.rsplit_once('=').unwrap();
    count.parse().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at: i64, object: &str, state: &str) -> Step {
        Step {
            at,
            object: object.to_owned(),
            state: state.to_owned(),
        }
    }

    /// The states of one object that stay in the story.
    fn states(steps: Vec<Step>, object: &str) -> Vec<String> {
        let mut steps = without_skippable(steps);
        steps.retain(|step| step.object == object);
        let mut states: Vec<_> = steps.into_iter().map(|step| step.state).collect();
        states.dedup();
        states
    }

    /// Checks which states of a container, with times in seconds, stay in the story.
    #[track_caller]
    fn check(recorded: &[(i64, &str)], expected: &[&str]) {
        let container = "deploy/web#0/app";
        let steps = recorded
            .iter()
            .map(|(at, state)| step(at * SECOND, container, state));
        assert_eq!(states(steps.collect(), container), expected);
    }

    const FIRST: &str = "running ready restarts=0";
    const SECOND_PROCESS: &str = "running ready restarts=1";
    const DYING: &str = "running unready restarts=0";
    const STARTING: &str = "running unready restarts=1";

    #[test]
    fn states_during_a_restart_are_skipped() {
        let restarted = [FIRST, SECOND_PROCESS];
        check(&[(0, FIRST), (5, SECOND_PROCESS)], &restarted);
        let exited = "terminated unready restarts=0";
        check(
            &[(0, FIRST), (4, exited), (5, STARTING), (5, SECOND_PROCESS)],
            &restarted,
        );
        check(&[(0, FIRST), (2, DYING), (5, SECOND_PROCESS)], &restarted);
        check(
            &[(0, FIRST), (5, DYING), (8, FIRST), (9, SECOND_PROCESS)],
            &restarted,
        );
    }

    #[test]
    fn states_without_a_restart_stay() {
        check(
            &[(0, FIRST), (2, DYING), (5, FIRST)],
            &[FIRST, DYING, FIRST],
        );
        check(&[(0, DYING), (2, FIRST)], &[DYING, FIRST]);
    }

    #[test]
    fn the_last_state_stays() {
        let down = STARTING;
        check(&[(0, FIRST), (5, down)], &[FIRST, down]);
        check(
            &[(0, FIRST), (5, SECOND_PROCESS), (6, down)],
            &[FIRST, down],
        );
        check(
            &[(0, FIRST), (5, down), (5, SECOND_PROCESS), (6, down)],
            &[FIRST, down],
        );
        let lasting = [FIRST, SECOND_PROCESS, down];
        check(
            &[(0, FIRST), (5, down), (10, SECOND_PROCESS), (11, down)],
            &lasting,
        );
        check(&[(0, FIRST), (5, SECOND_PROCESS), (10, down)], &lasting);
    }

    #[test]
    fn a_restart_may_be_recorded_without_a_state_in_between() {
        let (container, user) = ("pod/web#0/a", "user web");
        let changes = |refused: i64| {
            let mut steps = vec![
                step(0, container, FIRST),
                step(0, user, "ok"),
                step(refused, user, "cut off"),
                step(refused + 100_000, user, "ok"),
                step(5_000_000, container, SECOND_PROCESS),
            ];
            steps.sort_by_key(|step| step.at);
            states(steps, user).len() - 1
        };
        assert_eq!(changes(4_800_000), 0);
        assert_eq!(changes(3_000_000), 2);
    }

    #[test]
    fn an_endpoint_may_show_a_restart_early_or_late() {
        let (container, endpoint) = ("pod/web#0/a", "svc/web pod/web#0");
        let changes = |away: i64, back: i64| {
            let mut steps = vec![
                step(0, container, FIRST),
                step(0, endpoint, "ready=true"),
                step(5_000_000, container, STARTING),
                step(6_000_000, container, SECOND_PROCESS),
                step(away * 1000, endpoint, "ready=false"),
                step(back * 1000, endpoint, "ready=true"),
            ];
            steps.sort_by_key(|step| step.at);
            states(steps, endpoint).len() - 1
        };
        assert_eq!(changes(5_100, 6_100), 0);
        assert_eq!(changes(6_010, 6_100), 0);
        assert_eq!(changes(4_900, 6_100), 0);
        assert_eq!(changes(6_010, 9_000), 2);
        assert_eq!(changes(8_100, 8_200), 2);
        assert_eq!(changes(4_000, 6_100), 2);
        assert_eq!(changes(4_000, 4_100), 2);
    }

    #[test]
    fn users_may_be_answered_again_long_after_a_restart() {
        let (container, user) = ("pod/web#0/a", "user web");
        let changes = |away: i64, back: i64| {
            let mut steps = vec![
                step(0, container, FIRST),
                step(0, user, "ok"),
                step(5_000_000, container, STARTING),
                step(6_000_000, container, SECOND_PROCESS),
                step(away * 1000, user, "cut off"),
                step(back * 1000, user, "ok"),
            ];
            steps.sort_by_key(|step| step.at);
            states(steps, user).len() - 1
        };
        assert_eq!(changes(5_100, 8_900), 0);
        assert_eq!(changes(5_100, 11_100), 2);
        // Something else cut them off.
        assert_eq!(changes(8_100, 8_900), 2);
        assert_eq!(changes(4_000, 8_900), 2);
    }
}
