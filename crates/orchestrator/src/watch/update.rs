//! Keys: how each changes the view, and what it asks of the caller.

use k8s_openapi::api::core::v1::Pod;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{
    effect::Effect,
    listed::{listed, selected},
    view::{Dialog, FlipPrompt, View},
};
use crate::{
    report::lanes::{Lane, Lanes, Subject},
    targets::{probe_spec::probes_of, target},
    timeline::{FlipRecord, Micros, WatchedObject},
};

/// Number of lanes that a page has.
const PAGE: usize = 10;

/// The behaviour that a flip has unless another one is typed.
const DEFAULT: &str = "fail";

/// The probe that is flipped unless another one is typed, if there is one.
const FIRST: &str = "readiness";

/// Lets a key change the view.
pub(crate) fn update(view: &mut View, key: KeyEvent, lanes: &Lanes, now: Micros) -> Option<Effect> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    view.notice = None;
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return control(view, key.code);
    }
    match &mut view.dialog {
        Dialog::None => browse(view, key.code, lanes, now),
        Dialog::Help => {
            view.dialog = Dialog::None;
            None
        }
        Dialog::Filter { before } => {
            let before = std::mem::take(before);
            filter(view, key.code, before);
            None
        }
        Dialog::Flip(prompt) => {
            let prompt = prompt.clone();
            flip(view, key.code, prompt)
        }
    }
}

fn control(view: &mut View, code: KeyCode) -> Option<Effect> {
    match code {
        KeyCode::Char('c') => Some(Effect::Interrupt),
        KeyCode::Char('d') => Some(Effect::Quit),
        KeyCode::Char('z') => Some(Effect::Suspend),
        KeyCode::Char('l') => Some(Effect::Redraw),
        KeyCode::Char('u') => {
            match &mut view.dialog {
                Dialog::Filter { .. } => view.filter.clear(),
                Dialog::Flip(prompt) => prompt.line.clear(),
                Dialog::None | Dialog::Help => {}
            }
            None
        }
        _ => None,
    }
}

fn browse(view: &mut View, code: KeyCode, lanes: &Lanes, now: Micros) -> Option<Effect> {
    match code {
        KeyCode::Char('q') => return Some(Effect::Quit),
        KeyCode::Char('?') => view.dialog = Dialog::Help,
        KeyCode::Char(' ') => {
            view.paused = if view.paused.is_none() {
                Some(now)
            } else {
                None
            };
        }
        KeyCode::Char('+' | '=') => view.zoom = view.zoom.closer(),
        KeyCode::Char('-') => view.zoom = view.zoom.wider(),
        KeyCode::Char('/') => {
            let before = view.filter.clone();
            view.dialog = Dialog::Filter { before };
        }
        KeyCode::Enter | KeyCode::Char('i') => view.details = !view.details,
        KeyCode::Esc if view.details => view.details = false,
        KeyCode::Esc => view.filter.clear(),
        KeyCode::Char('f') => ask_flip(view, lanes, now),
        KeyCode::Char('h') => return heal(view, lanes, now),
        _ => walk(view, code, lanes, now),
    }
    None
}

/// Selects another lane.
fn walk(view: &mut View, code: KeyCode, lanes: &Lanes, now: Micros) {
    let listed = all_listed(view, lanes, now);
    let (place, last) = (selected(view, &listed), listed.len().saturating_sub(1));
    let next = match code {
        KeyCode::Up | KeyCode::Char('k') => place.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => place + 1,
        KeyCode::PageUp => place.saturating_sub(PAGE),
        KeyCode::PageDown => place + PAGE,
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => last,
        _ => return,
    };
    let next = next.min(last);
    view.place_of_selected = next;
    view.selected = listed.get(next).map(|lane| lane.subject.clone());
}

/// The lanes that are listed, whatever the width of the terminal.
fn all_listed(view: &View, lanes: &Lanes, now: Micros) -> Vec<Lane> {
    listed(view, lanes, &view.axis(now, 1).extent())
}

