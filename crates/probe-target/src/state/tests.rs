//! Sequences of changes and requests at given moments, and the decisions of the state. No runtime,
//! no clock.

use serde_json::json;

use super::*;
use crate::model::flips::Flips;
use crate::model::percent;

mod refusals;
mod wildcards;

/// A target with ports 8080 and 8081, of which 8080 answers 404 on `/hehe`.
struct Story(TargetState);

impl Story {
    fn new() -> Self {
        let plan = r#"{"ports":{"8080":{"routes":{"/hehe":{"status":404}}},"8081":{}}}"#;
        Self(TargetState::new(Plan::parse(plan.as_bytes()).unwrap()))
    }

    /// Flips a path of 8080 at a moment in milliseconds.
    #[track_caller]
    fn lay(&mut self, at: u64, path: &str, behaviour: serde_json::Value) {
        let behaviour = Behaviour::read(behaviour, "").unwrap();
        let change = Change::FlipRoute(8080, route(path), behaviour);
        self.take(at, change);
    }

    #[track_caller]
    fn open(&mut self, at: u64, port: u16, opening: serde_json::Value) {
        let opening = PortSpec::read(opening, "").unwrap();
        self.take(at, Change::FlipPort(port, opening));
    }

    #[track_caller]
    fn take(&mut self, at: u64, change: Change) {
        self.0.change(millis(at), change).unwrap();
    }

    /// Asserts the effect of a request to 8080 at a moment in milliseconds.
    #[track_caller]
    fn asked(&mut self, at: u64, path: &str, expected: &str) {
        self.asked_by(at, path, "kube-probe/1.36", expected);
    }

    #[track_caller]
    fn asked_by(&mut self, at: u64, path: &str, agent: &str, expected: &str) {
        let path = percent::decode_lenient(path);
        let decision = self.0.decide(millis(at), 8080, &path, agent);
        let path = String::from_utf8_lossy(&path);
        assert_eq!(decision.effect.word(), expected, "{path} at {at} ms");
    }
}

fn route(text: &str) -> RoutePath {
    text.parse().unwrap()
}

fn wanted_as(state: PortState, until: Option<Moment>) -> DesiredPort {
    DesiredPort {
        address: (Ipv6Addr::UNSPECIFIED, 8080).into(),
        protocol: Protocol::Http,
        state,
        until,
    }
}

fn millis(millis: u64) -> Moment {
    Moment::from_micros(millis * 1000)
}

#[test]
fn where_nothing_is_said_the_answer_is_200() {
    let mut story = Story::new();
    story.asked(0, "/", "200");
    story.asked(0, "/hehe", "404");
    story.asked(0, "/hehe/", "200");
}

#[test]
fn a_flip_covers_the_base_until_it_is_taken_away() {
    let mut story = Story::new();
    story.lay(1, "/hehe", json!({"status": 200}));
    story.asked(1, "/hehe", "200");
    story.lay(2, "/hehe", json!({"fault": "hang"}));
    story.asked(2, "/hehe", "hang");
    story.take(3, Change::HealRoute(8080, route("/hehe")));
    story.asked(3, "/hehe", "404");
}

#[test]
fn a_time_ends_a_flip_to_the_microsecond_and_the_base_shows_again() {
    let mut story = Story::new();
    story.lay(100, "/hehe", json!({"status": 503, "for": "50ms"}));
    story.asked(149, "/hehe", "503");
    story.asked(150, "/hehe", "404");
    assert!(
        story.0.shown_ports(millis(150))[&8080].routes["/hehe"]
            .flip
            .is_none()
    );
}

#[test]
fn a_count_ends_a_flip_with_its_last_request() {
    let mut story = Story::new();
    story.lay(0, "/readyz", json!({"status": 503, "count": 2}));
    story.asked(1, "/livez", "200");
    story.asked(2, "/readyz", "503");
    story.asked(3, "/readyz", "503");
    story.asked(4, "/readyz", "200");
}

#[test]
fn bounds_are_never_renewed_but_by_a_new_flip() {
    let mut story = Story::new();
    story.take(0, Change::Lease(Duration::from_secs(1)));
    let flip = json!({"status": 503, "for": "100ms", "leased": true});
    story.lay(0, "/x", flip.clone());
    story.asked(50, "/x", "503");
    story.take(50, Change::Lease(Duration::from_secs(1)));
    story.asked(100, "/x", "200");
    story.lay(100, "/x", flip);
    story.asked(199, "/x", "503");
}

