//! What keys change, and what they ask of the caller.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    super::{Effect, update, view::Dialog},
    *,
};
use crate::report::lanes::Subject;

/// Presses keys one after the other; `\n`, `\t`, `\x1b` and `\x08` are keys of their own. Returns
/// the effects.
fn press(view: &mut View, lanes: &Lanes, keys: &str) -> Vec<Effect> {
    let codes = keys.chars().map(|key| match key {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\x1b' => KeyCode::Esc,
        '\x08' => KeyCode::Backspace,
        '\u{2191}' => KeyCode::Up,
        '\u{2193}' => KeyCode::Down,
        key => KeyCode::Char(key),
    });
    let effects = codes.filter_map(|code| {
        let key = KeyEvent::new(code, KeyModifiers::NONE);
        update(view, key, lanes, NOW)
    });
    effects.collect()
}

fn with_control(key: char) -> Option<Effect> {
    let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
    update(&mut view(), key, &lanes_of(&timeline()), NOW)
}

fn container(name: &str) -> Subject {
    Subject::Container {
        pod: "web-1".to_owned(),
        container: name.to_owned(),
    }
}

#[test]
fn the_command_ends_by_q_and_by_control_c() {
    let lanes = lanes_of(&timeline());
    assert_eq!(press(&mut view(), &lanes, "q"), [Effect::Quit]);
    // A letter in a text is no key.
    assert_eq!(press(&mut view(), &lanes, "/q"), []);
    assert_eq!(with_control('c'), Some(Effect::Interrupt));
    assert_eq!(with_control('z'), Some(Effect::Suspend));
    assert_eq!(with_control('l'), Some(Effect::Redraw));
}

#[test]
fn a_lane_is_selected_among_those_that_the_filter_leaves() {
    let (mut view, lanes) = (view(), lanes_of(&timeline()));
    let subject = |view: &View| view.selected.clone();
    press(&mut view, &lanes, "j");
    assert_eq!(subject(&view), Some(Subject::Service("web-b".to_owned())));
    press(&mut view, &lanes, "\u{2193}jj");
    assert_eq!(subject(&view), Some(container("b")));
    press(&mut view, &lanes, "k");
    assert_eq!(subject(&view), Some(container("a")));
    press(&mut view, &lanes, "\u{2191}kkkkk");
    assert_eq!(subject(&view), Some(Subject::Service("web-a".to_owned())));
    press(&mut view, &lanes, "/1/B\n");
    assert_eq!((view.filter.as_str(), &view.dialog), ("1/B", &Dialog::None));
    press(&mut view, &lanes, "jG");
    assert_eq!(subject(&view), Some(container("b")));
    press(&mut view, &lanes, "/xy\x08\x1b");
    assert_eq!(view.filter, "1/B");
    press(&mut view, &lanes, "\x1b");
    assert_eq!(view.filter, "");
    assert_eq!(subject(&view), Some(container("b")));
}

#[test]
fn a_view_stands_until_it_goes_on() {
    let (mut view, lanes) = (view(), lanes_of(&timeline()));
    press(&mut view, &lanes, " ");
    assert_eq!(view.paused, Some(NOW));
    let axis = view.axis(Micros(90_000_000), 60);
    assert_eq!(axis.extent().to, NOW);
    press(&mut view, &lanes, " ");
    assert_eq!(view.paused, None);
    let before = view.zoom;
    press(&mut view, &lanes, "+-");
    assert_eq!(view.zoom, before);
    press(&mut view, &lanes, "++");
    assert_eq!(view.zoom.length().as_secs(), 20);
}

#[test]
fn a_flip_is_what_the_command_takes_after_the_container() {
    let (mut view, lanes) = (view(), lanes_of(&timeline()));
    let flip = |words: &[&str]| Effect::Flip {
        pod: "web-1".to_owned(),
        container: "b".to_owned(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    let select = "gjjjj";
    press(&mut view, &lanes, select);
    assert_eq!(
        press(&mut view, &lanes, "f\n"),
        [flip(&["readiness", "fail"])]
    );
    let typed = "f\x08\x08\x08\x08503 --for 30s\n";
    let expected = flip(&["readiness", "503", "--for", "30s"]);
    assert_eq!(press(&mut view, &lanes, typed), [expected]);
    assert_eq!(
        press(&mut view, &lanes, "f\t\n"),
        [flip(&["process", "fail"])]
    );
    assert_eq!(
        press(&mut view, &lanes, "f\t\t\n"),
        [flip(&["readiness", "fail"])]
    );
    assert_eq!(press(&mut view, &lanes, "f\x1b"), []);
    let heal = Effect::Heal {
        pod: "web-1".to_owned(),
        container: "b".to_owned(),
    };
    assert_eq!(press(&mut view, &lanes, "h"), [heal]);
}

#[test]
fn what_cannot_be_flipped_says_why() {
    let lanes = lanes_of(&timeline());
    let said = |keys: &str| {
        let mut view = view();
        assert_eq!(press(&mut view, &lanes, keys), []);
        let notice = view.notice.unwrap();
        assert!(notice.is_error);
        notice.text
    };
    let select = "select the lane of a container, with the arrows";
    assert_eq!(said("gf"), select);
    assert_eq!(said("gh"), select);
    assert!(said("gjjjf").contains("container `a` of pod `web-1` runs"));
}
