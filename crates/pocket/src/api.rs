//! The Kubernetes API over HTTP: an axum router over the registry.
//!
//! It parses requests, passes them to the registry and writes responses. It holds no state and
//! makes no decisions about objects. The caller provides the transport.

mod access_review;
mod answer;
mod body;
mod call;
mod channel;
mod container_name;
mod continue_token;
mod discovery;
mod events;
mod evict;
mod exec;
mod form;
mod health;
mod log;
mod log_options;
mod openapi;
mod options;
mod patch;
mod path;
mod portforward;
mod protobuf;
mod query;
mod read;
mod remove;
mod scale;
mod select;
mod selectable_fields;
mod shown;
mod strict;
mod table;
mod upgrade;
mod watch;
mod write;

use axum::Router;
use axum::extract::{FromRequestParts, Path, Query as Pairs, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use hyper::header::{HeaderMap, USER_AGENT};
use hyper::{Method, StatusCode, Uri};

use crate::api_status::ApiError;

pub(crate) use body::YamlParser;
pub(crate) use call::Server;

use call::Call;
use form::Form;
use path::{ResourcePath, Subresource};
use query::Query;

/// The routes of every path that pocket serves.
pub(crate) fn router(server: Server) -> Router {
    let version = || get(async || answer::json(StatusCode::OK, &discovery::version()));
    let core = || get(async |headers: HeaderMap| discovery::core(&headers));
    let groups = || get(async |headers: HeaderMap| discovery::groups(&headers));
    let group = || get(async |Path(group): Path<String>| discovery::group(&group));
    let resources = || get(async || discovery::resources(""));
    let of_group = || get(async |Path(group): Path<String>| discovery::resources(&group));
    // Upstream takes each path with a slash at its end too.
    Router::new()
        .merge(health::routes())
        .route("/version", version())
        .route("/version/", version())
        .route("/api", core())
        .route("/api/", core())
        .route("/apis", groups())
        .route("/apis/", groups())
        .route("/apis/{group}", group())
        .route("/apis/{group}/", group())
        .route("/api/v1", resources())
        .route("/api/v1/", resources())
        .route("/apis/{group}/v1", of_group())
        .route("/apis/{group}/v1/", of_group())
        .route("/openapi/v3", get(async || openapi::index()))
        .route("/openapi/v3/api/v1", get(async || openapi::document("")))
        .route(
            "/openapi/v3/apis/{group}/v1",
            get(async |Path(group): Path<String>| openapi::document(&group)),
        )
        .route(access_review::PATH, post(access_review::create))
        .route("/api/v1/{*rest}", any(core_objects))
        .route("/apis/{group}/v1/{*rest}", any(group_objects))
        .fallback(async |uri: Uri| no_such_path(uri.path()))
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
    let Some(target) = ResourcePath::parse(group, rest) else {
        return Ok(no_such_path(request.uri().path()));
    };
    let (mut parts, body) = request.into_parts();
    if let Some(parse) = server.yaml {
        parts.extensions.insert(parse);
    }
    // As pairs, not as a map: `ports` may be given more than once.
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
        form: Form::of(&parts.headers, query.include_object)?,
        query,
        agent: agent.to_owned(),
    };
    let answered = answer_call(&call, Request::from_parts(parts, body)).await;
    if call.target.kind.name == "Endpoints" {
        let response = answered.unwrap_or_else(IntoResponse::into_response);
        let deprecated = ENDPOINTS_DEPRECATED.to_owned();
        return Ok(answer::with_warnings(response, &[deprecated]));
    }
    answered
}

/// The warning of every answer about Endpoints.
const ENDPOINTS_DEPRECATED: &str =
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

/// The answer for a path that is not served. Outside the groups that are served, nothing knows what
/// an API's answer looks like.
fn no_such_path(path: &str) -> Response {
    let mut parts = path.trim_start_matches('/').split('/');
    let is_api = match (parts.next(), parts.next()) {
        (Some("api"), _) => true,
        (Some("apis"), Some(group)) => discovery::group_names().contains(&group),
        _ => false,
    };
    if is_api {
        ApiError::no_such_path().into_response()
    } else {
        (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
    }
}

async fn answer_call(call: &Call, request: Request) -> Result<Response, ApiError> {
    let creates_or_deletes = matches!(*request.method(), Method::POST | Method::DELETE);
    if creates_or_deletes && call.target.kind.is_fixed {
        return Err(ApiError::method_not_allowed());
    }
    // The server leaves the body of its response out.
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        method => method,
    };
    match (method, call.target.name.is_some(), call.target.part) {
        (&Method::GET | &Method::POST, true, Subresource::PortForward) => {
            portforward::start(call, request)
        }
        (&Method::GET | &Method::POST, true, Subresource::Exec) => exec::start(call, request),
        (&Method::POST, true, Subresource::Eviction) => evict::create(call, request).await,
        (_, true, Subresource::Eviction)
        | (
            &Method::PUT | &Method::PATCH,
            true,
            Subresource::Log | Subresource::Exec | Subresource::PortForward,
        ) => Err(ApiError::method_not_allowed()),
        (&Method::GET, true, Subresource::Log) => log::get(call),
        (&Method::GET, true, Subresource::Scale) => scale::get(call),
        (&Method::PUT, true, Subresource::Scale) => scale::put(call, request).await,
        (&Method::PATCH, true, Subresource::Scale) => scale::patch(call, request).await,
        // A status is read as the whole object, as upstream.
        (&Method::GET, true, _) => read::get(call),
        (&Method::GET, false, _) if call.query.watch => watch::start(call),
        (&Method::GET, false, _) => read::list(call),
        (&Method::POST, false, _) => write::create(call, request).await,
        (&Method::PUT, true, _) => write::replace(call, request).await,
        (&Method::PATCH, true, _) => patch::patch(call, request).await,
        (&Method::DELETE, true, Subresource::Whole) => remove::one(call, request).await,
        (&Method::DELETE, false, _) if call.target.is_deletable_collection() => {
            remove::selected(call, request).await
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

#[cfg(test)]
mod tests;
