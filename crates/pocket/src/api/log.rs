//! GET of a container's log, whole or in part, and as it grows.
//!
//! Rule: `pkg/registry/core/pod/strategy.go`, `LogLocation`; `pkg/kubelet/kubelet_pods.go`,
//! `validateContainerLogStatus`; `pkg/kubelet/kuberuntime/logs/logs.go`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod, PodStatus};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::call::Call;
use super::container_name;
use super::log_options::LogOptions;
use crate::api_status::ApiError;
use crate::image::{ContainerLog, LogLine};

pub(super) fn get(call: &Call) -> Result<Response, ApiError> {
    let (name, options) = (call.target.name(), &call.query.log);
    let pod: Arc<Pod> = call.object()?.typed();
    options.check(name)?;
    let container = container_name::resolve(&pod, name, options.container.as_deref())?;
    if pod
        .spec
        .as_ref()
        .is_none_or(|spec| spec.node_name.is_none())
    {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let status = pod.status.clone().unwrap_or_default();
    let id = container_id(&status, name, &container, options.previous);
    let id = id.map_err(ApiError::bad_request)?;
    // A container that never started has no log, or an empty one.
    let log = call.server.logs.find(&id).unwrap_or_default();
    let feed = LogFeed::new(log, options, call.registry().clock().time().0);
    let parts = stream::unfold(feed, async |mut feed| {
        let part = feed.next().await?;
        Some((Ok::<_, Infallible>(part), feed))
    });
    Ok(([(CONTENT_TYPE, "text/plain")], Body::from_stream(parts)).into_response())
}

/// The ID of the instance whose log is meant, or why there is none.
fn container_id(
    status: &PodStatus,
    pod: &str,
    container: &str,
    previous: bool,
) -> Result<String, String> {
    let all = [&status.container_statuses, &status.init_container_statuses];
    let mut all = all.into_iter().flatten().flatten();
    let Some(status) = all.find(|status| status.name == container) else {
        return Err(format!(
            "container \"{container}\" in pod \"{pod}\" is not available"
        ));
    };
    let of_pod = |what: &str| format!("container \"{container}\" in pod \"{pod}\" {what}");
    let last = ended_id(status.last_state.as_ref());
    if previous {
        return last.ok_or_else(|| format!("previous terminated {}", of_pod("not found")));
    }
    let state = status.state.clone().unwrap_or_default();
    if state.running.is_some() {
        return Ok(running_id(status));
    }
    if state.terminated.is_some() {
        let ended = ended_id(Some(&state)).or(last);
        return ended.ok_or_else(|| of_pod("is terminated"));
    }
    if let Some(last) = last {
        return Ok(last);
    }
    let reason = state.waiting.and_then(|waiting| waiting.reason);
    Err(of_pod(&match reason.as_deref() {
        Some("ErrImagePull") => "is waiting to start: image can't be pulled".to_owned(),
        Some("ImagePullBackOff") => {
            "is waiting to start: trying and failing to pull image".to_owned()
        }
        reason => format!("is waiting to start: {}", reason.unwrap_or_default()),
    }))
}

fn running_id(status: &ContainerStatus) -> String {
    status.container_id.clone().unwrap_or_default()
}

fn ended_id(state: Option<&ContainerState>) -> Option<String> {
    let ended = state?.terminated.as_ref()?;
    ended.container_id.clone().filter(|id| !id.is_empty())
}

/// A log on its way to a client.
struct LogFeed {
    log: ContainerLog,
    changed: watch::Receiver<()>,
    /// The number of the next line.
    next: usize,
    since: Option<Timestamp>,
    timestamps: bool,
    follow: bool,
    /// How many bytes may still be sent.
    room: usize,
    ended: bool,
}

impl LogFeed {
    fn new(log: ContainerLog, options: &LogOptions, now: Timestamp) -> Self {
        let ago = options.since_seconds.map(SignedDuration::from_secs);
        let ago = ago.and_then(|ago| now.checked_sub(ago).ok());
        let bytes = options
            .limit_bytes
            .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let changed = log.subscribe();
        let mut feed = Self {
            log,
            changed,
            next: 0,
            since: options.since_time.or(ago),
            timestamps: options.timestamps,
            follow: options.follow,
            room: bytes.unwrap_or(usize::MAX),
            ended: false,
        };
        if let Some(lines) = options.tail_lines {
            let (_, after, _) = feed.log.lines_from(0);
            feed.next = after.saturating_sub(usize::try_from(lines).unwrap_or(usize::MAX));
        }
        feed
    }

    /// The next part, or `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.ended && self.room > 0 {
            // Before reading: a line written in between then wakes the feed again.
            self.changed.mark_unchanged();
            let (lines, next, more) = self.log.lines_from(self.next);
            self.next = next;
            self.ended = !(more && self.follow);
            let part = self.shown(&lines);
            if !part.is_empty() {
                return Some(part.into());
            }
            if !self.ended {
                // The feed keeps the sender alive.
                drop(self.changed.changed().await);
            }
        }
        None
    }

    fn shown(&mut self, lines: &[LogLine]) -> Vec<u8> {
        let mut text = Vec::new();
        for line in lines
            .iter()
            .filter(|line| self.since.is_none_or(|since| line.time >= since))
        {
            if self.timestamps {
                text.extend_from_slice(format!("{:.9} ", line.time).as_bytes());
            }
            text.extend_from_slice(&line.text);
        }
        text.truncate(self.room);
        self.room -= text.len();
        text
    }
}
