//! A container's termination message: its termination log file, or on request the end of its log.
//!
//! Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `getTerminationMessage`;
//! `pkg/kubelet/container/runtime.go` for the limits; `pkg/kubelet/status/status_manager.go`,
//! `normalizeStatus`, for the limit that all containers of a Pod share.

use k8s_openapi::api::core::v1 as core;

use crate::image::ContainerLog;
use crate::image::files::Files;

/// Where a container's termination message comes from, and its maximum length in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct MessageSource {
    /// `terminationMessagePath`: the file's path in the container.
    pub(super) path: String,
    /// `FallbackToLogsOnError`: if there is no message and the container failed, use the end of its
    /// log.
    or_from_log: bool,
    limit: usize,
}

/// The default path of the file.
const DEFAULT_PATH: &str = "/dev/termination-log";

/// The number of bytes read from the end of the file.
const FILE_LIMIT: usize = 4096;

/// The number of lines read from the end of the log.
const LOG_LINES: usize = 80;

/// The number of bytes that all containers of a Pod share.
const POD_LIMIT: usize = 12 * 1024;

impl MessageSource {
    /// The default for each of `containers` containers of a Pod.
    pub(super) fn shared_by(containers: usize) -> Self {
        Self {
            limit: POD_LIMIT / containers.max(1),
            ..Self::default()
        }
    }

    /// The same limit with the path and the policy of this container.
    pub(super) fn of_container(&self, container: &core::Container) -> Self {
        let path = container.termination_message_path.as_deref();
        let path = path.unwrap_or(DEFAULT_PATH).to_owned();
        let policy = container.termination_message_policy.as_deref();
        Self {
            path,
            or_from_log: policy == Some("FallbackToLogsOnError"),
            limit: self.limit,
        }
    }

    /// The termination message of a process that exited with `code`, if any.
    pub(super) fn of(
        &self,
        files: &Files,
        container_log: &ContainerLog,
        code: i32,
    ) -> Option<String> {
        let file = files.read(&self.path).unwrap_or_default();
        let file = String::from_utf8_lossy(&file);
        let mut message = tail(&file, FILE_LIMIT).to_owned();
        // A program that ended well has nothing to explain: its log is not a message.
        if message.is_empty() && self.or_from_log && code != 0 {
            let end = container_log.end_of_log();
            let lines: Vec<&str> = end.split_inclusive('\n').collect();
            message = lines[lines.len().saturating_sub(LOG_LINES)..].concat();
        }
        message.truncate(message.floor_char_boundary(self.limit));
        (!message.is_empty()).then_some(message)
    }
}

/// At most the last `limit` bytes of `text`, in whole characters.
fn tail(text: &str, limit: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(limit))..]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(
        fields: &serde_json::Value,
        message: &str,
        log: &str,
        code: i32,
        expected: Option<&str>,
    ) {
        let mut container = json!({"name": "a"});
        let defaults = container.as_object_mut().unwrap();
        defaults.extend(fields.as_object().unwrap().clone());
        let container = serde_json::from_value(container).unwrap();
        let container_log = ContainerLog::default();
        container_log.append(log.as_bytes());
        let source = MessageSource::shared_by(1).of_container(&container);
        let files = files(&source.path, message);
        let message = source.of(&files, &container_log, code);
        assert_eq!(message.as_deref(), expected);
    }

    /// The files of a container that has written this message.
    fn files(path: &str, message: &str) -> Files {
        let mut files = Files::default();
        files.mount_file(path);
        files.write(path, message.as_bytes()).unwrap();
        files
    }

    #[test]
    fn the_log_replaces_a_missing_message_only_after_a_failure() {
        let fallback = json!({"terminationMessagePolicy": "FallbackToLogsOnError"});
        check(&json!({}), "why", "said\n", 1, Some("why"));
        check(&json!({}), "", "said\n", 1, None);
        check(&fallback, "why", "said\n", 1, Some("why"));
        check(&fallback, "", "said\n", 1, Some("said\n"));
        check(&fallback, "", "said\n", 0, None);
        let other = json!({"terminationMessagePath": "/tmp/other"});
        check(&other, "why", "said\n", 1, Some("why"));
    }

    #[test]
    fn messages_have_a_limit() {
        let fallback = json!({"terminationMessagePolicy": "FallbackToLogsOnError"});
        let long = "x".repeat(5000);
        check(&fallback, &long, "", 1, Some(&long[..4096]));
        check(&fallback, "", &long, 1, Some(&long[..2048]));
        check(
            &fallback,
            "",
            &"x\n".repeat(100),
            1,
            Some(&"x\n".repeat(80)),
        );
        let source = MessageSource::shared_by(6).of_container(&core::Container::default());
        let message = source.of(&files(&source.path, &long), &ContainerLog::default(), 1);
        assert_eq!(message, Some(long[..2048].to_owned()));
    }
}
