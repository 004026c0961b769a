//! `agnhost test-webserver` and `agnhost liveness`.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::time::Instant;

use super::{
    flags::Flags,
    http::{self, Handler, Response, decoded},
};
use crate::system::System;

/// How long `liveness` is healthy.
const HEALTHY: Duration = Duration::from_secs(10);

/// `test-webserver`: serves the files of the container.
pub(super) async fn test_webserver(system: &Arc<dyn System>, flags: &Flags<'_>) -> i32 {
    let own = Arc::clone(system);
    let handler: Handler = Arc::new(move |request| {
        let response = file(&*own, &request.path);
        async move { response }.boxed()
    });
    http::serve(system, flags.number("port", 80), handler).await
}

fn file(system: &dyn System, path: &str) -> Response {
    let read = match system.is_directory(path) {
        Ok(true) => {
            let lines = |names: Vec<String>| {
                let lines = names
                    .iter()
                    .map(|name| format!("<a href=\"{name}\">{name}</a>\n"));
                lines.collect::<String>().into_bytes()
            };
            system.list(path).map(lines)
        }
        Ok(false) => system.read(path),
        Err(error) => Err(error),
    };
    match read {
        Ok(body) => Response::new(200, body),
        Err(_) => Response::new(404, "404 page not found\n"),
    }
}

/// `liveness`: healthy for ten seconds; redirects on request.
pub(super) async fn liveness(system: &Arc<dyn System>) -> i32 {
    let started = Instant::now();
    let handler: Handler = Arc::new(move |request| {
        let age = started.elapsed();
        let response = match request.path.as_str() {
            "/started" => Response::new(200, format!("{age:?}")),
            "/healthz" if age > HEALTHY => {
                Response::new(500, format!("error: {}", age.as_secs_f64()))
            }
            "/healthz" => Response::new(200, "ok"),
            "/redirect" => {
                // The value is escaped twice: once for the query, once for itself.
                let target = request.query.get("loc").map_or("", String::as_str);
                redirect(&decoded(target))
            }
            _ => Response::new(404, "404 page not found\n"),
        };
        async move { response }.boxed()
    });
    http::serve(system, 8080, handler).await
}

/// A redirection, as Go's `http.Redirect` answers.
pub(super) fn redirect(target: &str) -> Response {
    let mut response = Response::new(302, format!("<a href=\"{target}\">Found</a>.\n\n"));
    response.headers.push(("Location", target.to_owned()));
    response
}