#[test]
fn only_the_agents_meant_are_given_it_and_counted() {
    let mut story = Story::new();
    story.lay(
        0,
        "/x",
        json!({"status": 503, "count": 1, "agent": "kube-probe/"}),
    );
    story.asked_by(1, "/x", "curl/8", "200");
    story.asked_by(2, "/x", "kube-probe/1.36", "503");
    story.asked_by(3, "/x", "kube-probe/1.36", "200");
}

#[test]
fn leased_flips_end_when_the_lease_lapses_and_stay_ended() {
    let mut story = Story::new();
    story.take(0, Change::Lease(Duration::from_millis(30)));
    story.lay(0, "/leased", json!({"status": 503, "leased": true}));
    story.lay(0, "/own", json!({"status": 503}));
    story.take(20, Change::Lease(Duration::from_millis(30)));
    story.asked(49, "/leased", "503");
    story.asked(50, "/leased", "200");
    story.take(60, Change::Lease(Duration::from_millis(30)));
    story.asked(60, "/leased", "200");
    story.asked(60, "/own", "503");
}

#[test]
fn a_leased_flip_needs_a_running_lease() {
    let mut story = Story::new();
    story.take(0, Change::Lease(Duration::from_millis(10)));
    let mut behaviour = Behaviour::status(503);
    behaviour.leased = true;
    let change = Change::FlipRoute(8080, route("/"), behaviour);
    assert_eq!(
        story.0.change(millis(10), change),
        Err(ChangeError::NoLease)
    );
    assert_eq!(story.0.revision(), 1, "a refusal changes nothing");
}

#[test]
fn ports_and_routes_are_told_of_up_to_a_number() {
    let mut story = Story::new();
    let refused = |story: &mut Story, change| story.0.change(millis(0), change);
    let lay = |n: usize| Change::FlipRoute(8081, route(&format!("/{n}")), Behaviour::status(503));
    // One route is in the base.
    (1..MOST_ROUTES).for_each(|n| story.take(0, lay(n)));
    let full = |field, most| Err(ChangeError::Full { field, most });
    assert_eq!(refused(&mut story, lay(0)), full("path", MOST_ROUTES));
    assert_eq!(refused(&mut story, lay(1)), Ok(()), "it is known");
    story.take(0, Change::HealRoute(8081, route("/2")));
    assert_eq!(refused(&mut story, lay(0)), Ok(()), "there is room again");
    for port in 1..=254 {
        story.open(0, port, json!({}));
    }
    let open = Change::FlipPort(255, PortSpec::default());
    assert_eq!(refused(&mut story, open), full("port", MOST_PORTS));
}

#[test]
fn heal_takes_away_all_flips_and_no_base() {
    let mut story = Story::new();
    story.lay(0, "/hehe", json!({"status": 200}));
    story.open(0, 8081, json!({"state": "closed"}));
    story.open(0, 9000, json!({}));
    story.take(1, Change::Heal);
    story.take(1, Change::Heal);
    story.asked(1, "/hehe", "404");
    assert_eq!(
        story.0.desired_port(millis(1), 8081).unwrap().state,
        PortState::Open
    );
    assert_eq!(story.0.ports(), [8080, 8081]);
}

#[test]
fn a_port_that_speaks_tcp_has_no_routes() {
    let mut story = Story::new();
    let lay = |port| Change::FlipRoute(port, route("/"), Behaviour::status(503));
    story.take(0, lay(8080));
    story.open(0, 8080, json!({"protocol": "tcp", "for": "10ms"}));
    let denied = Err(ChangeError::NoRoutes(8080));
    assert_eq!(story.0.change(millis(9), lay(8080)), denied);
    assert!(story.0.plan(millis(9)).ports[&8080].routes.is_empty());
    // The earlier flip is in force again.
    story.asked(10, "/", "503");
    story.take(10, lay(8080));
}

