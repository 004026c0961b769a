//! Formats an error and its causes as one line, without repeated messages.
//!
//! Libraries repeat their causes in their own messages, and Kubernetes' responses print with all
//! their fields.

use std::{error::Error, iter};

/// The chain as one line: `what failed: why: …`
pub(crate) fn text(error: &(dyn Error + 'static)) -> String {
    chain(error).join(": ")
}

/// The messages of an error and its causes, the outermost first. Skips a message that the one
/// before ends with.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut chain = Vec::new();
    let mut text = String::new();
    for cause in iter::successors(Some(error), |&error| error.source()) {
        let (message, last) = match kube_error(cause) {
            // The API server's message. Its causes only repeat it.
            Some(kube::Error::Api(status)) => (status.message.clone(), true),
            // It has no message but that of its cause, which follows.
            Some(kube::Error::Service(_)) => continue,
            _ => (cause.to_string(), false),
        };
        if !text.ends_with(&message) {
            let separator = if text.is_empty() { "" } else { ": " };
            text = text + separator + &message;
            chain.push(message);
        }
        if last {
            break;
        }
    }
    chain
}

fn kube_error<'e>(cause: &'e (dyn Error + 'static)) -> Option<&'e kube::Error> {
    let boxed = cause.downcast_ref::<Box<kube::Error>>().map(AsRef::as_ref);
    boxed.or_else(|| cause.downcast_ref())
}

#[cfg(test)]
mod tests {
    use std::io;

    use kube::core::Status;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot apply web")]
    struct Outer(#[source] Box<kube::Error>);

    #[test]
    fn an_answer_of_the_api_is_its_message() {
        let status = Status::failure("web is invalid: no", "Invalid").with_code(422);
        let error = Outer(Box::new(kube::Error::Api(Box::new(status))));
        assert_eq!(text(&error), "cannot apply web: web is invalid: no");
    }

    #[test]
    fn a_broken_connection_is_told_by_its_causes() {
        let refused = io::Error::other("connection refused");
        let error = Outer(Box::new(kube::Error::Service(refused.into())));
        assert_eq!(text(&error), "cannot apply web: connection refused");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read it: {0}")]
    struct Repeats(#[source] io::Error);

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let error = Repeats(io::Error::other("disk on fire"));
        assert_eq!(text(&error), "cannot read it: disk on fire");
        let error = anyhow::Error::new(io::Error::other("a")).context("b");
        assert_eq!(text(error.as_ref()), "b: a");
    }
}