fn ask_flip(view: &mut View, lanes: &Lanes, now: Micros) {
    match flippable(view, lanes, now) {
        Ok(prompt) => view.dialog = Dialog::Flip(prompt),
        Err(problem) => view.notify(Err(problem)),
    }
}

fn heal(view: &mut View, lanes: &Lanes, now: Micros) -> Option<Effect> {
    match flippable(view, lanes, now) {
        Ok(FlipPrompt { pod, container, .. }) => {
            view.notify(Ok(format!("healing {pod}/{container} …")));
            Some(Effect::Heal { pod, container })
        }
        Err(problem) => {
            view.notify(Err(problem));
            None
        }
    }
}

/// The prompt for a flip of the selected container, or why it cannot be flipped.
fn flippable(view: &View, lanes: &Lanes, now: Micros) -> Result<FlipPrompt, String> {
    let listed = all_listed(view, lanes, now);
    let lane = listed.get(selected(view, &listed));
    let Some(Subject::Container { pod, container }) = lane.map(|lane| &lane.subject) else {
        return Err("select the lane of a container, with the arrows".to_owned());
    };
    let object = lanes.snapshot().get("Pod", pod);
    let object = object.and_then(WatchedObject::parsed::<Pod>);
    let object = object.ok_or_else(|| format!("there is no pod `{pod}`"))?;
    target(&object, container).map_err(|problem| problem.to_string())?;
    let probes = probes_of(&object).into_iter();
    let probes = probes.filter(|probe| probe.container == *container);
    let mut targets: Vec<String> = probes.map(|probe| probe.probe.to_string()).collect();
    targets.sort_by_key(|target| target != FIRST);
    let typed = match targets.first() {
        Some(first) => format!("{first} {DEFAULT}"),
        None => format!("{} ", FlipRecord::PROCESS),
    };
    targets.push(FlipRecord::PROCESS.to_owned());
    Ok(FlipPrompt {
        pod: pod.clone(),
        container: container.clone(),
        line: typed,
        targets,
    })
}

fn filter(view: &mut View, code: KeyCode, before: String) {
    match code {
        KeyCode::Enter => {
            view.dialog = Dialog::None;
            return;
        }
        KeyCode::Esc => {
            view.filter = before;
            view.dialog = Dialog::None;
            return;
        }
        code => edit(&mut view.filter, code),
    }
    view.dialog = Dialog::Filter { before };
}

fn flip(view: &mut View, code: KeyCode, mut prompt: FlipPrompt) -> Option<Effect> {
    match code {
        KeyCode::Enter => {
            view.dialog = Dialog::None;
            let FlipPrompt {
                pod,
                container,
                line,
                ..
            } = prompt;
            view.notify(Ok(format!("flipping {pod}/{container}: {line} …")));
            let words = line.split_whitespace().map(str::to_owned).collect();
            return Some(Effect::Flip {
                pod,
                container,
                words,
            });
        }
        KeyCode::Esc => {
            view.dialog = Dialog::None;
            return None;
        }
        KeyCode::Tab | KeyCode::BackTab => prompt.offer_next(),
        code => edit(&mut prompt.line, code),
    }
    view.dialog = Dialog::Flip(prompt);
    None
}

fn edit(line: &mut String, code: KeyCode) {
    match code {
        KeyCode::Char(character) => line.push(character),
        KeyCode::Backspace => {
            line.pop();
        }
        _ => {}
    }
}

impl FlipPrompt {
    /// Replaces the first word by the target that follows it.
    fn offer_next(&mut self) {
        let (first, rest) = match self.line.split_once(' ') {
            Some((first, rest)) => (first, rest),
            None => (self.line.as_str(), ""),
        };
        let place = self.targets.iter().position(|target| target == first);
        let next = place.map_or(0, |place| (place + 1) % self.targets.len());
        self.line = format!("{} {rest}", self.targets[next]);
    }
}