#[test]
fn a_port_opened_at_runtime_goes_with_its_flip_and_takes_its_routes_along() {
    let mut story = Story::new();
    let lay = Change::FlipRoute(9000, route("/"), Behaviour::status(503));
    let known = vec![8080, 8081];
    let denied = ChangeError::NoPort { port: 9000, known };
    assert_eq!(story.0.change(millis(0), lay.clone()), Err(denied));
    story.open(0, 9000, json!({"for": "10ms"}));
    story.take(0, lay);
    let until = Some(millis(10));
    let wanted = DesiredPort {
        address: (Ipv6Addr::UNSPECIFIED, 9000).into(),
        ..wanted_as(PortState::Open, until)
    };
    assert_eq!(story.0.desired_port(millis(9), 9000), Some(wanted));
    assert_eq!(story.0.desired_port(millis(10), 9000), None);
    story.open(20, 9000, json!({}));
    assert!(story.0.shown_ports(millis(20))[&9000].routes.is_empty());
}

#[test]
fn a_closed_port_answers_on_established_connections_as_before() {
    let mut story = Story::new();
    story.open(0, 8080, json!({"state": "closed"}));
    story.asked(1, "/", "200");
    story.asked(1, "/hehe", "404");
}

#[test]
fn a_port_that_resets_counts_connections_and_requests_on_open_ones() {
    let mut story = Story::new();
    story.open(0, 8080, json!({"state": "reset", "count": 2}));
    assert_eq!(story.0.admit(millis(1), 8080), (PortState::Reset, true));
    story.asked(2, "/", "reset");
    story.asked(3, "/", "200");
    assert_eq!(story.0.admit(millis(4), 8080), (PortState::Open, false));
}

#[test]
fn what_is_wanted_of_a_port_ends_with_its_time_or_its_lease() {
    let mut story = Story::new();
    story.take(0, Change::Lease(Duration::from_millis(30)));
    story.open(
        0,
        8080,
        json!({"state": "closed", "for": "50ms", "leased": true}),
    );
    let state = PortState::Closed;
    let mut wanted = |at| story.0.desired_port(millis(at), 8080).unwrap();
    let until = Some(millis(30));
    assert_eq!(wanted(0), wanted_as(state, until));
    assert_eq!(wanted(30).state, PortState::Open);
}

#[test]
fn a_base_may_be_bounded_too() {
    let plan = r#"{"ports":{"8080":{"state":"closed","for":"5ms","routes":{"/":{"status":503,"for":"10ms"}}}}}"#;
    let mut story = Story(TargetState::new(Plan::parse(plan.as_bytes()).unwrap()));
    assert_eq!(
        story.0.desired_port(millis(4), 8080).unwrap().state,
        PortState::Closed
    );
    assert_eq!(
        story.0.desired_port(millis(5), 8080).unwrap().state,
        PortState::Open
    );
    story.asked(9, "/", "503");
    story.asked(10, "/", "200");
}

#[test]
fn state_shows_what_is_left() {
    let mut story = Story::new();
    story.lay(5, "/x", json!({"status": 503, "for": "10ms", "count": 3}));
    story.asked(6, "/x", "503");
    let shown = story.0.shown_ports(millis(7));
    let expected = json!({"flip": {
        "set": {"status": 503, "for": "10ms", "count": 3}, "since": 5000, "until": 15000, "left": 2,
    }});
    assert_eq!(
        serde_json::to_value(&shown[&8080].routes["/x"]).unwrap(),
        expected
    );
}

#[test]
fn a_plan_is_what_is_in_force_with_what_is_left() {
    let mut story = Story::new();
    story.take(0, Change::Lease(Duration::from_secs(30)));
    story.lay(
        0,
        "/x",
        json!({"status": 503, "for": "10ms", "count": 3, "leased": true}),
    );
    story.open(0, 8081, json!({"state": "closed"}));
    story.asked(1, "/x", "503");
    let plan = serde_json::to_value(story.0.plan(millis(4))).unwrap();
    let expected = json!({"ports": {
        "8080": {"protocol": "http", "state": "open", "routes": {
            "/hehe": {"status": 404},
            "/x": {"status": 503, "for": "6ms", "count": 2},
        }},
        "8081": {"protocol": "http", "state": "closed"},
    }});
    assert_eq!(plan, expected);
}

/// Flips a route at 0 and requests it every 10 ms: `x` where the flip answers, `.` where the base
/// does, and the first letter of any other effect.
#[track_caller]
fn plays(behaviour: &serde_json::Value, expected: &str) {
    let mut story = Story::new();
    story.lay(0, "/x", behaviour.clone());
    let mut played = String::new();
    for number in 0..expected.len() as u64 {
        let at = millis(number * 10);
        let decision = story.0.decide(at, 8080, b"/x", "kube-probe/1.36");
        played.push(match decision.effect.word().as_str() {
            "200" => '.',
            "503" => 'x',
            other => other.chars().next().unwrap(),
        });
    }
    assert_eq!(played, expected, "{behaviour}");
}

