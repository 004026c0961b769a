//! Which of several matching routes answers a request.

use super::*;

/// A target whose base has a route for a path, for all paths below `/a/`, and for all paths.
fn planned() -> Story {
    let plan = r#"{"ports":{"8080":{"routes":{
        "/a/b":{"status":201},"/a/*":{"status":202},"/*":{"status":203}}}}}"#;
    Story(TargetState::new(Plan::parse(plan.as_bytes()).unwrap()))
}

#[test]
fn the_exact_route_goes_first_and_then_the_longest_wildcard() {
    let mut story = planned();
    for (path, expected) in [
        ("/a/b", "201"),
        ("/a%2Fb", "201"),
        ("/a/c", "202"),
        ("/a/b/c", "202"),
        ("/a/", "202"),
        ("/a/*", "202"),
        ("/a", "203"),
        ("/ab", "203"),
        ("/", "203"),
    ] {
        story.asked(0, path, expected);
    }
    // It sorts between two wildcards and matches neither.
    story.lay(1, "/a/b/*", json!({"status": 404}));
    story.lay(1, "/a/a/*", json!({"status": 405}));
    story.asked(1, "/a/b/c", "404");
    story.asked(1, "/a/c", "202");
}

#[test]
fn every_flip_goes_before_every_base() {
    let mut story = planned();
    story.lay(1, "/*", json!({"status": 503}));
    for path in ["/a/b", "/a/c", "/x"] {
        story.asked(1, path, "503");
    }
    story.lay(2, "/a/c", json!({"status": 200}));
    story.asked(2, "/a/c", "200");
    story.asked(2, "/a/b", "503");
    story.take(3, Change::HealRoute(8080, RoutePath::all()));
    story.asked(3, "/a/b", "201");
    story.asked(3, "/a/c", "200");
}

#[test]
fn what_is_not_given_a_request_leaves_it_to_the_next() {
    let mut story = planned();
    story.lay(0, "/*", json!({"status": 500, "count": 1}));
    story.lay(0, "/a/*", json!({"status": 501, "agent": "curl/"}));
    story.lay(0, "/a/b", json!({"status": 502, "for": "5ms"}));
    story.lay(0, "/a/d", json!({"status": 504, "probability": 0}));
    story.asked(4, "/a/b", "502");
    story.asked_by(5, "/a/b", "curl/8", "501");
    // Only the layer that answers counts the request.
    story.asked(5, "/a/d", "500");
    story.asked(6, "/a/b", "201");
    story.asked(6, "/a/d", "202");
}

#[test]
fn a_watcher_is_told_what_a_wildcard_gives_and_until_when() {
    let mut story = planned();
    story.lay(0, "/a/*", json!({"status": 503, "for": "5ms"}));
    let peek = |story: &Story, at, path: &[u8]| {
        let (effect, until) = story.0.peek(millis(at), 8080, path, "");
        (effect.word(), until)
    };
    assert_eq!(
        peek(&story, 1, b"/a/b"),
        ("503".to_owned(), Some(millis(5)))
    );
    assert_eq!(peek(&story, 5, b"/a/b"), ("201".to_owned(), None));
}

#[test]
fn a_wildcard_is_shown_planned_and_kept_by_its_text() {
    let mut story = planned();
    story.lay(0, "/a%20b/*", json!({"status": 503}));
    story.lay(0, "/a%20b/%2A", json!({"status": 404}));
    let shown = story.0.shown_ports(millis(1));
    let shown: Vec<_> = shown[&8080].routes.keys().map(String::as_str).collect();
    assert_eq!(shown, ["/*", "/a%20b/%2A", "/a%20b/*", "/a/*", "/a/b"]);
    let plan = serde_json::to_string(&story.0.plan(millis(1))).unwrap();
    let mut again = Story(TargetState::new(Plan::parse(plan.as_bytes()).unwrap()));
    again.asked(1, "/a%20b/x", "503");
    again.asked(1, "/a%20b/*", "404");
    let kept = story.0.kept();
    let mut next = planned();
    next.0.restore(kept).unwrap();
    next.asked(1, "/a%20b/x", "503");
    next.asked(1, "/a%20b/*", "404");
}

#[test]
fn paths_that_are_no_text_are_told_apart() {
    let mut story = Story::new();
    story.lay(0, "/%ff", json!({"status": 503}));
    story.asked(1, "/%FF", "503");
    story.asked(1, "/%fe", "200");
    story.asked(1, "/%EF%BF%BD", "200");
}
