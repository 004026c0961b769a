//! Port states set by flips of routes, such as `refuse`, and what removes them.

use super::*;

impl Story {
    /// The state of 8080.
    #[track_caller]
    fn is(&mut self, at: u64, expected: PortState) {
        let wanted = self.0.desired_port(millis(at), 8080).unwrap();
        assert_eq!(wanted.state, expected, "at {at} ms");
    }

    /// `refuse` on a route of 8080.
    #[track_caller]
    fn refuse(&mut self, at: u64, path: &str) {
        let opening = json!({"state": "closed", "route": path});
        self.open(at, 8080, opening);
        self.is(at, PortState::Closed);
    }

    /// The effective word of a route and its reason, as an acknowledgement has them.
    fn effective(&self, at: u64, path: &str) -> (String, String) {
        let effective = self
            .0
            .effective_of_route(millis(at), 8080, &route(path), "");
        let because = effective.because.unwrap_or_default();
        (effective.word.unwrap_or_default(), because)
    }
}

fn words(word: &str, because: &str) -> (String, String) {
    (word.to_owned(), because.to_owned())
}

/// A target that starts with `refuse` on `/x`.
fn refusing() -> Story {
    let plan = r#"{"ports":{"8080":{"state":"closed","route":"/x"}}}"#;
    Story(TargetState::new(Plan::parse(plan.as_bytes()).unwrap()))
}

#[test]
fn what_the_same_route_is_given_next_opens_its_port() {
    for behaviour in [
        json!({"status": 200}),
        json!({"status": 503}),
        json!({"fault": "hang"}),
    ] {
        let mut story = Story::new();
        story.refuse(0, "/x");
        story.lay(1, "/x", behaviour);
        story.is(1, PortState::Open);
    }
}

#[test]
fn of_other_routes_only_a_pass_opens_it() {
    let mut story = Story::new();
    story.refuse(0, "/x");
    story.lay(1, "/y", json!({"status": 503}));
    story.lay(1, "/z", json!({"sequence": [200, 503]}));
    story.is(1, PortState::Closed);
    let expected = words("closed", "port 8080 is closed, by a flip of /x");
    assert_eq!(story.effective(1, "/y"), expected);
    story.lay(2, "/y", json!({"status": 200}));
    story.is(2, PortState::Open);
    assert_eq!(story.effective(2, "/y"), words("200", ""));
}

#[test]
fn of_several_routes_that_refuse_each_must_be_given_something_else() {
    let mut story = Story::new();
    story.refuse(0, "/x");
    story.refuse(1, "/y");
    story.lay(2, "/x", json!({"status": 200}));
    story.is(2, PortState::Closed);
    let expected = words("closed", "port 8080 is closed, by a flip of /y");
    assert_eq!(story.effective(2, "/x"), expected);
    let kept = serde_json::to_value(story.0.kept()).unwrap();
    let expected = json!({"8080/x": {"status": 200}, "8080/y": {"state": "closed"}});
    assert_eq!(kept, expected);
    let mut next = Story::new();
    let kept = json!({"8080/x": {"state": "closed"}, "8080/y": {"status": 200}});
    next.0.restore(Flips::read(kept, "").unwrap()).unwrap();
    next.is(0, PortState::Closed);
    story.lay(3, "/y", json!({"status": 200}));
    story.is(3, PortState::Open);
}

#[test]
fn what_was_said_of_the_port_itself_stays() {
    let mut story = Story::new();
    story.open(0, 8080, json!({"state": "closed"}));
    story.lay(1, "/x", json!({"status": 200}));
    story.is(1, PortState::Closed);
    let expected = words("closed", "port 8080 is closed, by a flip of the port");
    assert_eq!(story.effective(1, "/x"), expected);
    // A flip of the port applies to all of its routes.
    story.refuse(2, "/x");
    story.open(3, 8080, json!({"state": "open"}));
    story.is(3, PortState::Open);
    // The port's own flip is covered, not lost.
    story.open(4, 8080, json!({"state": "blackhole"}));
    story.refuse(5, "/x");
    let shown = &story.0.shown_ports(millis(5))[&8080];
    let state = |laid: &Option<answer::InForce<PortSpec>>| laid.as_ref().map(|laid| laid.set.state);
    assert_eq!(state(&shown.flip), Some(PortState::Closed));
    assert_eq!(state(&shown.covered), Some(PortState::Blackhole));
    story.take(6, Change::HealRoute(8080, route("/x")));
    story.is(6, PortState::Blackhole);
}

#[test]
fn it_ends_with_its_bounds_and_with_its_route_and_takes_the_place_of_what_was_there() {
    let mut story = Story::new();
    story.lay(0, "/x", json!({"status": 503}));
    let opening = json!({"state": "closed", "route": "/x", "for": "10ms"});
    story.open(1, 8080, opening);
    story.asked(2, "/x", "200");
    assert_eq!(
        story.0.desired_port(millis(2), 8080).unwrap().until,
        Some(millis(11))
    );
    story.is(11, PortState::Open);
    story.refuse(12, "/x");
    story.take(13, Change::HealRoute(8080, route("/y")));
    story.is(13, PortState::Closed);
    story.take(14, Change::HealRoute(8080, route("/x")));
    story.is(14, PortState::Open);
    story.refuse(15, "/x");
    story.take(16, Change::Heal);
    story.is(16, PortState::Open);
}

