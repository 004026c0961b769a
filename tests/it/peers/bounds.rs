//! Tests of bounds with curl: consecutive requests on one keep-alive connection.

use super::{curl, python, target::Target};

#[test]
fn a_count_is_exact_and_the_base_shows_again() {
    if python("a_count_is_exact_and_the_base_shows_again").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    target.lay("/x", r#"{"status":503,"count":3}"#);
    assert_eq!(statuses(&target, "/x", 5, &[]), "503 503 503 200 200");
}

#[test]
fn a_sequence_is_played_in_its_order() {
    if python("a_sequence_is_played_in_its_order").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    target.lay("/x", r#"{"sequence":[500,"pass",404,200,503]}"#);
    assert_eq!(statuses(&target, "/x", 6, &[]), "500 200 404 200 503 200");
}

#[test]
fn an_agent_is_treated_alone_and_counted_alone() {
    if python("an_agent_is_treated_alone_and_counted_alone").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    target.lay("/x", r#"{"status":503,"agent":"kube-probe/","count":3}"#);
    let kubelet = ["-A", "kube-probe/1.36"];
    assert_eq!(statuses(&target, "/x", 2, &kubelet), "503 503");
    assert_eq!(statuses(&target, "/x", 4, &[]), "200 200 200 200");
    assert_eq!(statuses(&target, "/x", 2, &kubelet), "503 200");
}

#[test]
fn a_share_is_drawn_from_its_seed() {
    if python("a_share_is_drawn_from_its_seed").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    let share = |probability: &str| {
        let behaviour = format!(r#"{{"status":503,"probability":{probability},"seed":7}}"#);
        target.lay("/x", &behaviour);
        statuses(&target, "/x", 40, &[])
    };
    let (never, half, always) = (share("0"), share("0.5"), share("1"));
    assert!(!never.contains("503") && !always.contains("200"));
    assert!(half.contains("503") && half.contains("200"), "{half}");
    assert_eq!(share("0.5"), half, "one seed draws the same twice");
}

#[test]
fn a_flip_is_in_force_on_connections_that_are_open() {
    if python("a_flip_is_in_force_on_connections_that_are_open").is_none() {
        return;
    }
    let target = Target::start(&["http"]);
    target.lay("/fault", r#"{"sequence":[200,"close",503]}"#);
    let urls = vec![target.url("/fault"); 3];
    let answer = curl::ask(&urls);
    // curl repeats a request on a new connection if a kept connection closes without a response.
    assert_eq!(
        (answer.statuses().as_str(), answer.connections()),
        ("200 503 200", 2)
    );
}

/// The statuses of this number of requests on one connection.
fn statuses(target: &Target, path: &str, requests: usize, options: &[&str]) -> String {
    let urls = vec![target.url(path); requests];
    let urls = urls.iter().map(String::as_str);
    let answer = curl::ask(&options.iter().copied().chain(urls).collect::<Vec<_>>());
    assert_eq!(answer.connections(), 1, "{answer:?}");
    answer.statuses()
}
