//! The Kubernetes API over HTTP: an axum router over the registry.
//!
//! It parses requests, passes them to the registry and writes responses. It holds no state and
//! makes no decisions about objects. The caller provides the transport.

mod answer;
mod body;
mod discovery;
mod events;
mod patch;
mod path;
mod portforward;
mod query;
mod read;
mod remove;
mod scale;
mod select;
mod strict;
mod watch;
mod write;

use axum::Router;
use axum::extract::{FromRequestParts, Path, Query as Pairs, Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use hyper::header::{HeaderMap, USER_AGENT};
use hyper::{Method, StatusCode};

use crate::api_status::ApiError;
use crate::net::Network;
use crate::patch::managed::Author;
use crate::registry::Registry;
use crate::tasks::Tasks;

use path::{ResourcePath, Subresource};
use query::Query;

/// The state behind request handlers.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) registry: Registry,
    pub(crate) network: Network,
    /// Tasks of connections that outlive their request.
    pub(crate) tasks: Tasks,
}

/// A parsed request about objects, without its body.
#[derive(Clone, Debug)]
struct Call {
    server: Server,
    target: ResourcePath,
    query: Query,
    agent: String,
}

/// The routes of every path that pocket serves.
pub(crate) fn router(server: Server) -> Router {
    let healthy = || get(async || "ok");
    Router::new()
        .route("/healthz", healthy())
        .route("/livez", healthy())
        .route("/readyz", healthy())
        .route(
            "/version",
            get(async || answer::json(StatusCode::OK, &discovery::version())),
        )
        .route(
            "/api",
            get(async |headers: HeaderMap| discovery::core(&headers)),
        )
        .route(
            "/apis",
            get(async |headers: HeaderMap| discovery::groups(&headers)),
        )
        .route(
            "/apis/{group}",
            get(async |Path(group): Path<String>| discovery::group(&group)),
        )
        .route("/api/v1", get(async || discovery::resources("")))
        .route(
            "/apis/{group}/v1",
            get(async |Path(group): Path<String>| discovery::resources(&group)),
        )
        .route("/api/v1/{*rest}", any(core_objects))
        .route("/apis/{group}/v1/{*rest}", any(group_objects))
        .fallback(async || ApiError::no_such_path())
        .with_state(server)
}

async fn core_objects(
    State(server): State<Server>,
    Path(rest): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    objects(server, "", &rest, request).await
}

async fn group_objects(
    State(server): State<Server>,
    Path((group, rest)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    objects(server, &group, &rest, request).await
}

async fn objects(
    server: Server,
    group: &str,
    rest: &str,
    request: Request,
) -> Result<Response, ApiError> {
    let target = ResourcePath::parse(group, rest).ok_or_else(ApiError::no_such_path)?;
    let (mut parts, body) = request.into_parts();
    let Pairs(pairs) = Pairs::<Vec<(String, String)>>::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| ApiError::bad_request(error.body_text()))?;
    let query = Query::parse(pairs)?;
    let agent = parts
        .headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let call = Call {
        server,
        target,
        query,
        agent: agent.to_owned(),
    };
    call.answer(Request::from_parts(parts, body)).await
}

impl Call {
    async fn answer(self, request: Request) -> Result<Response, ApiError> {
        let writes = !matches!(*request.method(), Method::GET | Method::HEAD);
        if writes && self.target.kind.read_only {
            return Err(ApiError::method_not_allowed());
        }
        match (
            request.method(),
            self.target.name.is_some(),
            self.target.part,
        ) {
            (&Method::GET | &Method::POST, true, Subresource::PortForward) => {
                portforward::start(&self, request)
            }
            (&Method::GET, true, Subresource::Scale) => scale::get(&self),
            (&Method::PUT, true, Subresource::Scale) => scale::put(&self, request).await,
            (&Method::PATCH, true, Subresource::Scale) => scale::patch(&self, request).await,
            (&Method::GET, true, _) => read::get(&self),
            (&Method::GET, false, _) if self.query.watch => watch::start(&self),
            (&Method::GET, false, _) => read::list(&self),
            (&Method::POST, false, _) => write::create(&self, request).await,
            (&Method::PUT, true, _) => write::replace(&self, request).await,
            (&Method::PATCH, true, _) => patch::patch(&self, request).await,
            (&Method::DELETE, true, Subresource::Whole) => remove::one(&self, request).await,
            (&Method::DELETE, false, _) if self.target.is_deletable_collection() => {
                remove::selected(&self, request).await
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn registry(&self) -> &Registry {
        &self.server.registry
    }

    /// The field manager of a write: the one the request names, else the client program's name.
    fn author(&self) -> Author {
        let program = || {
            self.agent
                .split('/')
                .next()
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
        };
        let manager = self.query.field_manager.clone().or_else(program);
        let time = serde_json::to_value(self.registry().clock().time()).unwrap_or_default();
        Author {
            manager: manager.unwrap_or_else(|| "unknown".to_owned()),
            time,
        }
    }
}

#[cfg(test)]
mod tests;
