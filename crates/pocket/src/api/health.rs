//! Health of the API server: `/livez`, `/readyz`, `/healthz`, and their checks one by one.
//!
//! The checks are named as upstream. All of them hold for as long as the process runs.
//!
//! Rule: `staging/src/k8s.io/apiserver/pkg/server/healthz/healthz.go`.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::api_status::ApiError;

const CHECKS: [&str; 3] = ["ping", "log", "etcd"];
const READY_CHECKS: [&str; 6] = [
    "ping",
    "log",
    "etcd",
    "etcd-readiness",
    "informer-sync",
    "shutdown",
];

/// Pairs of a query.
type Pairs = Vec<(String, String)>;

/// The routes of all checks.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let of = |name: &'static str, checks: &'static [&'static str]| {
        let all = get(async move |Query(query): Query<Pairs>| all(name, checks, &query));
        let one = get(async move |Path(check): Path<String>| one(checks, &check));
        Router::new()
            .route(&format!("/{name}"), all.clone())
            .route(&format!("/{name}/"), all)
            .route(&format!("/{name}/{{check}}"), one)
    };
    of("healthz", &CHECKS)
        .merge(of("livez", &CHECKS))
        .merge(of("readyz", &READY_CHECKS))
}

/// The result of all checks: `ok`, or a line for each with the parameter `verbose`.
fn all(name: &str, checks: &[&str], query: &Pairs) -> Response {
    let values = |key: &'static str| query.iter().filter(move |(name, _)| name == key);
    let mut excluded: BTreeSet<&str> = values("exclude").map(|(_, it)| it.as_str()).collect();
    if values("verbose").next().is_none() {
        return text("ok".to_owned());
    }
    let mut lines = String::new();
    for check in checks {
        let mark = if excluded.remove(check) {
            " excluded: ok"
        } else {
            " ok"
        };
        lines.extend(["[+]", check, mark, "\n"]);
    }
    if !excluded.is_empty() {
        let names: Vec<String> = excluded.iter().map(|name| format!("{name:?}")).collect();
        let names = names.join(",");
        let why = "some health checks cannot be excluded: no matches for";
        lines.extend(["warn: ", why, " ", &names, "\n"]);
    }
    text(lines + name + " check passed\n")
}

fn one(checks: &[&str], check: &str) -> Response {
    if checks.contains(&check) {
        text("ok".to_owned())
    } else {
        ApiError::no_such_path().into_response()
    }
}

fn text(body: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body).into_response()
}
