//! The lanes of expectations: when each had to hold, and when it did.

use crate::input::experiment::{Experiment, Operator};
use crate::judge::{Becoming, Finding, Judgement, Lasting, StepJudgement, Verdict, Window};
use crate::report::lanes::{Group, Lane, Level, Mark, MarkLook, Row, Shown, SpanLook, Subject};
use crate::timeline::Micros;

/// The height of the time for which an `eventually` must stay true.
const HOLD: Level = Level {
    low: 0,
    high: 1,
    of: 3,
};

/// A group for each step that ran, with a lane for each expectation.
pub(super) fn groups(experiment: &Experiment, judgement: &Judgement, end: Micros) -> Vec<Group> {
    let steps = judgement.steps.iter().zip(&experiment.steps).enumerate();
    let groups = steps.map(|(number, (judged, step))| {
        let findings = judged.findings.iter().zip(&step.expect).enumerate();
        let lanes = findings.map(|(index, (finding, expectation))| {
            let row = row(judged, finding, &expectation.operator, end);
            Lane::new(&finding.id, Subject::Expectation(number, index), vec![row])
        });
        Group {
            title: format!("Expectations of step {}, {}", number + 1, judged.name),
            lanes: lanes.filter(|lane| !lane.is_empty()).collect(),
        }
    });
    groups.filter(|group| !group.lanes.is_empty()).collect()
}

fn row(step: &StepJudgement, finding: &Finding, operator: &Operator, end: Micros) -> Row {
    let mut row = Row::new("window");
    match finding.window {
        None => {}
        Some(Window::Becoming(window)) => becoming(&mut row, finding, operator, window, end),
        Some(Window::Lasting(Lasting { from, to })) => {
            let to = to.or(step.ended).unwrap_or(end);
            let text = format!("{}: {}", operator.word(), finding.expected);
            row.spans
                .push(shown(SpanLook::Window, operator.word(), text).between(from, to));
        }
    }
    let held = finding.verdict == Some(Verdict::Pass);
    if let Some(at) = finding.at {
        let (look, word) = match (held, operator) {
            (true, _) => (MarkLook::Held, "true from here on"),
            (false, Operator::Eventually { .. }) => (MarkLook::Broken, "true here"),
            (false, _) => (MarkLook::Broken, "broken here"),
        };
        let text = format!("{word}: {}", finding.seen);
        row.marks.push(Mark::new(at, look, text));
    }
    row
}

fn becoming(row: &mut Row, finding: &Finding, operator: &Operator, window: Becoming, end: Micros) {
    let Becoming {
        sent,
        zero,
        not_before,
        within,
        hold,
        ..
    } = window;
    let from = not_before.unwrap_or(sent);
    let by = if operator.predicted().is_empty() {
        "expected"
    } else {
        "predicted"
    };
    if sent < from {
        let text = format!(
            "too early: {by} from {} s on",
            Micros::from(from.since(sent))
        );
        row.spans
            .push(shown(SpanLook::TooEarly, "too early", text).between(sent, from));
    }
    let after = Micros::from(from.since(sent));
    let text = format!(
        "{by} to become true {after} s to {} s after {}",
        Micros::from(within.since(zero)),
        if window.follows {
            "the expectation before"
        } else {
            "the action"
        },
    );
    row.spans
        .push(shown(SpanLook::Window, by, text).between(from, within));
    if let Some(at) = finding.at.filter(|_| !hold.is_zero()) {
        let text = format!("must stay true for {} s", Micros::from(hold));
        let until = (at + hold).min(end);
        let shown = Shown {
            level: HOLD,
            ..shown(SpanLook::Hold, "", text)
        };
        row.spans.push(shown.between(at, until));
    }
}

fn shown(look: SpanLook, label: &str, text: String) -> Shown {
    Shown {
        label: label.to_owned(),
        ..Shown::full(look, text)
    }
}