#[test]
fn a_port_opened_at_runtime_keeps_its_protocol() {
    let mut story = Story::new();
    story.open(0, 9000, json!({"protocol": "grpc"}));
    story.open(1, 9000, json!({"state": "closed", "route": "/a"}));
    let lay = Change::FlipRoute(9000, route("/a"), Behaviour::status(200));
    story.take(2, lay);
    let wanted = story.0.desired_port(millis(2), 9000).unwrap();
    assert_eq!(
        (wanted.protocol, wanted.state),
        (Protocol::Grpc, PortState::Open)
    );
}

#[test]
fn only_a_route_of_a_port_that_is_there_and_has_routes_can_close_it() {
    let mut story = Story::new();
    story.open(0, 7000, json!({"protocol": "tcp"}));
    let refuse = || PortSpec::read(json!({"state": "closed", "route": "/x"}), "").unwrap();
    let denied = |story: &mut Story, port| {
        let denied = story.0.change(millis(1), Change::FlipPort(port, refuse()));
        denied.unwrap_err()
    };
    assert_eq!(denied(&mut story, 7000), ChangeError::NoRoutes(7000));
    assert!(matches!(
        denied(&mut story, 7001),
        ChangeError::NoPort { port: 7001, .. }
    ));
}

#[test]
fn a_base_is_undone_for_as_long_as_a_flip_is_in_force() {
    let mut story = refusing();
    story.is(0, PortState::Closed);
    let expected = words("closed", "port 8080 is closed, in the base, for /x");
    assert_eq!(story.effective(0, "/y"), expected);
    story.lay(
        1,
        "/x",
        json!({"status": 503, "after": "5ms", "for": "10ms"}),
    );
    story.is(1, PortState::Closed);
    assert_eq!(
        story.0.desired_port(millis(1), 8080).unwrap().until,
        Some(millis(6))
    );
    story.is(6, PortState::Open);
    assert_eq!(
        story.0.desired_port(millis(6), 8080).unwrap().until,
        Some(millis(16))
    );
    story.is(16, PortState::Closed);
    story.lay(17, "/y", json!({"status": 503}));
    story.is(17, PortState::Closed);
    story.lay(18, "/y", json!({"status": 200}));
    story.is(18, PortState::Open);
    // The plan has it open as well.
    let plan = story.0.plan(millis(18));
    assert_eq!(plan.ports[&8080].opening.state, PortState::Open);
    story.take(19, Change::Heal);
    story.is(19, PortState::Closed);
    assert_eq!(
        story.0.plan(millis(19)).ports[&8080].opening.route,
        Some(route("/x"))
    );
}

#[test]
fn who_is_connected_gets_what_the_flip_says_and_not_what_it_covers() {
    let plan = r#"{"ports":{"8080":{"state":"blackhole","route":"/x"}}}"#;
    let mut story = Story(TargetState::new(Plan::parse(plan.as_bytes()).unwrap()));
    story.asked(0, "/x", "hang");
    story.lay(1, "/x", json!({"status": 200}));
    story.asked(1, "/x", "200");
    assert_eq!(story.0.admit(millis(1), 8080), (PortState::Open, false));
    story.take(2, Change::Heal);
    story.open(2, 8080, json!({"state": "open"}));
    story.asked(2, "/x", "200");
}

#[test]
fn it_is_kept_beside_what_is_kept_of_the_port() {
    let mut story = Story::new();
    story.open(0, 8080, json!({"state": "reset"}));
    story.refuse(1, "/x");
    story.lay(1, "/y", json!({"status": 404}));
    let kept = serde_json::to_value(story.0.kept()).unwrap();
    let expected = json!({
        "8080": {"state": "reset"},
        "8080/x": {"state": "closed"},
        "8080/y": {"status": 404},
    });
    assert_eq!(kept, expected);
    let mut next = Story::new();
    next.0.restore(Flips::read(kept, "").unwrap()).unwrap();
    next.is(0, PortState::Closed);
    next.take(1, Change::HealRoute(8080, route("/x")));
    next.is(1, PortState::Reset);
}

#[test]
fn a_process_that_accepts_nowhere_is_said_so() {
    let mut story = Story::new();
    let fault = ProcessFault::read(json!({"fault": "stop-accepting"}), "").unwrap();
    story.take(0, Change::FlipProcess(fault));
    let because = "the process accepts on no port, by stop-accepting";
    assert_eq!(story.effective(1, "/x"), words("stop-accepting", because));
    let of_port = story.0.effective_of_port(millis(1), 8080);
    assert_eq!(of_port.because.as_deref(), Some(because));
}