#[test]
fn bounds_compose() {
    for (bounds, expected) in [
        (json!({}), "xxxxxxxxxxxx"),
        (json!({"for": "30ms"}), "xxx........."),
        (json!({"count": 2}), "xx.........."),
        (json!({"for": "30ms", "count": 2}), "xx.........."),
        (json!({"for": "30ms", "count": 9}), "xxx........."),
        (json!({"after": "20ms"}), "..xxxxxxxxxx"),
        (json!({"after": "20ms", "for": "30ms"}), "..xxx......."),
        (json!({"after": "20ms", "count": 1}), "..x........."),
        (json!({"for": "20ms", "every": "50ms"}), "xx...xx...xx"),
        (json!({"count": 1, "every": "30ms"}), "x..x..x..x.."),
        (json!({"count": 5, "every": "30ms"}), "xxxxxxxxxxxx"),
        (
            json!({"after": "20ms", "for": "20ms", "every": "50ms"}),
            "..xx...xx...",
        ),
        (
            json!({"after": "20ms", "for": "20ms", "count": 1, "every": "50ms"}),
            "..x....x....",
        ),
        (json!({"probability": 0}), "............"),
        (json!({"probability": 1}), "xxxxxxxxxxxx"),
        (json!({"probability": 1.0, "count": 2}), "xx.........."),
        (json!({"probability": 0.5, "seed": 7}), "xx..xxxxxxx."),
        (
            json!({"probability": 0.5, "seed": 7, "count": 2}),
            "xx..........",
        ),
        (json!({"probability": 0.5, "seed": 8}), "....xx.xxx.."),
    ] {
        let mut behaviour = bounds;
        behaviour["status"] = json!(503);
        plays(&behaviour, expected);
    }
}

#[test]
fn a_sequence_is_played_once_a_window() {
    let sequence = |more: serde_json::Value| {
        let mut behaviour = json!({"sequence": ["fail", 404, "hang"]});
        behaviour
            .as_object_mut()
            .unwrap()
            .append(&mut more.as_object().unwrap().clone());
        behaviour
    };
    plays(&sequence(json!({})), "x4h......");
    plays(&sequence(json!({"for": "20ms"})), "x4.......");
    plays(&sequence(json!({"after": "20ms"})), "..x4h....");
    plays(&sequence(json!({"every": "50ms"})), "x4h..x4h..x");
    plays(&sequence(json!({"every": "20ms"})), "x4x4x4");
}

#[test]
fn a_plan_ends_with_the_lease_what_ends_with_it() {
    let mut story = Story::new();
    story.take(0, Change::Lease(Duration::from_secs(30)));
    story.lay(0, "/a", json!({"status": 503, "leased": true}));
    let longer = json!({"status": 503, "for": "1m", "leased": true});
    story.lay(0, "/b", longer);
    let later = json!({"status": 503, "after": "10s", "leased": true});
    story.lay(0, "/c", later);
    let plan = story.0.plan(millis(4_000));
    let planned =
        |path: &str| serde_json::to_value(&plan.ports[&8080].routes[&route(path)]).unwrap();
    assert_eq!(planned("/a"), json!({"status": 503, "for": "26s"}));
    assert_eq!(planned("/b"), json!({"status": 503, "for": "26s"}));
    let left = json!({"status": 503, "after": "6s", "for": "20s"});
    assert_eq!(planned("/c"), left);
    let exit = json!({"fault": "exit", "after": "10s", "leased": true});
    let exit = ProcessFault::read(exit, "").unwrap();
    story.take(4_000, Change::FlipProcess(exit));
    let plan = serde_json::to_vec(&story.0.plan(millis(5_000))).unwrap();
    let process = Plan::parse(&plan).unwrap().process;
    let left = json!([{"fault": "exit", "code": 1, "after": "9s"}]);
    assert_eq!(serde_json::to_value(process).unwrap(), left);
}

