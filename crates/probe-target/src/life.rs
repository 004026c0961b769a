//! What can be told the process itself: to exit, what to do at SIGTERM, to take memory. What it does with it is in `serve.rs`.

use std::time::Duration;

use crate::duration;
use crate::fields::Fields;
use crate::invalid::Invalid;

/// `POST /v1/process/exit`: ends the process, shortly after the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Exit {
    /// 1 by default.
    pub(crate) code: u8,
    /// For the kubelet to show; `/dev/termination-log`.
    pub(crate) message: Option<String>,
    /// 100 ms by default, so that the acknowledgement arrives.
    pub(crate) after: Duration,
}

/// `POST /v1/process/sigterm`: what SIGTERM does.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Sigterm {
    /// The process drains and ends.
    #[default]
    Drain,
    /// The same, so much later.
    Delay(Duration),
    /// Nothing.
    Ignore,
}

/// The largest message a kubelet shows.
// kubernetes.io/docs › Determine the reason for Pod failure: 4096 bytes a container.
const LONGEST_MESSAGE: usize = 4096;

impl Exit {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Invalid> {
        let mut fields = Fields::parse_or_empty(body)?;
        let code = fields.number("code", 0..=255)?.unwrap_or(1);
        let message = fields.text("message")?;
        let after = fields.duration("after")?;
        if message
            .as_ref()
            .is_some_and(|text| text.len() > LONGEST_MESSAGE)
        {
            return Err(Invalid::new("message", "has at most 4096 bytes"));
        }
        fields.finish()?;
        Ok(Self {
            code: u8::try_from(code).expect("a code must be at most 255"),
            message,
            after: after.unwrap_or(Duration::from_millis(100)),
        })
    }
}

impl Sigterm {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Invalid> {
        let mut fields = Fields::parse(body)?;
        let ignore = fields.flag("ignore")?;
        let delay = fields.duration("delay")?;
        fields.finish()?;
        match (ignore, delay) {
            (true, None) => Ok(Self::Ignore),
            (false, Some(delay)) => Ok(Self::Delay(delay)),
            (false, None) => Ok(Self::Drain),
            (true, Some(_)) => Err(Invalid::new("delay", "means nothing beside `ignore`")),
        }
    }

    /// What `state` shows; nothing where it is as always.
    pub(crate) fn shown(self) -> Option<String> {
        match self {
            Self::Drain => None,
            Self::Delay(delay) => Some(format!("delayed by {}", duration::format(delay))),
            Self::Ignore => Some("ignored".to_owned()),
        }
    }
}
