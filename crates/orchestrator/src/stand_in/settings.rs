//! What is chosen about stand-ins: where they belong, their image, and how they start and end.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use probe_target::model::duration;

/// The settings of stand-ins.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The namespace that the objects name, with a Namespace object before them. With `None`, no
    /// object names one, and the command that applies the objects chooses it.
    pub(crate) namespace: Option<String>,
    /// The image of the probe target.
    pub(crate) image: String,
    /// How long stand-ins serve after SIGTERM.
    pub(crate) drain: Option<Duration>,
    /// How long they keep their ports closed after each start.
    pub(crate) start_after: StartAfter,
    /// Their exit code after SIGTERM, if it is not 0.
    pub(crate) exit_on_term: Option<u8>,
}

/// The time for which the ports stay closed after each start.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartAfter {
    /// That of all containers that are not named.
    pub(crate) all: Option<Duration>,
    /// That of containers by name.
    pub(crate) containers: BTreeMap<String, Duration>,
}

/// The probe target's image of this version.
pub(crate) const IMAGE: &str = concat!("probe-target:", env!("CARGO_PKG_VERSION"));

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: None,
            image: IMAGE.to_owned(),
            drain: None,
            start_after: StartAfter::default(),
            exit_on_term: None,
        }
    }
}

impl Settings {
    /// The image with TLS: the tag with `-tls` added. A digest has no such twin, so that it must
    /// be the image with TLS itself.
    pub(super) fn tls_image(&self) -> String {
        let last = self.image.rsplit('/').next().unwrap_or_default();
        if self.is_by_digest() {
            self.image.clone()
        } else if last.contains(':') {
            format!("{}-tls", self.image)
        } else {
            format!("{}:latest-tls", self.image)
        }
    }
}

impl Settings {
    /// Whether a digest names the image.
    pub(super) fn is_by_digest(&self) -> bool {
        self.image.contains('@')
    }

    /// The options that decide about containers, those that are not at their defaults.
    pub(super) fn options(&self) -> Vec<&'static str> {
        let start_after = &self.start_after;
        let given = [
            ("--image", self.image != IMAGE),
            ("--drain", self.drain.is_some()),
            (
                "--start-after",
                start_after.all.is_some() || !start_after.containers.is_empty(),
            ),
            ("--exit-on-term", self.exit_on_term.is_some()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(option, _)| option).collect()
    }
}

/// One `--start-after`: `20s` for all containers, `CONTAINER=20s` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateStart {
    /// The container; `None` for all that are not named.
    pub container: Option<String>,
    /// The time.
    pub after: Duration,
}

impl FromStr for LateStart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (container, time) = match text.split_once('=') {
            None => (None, text),
            Some((name, time)) => (Some(name.to_owned()), time),
        };
        let after = duration::parse(time).filter(|after| !after.is_zero());
        let after = after.ok_or_else(|| {
            format!("`{text}` is no time; expected one above zero such as 20s or web=20s")
        })?;
        Ok(Self { container, after })
    }
}

impl FromIterator<LateStart> for StartAfter {
    fn from_iter<I: IntoIterator<Item = LateStart>>(all: I) -> Self {
        let mut start_after = Self::default();
        for LateStart { container, after } in all {
            match container {
                None => start_after.all = Some(after),
                Some(name) => {
                    start_after.containers.insert(name, after);
                }
            }
        }
        start_after
    }
}

impl StartAfter {
    /// The time of a container.
    pub(super) fn of(&self, container: &str) -> Option<Duration> {
        self.containers.get(container).copied().or(self.all)
    }
}