#[test]
fn a_plan_has_what_is_left_of_a_sequence() {
    let mut story = Story::new();
    let mut check = |given: u64, behaviour: serde_json::Value, expected: serde_json::Value| {
        story.lay(0, "/x", behaviour);
        for _ in 0..given {
            story.0.decide(millis(1), 8080, b"/x", "");
        }
        let plan = story.0.plan(millis(2));
        let planned = plan.ports[&8080].routes.get(&route("/x"));
        assert_eq!(serde_json::to_value(planned).unwrap(), expected);
    };
    let whole = json!({"sequence": ["503", "hang", "404"]});
    check(0, whole.clone(), whole.clone());
    check(1, whole.clone(), json!({"sequence": ["hang", "404"]}));
    check(2, whole.clone(), json!({"status": 404, "count": 1}));
    check(3, whole, json!(null));
    let again = json!({"sequence": ["503", "hang"], "every": "1m"});
    check(1, again.clone(), again);
}

#[test]
fn bounds_that_could_mean_nothing_are_refused() {
    for (bounds, field) in [
        (json!({"every": "10s"}), "every"),
        (json!({"every": "10s", "for": "10s"}), "every"),
        (json!({"seed": 1}), "seed"),
        (json!({"probability": 1.5}), "probability"),
        (json!({"probability": "half"}), "probability"),
        (json!({"after": "0s"}), "after"),
        (json!({"sequence": [503]}), "sequence"),
        (json!({"sequence": [503, "refuse"]}), "sequence"),
        (json!({"sequence": [503, 200], "count": 1}), "count"),
    ] {
        let mut behaviour = bounds.clone();
        if behaviour.get("sequence").is_none() {
            behaviour["status"] = json!(503);
        }
        let invalid = Behaviour::read(behaviour, "").unwrap_err();
        assert_eq!(invalid.field, field, "{bounds}: {}", invalid.reason);
    }
}

#[test]
fn state_shows_when_the_next_window_opens() {
    let mut story = Story::new();
    let flip = json!({"status": 503, "count": 2, "after": "10ms", "every": "50ms"});
    story.lay(0, "/x", flip.clone());
    let mut shown =
        |at| serde_json::to_value(&story.0.shown_ports(millis(at))[&8080].routes["/x"]).unwrap();
    let waiting = json!({"flip": {"set": flip, "since": 0, "opens": 10_000, "left": 2}});
    assert_eq!(shown(0), waiting);
    let open = json!({"flip": {"set": flip, "since": 0, "left": 2}});
    assert_eq!(shown(10), open);
    story.asked(20, "/x", "503");
    story.asked(21, "/x", "503");
    let closed = json!({"flip": {"set": flip, "since": 0, "opens": 60_000, "left": 0}});
    let shown = &story.0.shown_ports(millis(30))[&8080].routes["/x"];
    assert_eq!(serde_json::to_value(shown).unwrap(), closed);
    story.asked(60, "/x", "503");
}

#[test]
fn a_port_closes_and_opens_again_by_time_alone() {
    let mut story = Story::new();
    story.open(
        0,
        8080,
        json!({"state": "closed", "after": "10ms", "for": "5ms", "every": "20ms"}),
    );
    for (at, state, until) in [
        (0, PortState::Open, 10),
        (10, PortState::Closed, 15),
        (15, PortState::Open, 30),
        (30, PortState::Closed, 35),
    ] {
        let until = Some(millis(until));
        assert_eq!(
            story.0.desired_port(millis(at), 8080),
            Some(wanted_as(state, until))
        );
    }
}

#[test]
fn a_flip_of_a_port_keeps_its_protocol() {
    let plan = r#"{"ports":{"9000":{"protocol":"grpc","for":"50ms"}}}"#;
    let mut story = Story(TargetState::new(Plan::parse(plan.as_bytes()).unwrap()));
    let mut spoken = |at| story.0.desired_port(millis(at), 9000).unwrap().protocol;
    assert_eq!(spoken(0), Protocol::Grpc);
    assert_eq!(spoken(60), Protocol::Grpc, "the base has ended");
    story.open(70, 9000, json!({"state": "reset"}));
    let mut spoken = |at| story.0.desired_port(millis(at), 9000).unwrap().protocol;
    assert_eq!(spoken(70), Protocol::Grpc);
    story.open(80, 9000, json!({"protocol": "tcp"}));
    assert_eq!(
        story.0.desired_port(millis(80), 9000).unwrap().protocol,
        Protocol::Tcp
    );
}
