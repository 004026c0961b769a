//! A container's termination message: its termination log file, or on request the end of its log.
//!
//! Rule: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `getTerminationMessage`;
//! `pkg/kubelet/container/runtime.go` for the limits; `pkg/kubelet/status/status_manager.go`,
//! `normalizeStatus`, for the limit that all containers of a Pod share.

use k8s_openapi::api::core::v1 as core;

use crate::image::Remains;

/// Where a container's termination message comes from, and its maximum length in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LastWords {
    /// `terminationMessagePath` is the file that programs write.
    written: bool,
    /// `FallbackToLogsOnError`: if there is no message and the container failed, use the end of its
    /// log.
    or_log: bool,
    most: usize,
}

/// The file that programs write.
const PATH: &str = "/dev/termination-log";

/// The number of bytes read from the end of the file.
const FILE: usize = 4096;

/// The number of lines read from the end of the log.
const LINES: usize = 80;

/// The number of bytes that all containers of a Pod share.
const ALL: usize = 12 * 1024;

impl LastWords {
    /// The default for each of `containers` containers of a Pod.
    pub(super) fn shared_by(containers: usize) -> Self {
        Self {
            most: ALL / containers.max(1),
            ..Self::default()
        }
    }

    /// The same limit with the path and the policy of this container.
    pub(super) fn wanted_by(self, container: &core::Container) -> Self {
        let path = container.termination_message_path.as_deref();
        let policy = container.termination_message_policy.as_deref();
        Self {
            written: path.is_none_or(|path| path == PATH),
            or_log: policy == Some("FallbackToLogsOnError"),
            ..self
        }
    }

    /// The termination message of a process that exited with `code`, if any.
    pub(super) fn of(self, remains: &Remains, code: i32) -> Option<String> {
        let file = if self.written {
            remains.message()
        } else {
            String::new()
        };
        let mut said = tail(&file, FILE).to_owned();
        if said.is_empty() && self.or_log && code != 0 {
            let log = remains.end_of_log();
            let lines: Vec<&str> = log.split_inclusive('\n').collect();
            said = lines[lines.len().saturating_sub(LINES)..].concat();
        }
        said.truncate(said.floor_char_boundary(self.most));
        (!said.is_empty()).then_some(said)
    }
}

/// At most the last `most` bytes of `text`, in whole characters.
fn tail(text: &str, most: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(most))..]
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
        let own = container.as_object_mut().unwrap();
        own.extend(fields.as_object().unwrap().clone());
        let container = serde_json::from_value(container).unwrap();
        let remains = Remains::default();
        remains.conclude(message);
        remains.log(log.as_bytes());
        let words = LastWords::shared_by(1).wanted_by(&container);
        assert_eq!(words.of(&remains, code).as_deref(), expected);
    }

    #[test]
    fn the_file_speaks_first_and_the_log_only_of_a_failure() {
        let fallback = json!({"terminationMessagePolicy": "FallbackToLogsOnError"});
        check(&json!({}), "why", "said\n", 1, Some("why"));
        check(&json!({}), "", "said\n", 1, None);
        check(&fallback, "why", "said\n", 1, Some("why"));
        check(&fallback, "", "said\n", 1, Some("said\n"));
        check(&fallback, "", "said\n", 0, None);
        let other = json!({"terminationMessagePath": "/dev/other"});
        check(&other, "why", "said\n", 1, None);
    }

    #[test]
    fn there_are_only_so_many() {
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
        let remains = Remains::default();
        remains.conclude(&long);
        let words = LastWords::shared_by(6).wanted_by(&core::Container::default());
        assert_eq!(words.of(&remains, 1), Some(long[..2048].to_owned()));
    }
}
