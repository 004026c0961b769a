//! What the answers of a prediction rest on.

use std::collections::BTreeMap;

use probe_target::model::duration::format;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{stand_in::Settings, timeline::Micros};

/// What stand-ins do, and how often and how hard they are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Basis {
    /// The number of runs of each question.
    pub(crate) samples: u32,
    /// The seed of the first run; the others follow.
    pub(crate) seed: u64,
    /// The rate of requests to each Service, a second.
    pub(crate) rate_per_second: u32,
    /// How long stand-ins serve after SIGTERM, in microseconds.
    #[serde(rename = "drainMicros")]
    drain: Micros,
    /// How long they keep their ports closed after each start, in microseconds.
    #[serde(rename = "startAfterMicros")]
    start_after: Micros,
    /// The same of single containers.
    #[serde(rename = "startAfterMicrosOf")]
    start_after_of: BTreeMap<String, Micros>,
    /// Their exit code after SIGTERM.
    exit_on_term: u8,
}

impl Basis {
    /// The basis of stand-ins with these settings.
    pub(crate) fn new(settings: &Settings, samples: u32, seed: u64, rate_per_second: u32) -> Self {
        let late = &settings.start_after;
        let of_containers = late.containers.iter();
        Self {
            samples,
            seed,
            rate_per_second,
            drain: settings.drain.unwrap_or_default().into(),
            start_after: late.all.unwrap_or_default().into(),
            start_after_of: of_containers
                .map(|(name, time)| (name.clone(), (*time).into()))
                .collect(),
            exit_on_term: settings.exit_on_term.unwrap_or(0),
        }
    }

    /// The basis in words, which stand above the table.
    pub(crate) fn text(&self) -> String {
        let time = |time: Micros| format(time.into());
        let drain = if self.drain == Micros::ZERO {
            "closes its ports at once (--drain)".to_owned()
        } else {
            format!("serves for another {}", time(self.drain))
        };
        let exit = match self.exit_on_term {
            0 => String::new(),
            code => format!(" and exits with {code}"),
        };
        let start = if self.start_after == Micros::ZERO {
            "serves at once (--start-after)".to_owned()
        } else {
            format!("serves after {}", time(self.start_after))
        };
        let others = self.start_after_of.iter();
        let others: Vec<String> = others
            .map(|(name, after)| format!(", {name} after {}", time(*after)))
            .collect();
        let others = others.concat();
        format!(
            "Assumed: on SIGTERM a container {drain}{exit}; when started it {start}{others}; \
             clients send {}/s to each Service. Each row is the result of {}, seeds from {}; with \
             even seeds, other workloads keep kube-proxy busy.",
            self.rate_per_second,
            runs(self.samples),
            self.seed
        )
    }
}

fn runs(samples: u32) -> String {
    match samples {
        1 => "1 run".to_owned(),
        samples => format!("{samples} runs"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_assumptions_name_what_is_set() {
        let mut settings = Settings::default();
        let basis = |settings: &Settings| Basis::new(settings, 20, 1, 10).text();
        assert_eq!(
            basis(&settings),
            "Assumed: on SIGTERM a container closes its ports at once (--drain); when started it \
             serves at once (--start-after); clients send 10/s to each Service. Each row is the \
             result of 20 runs, seeds from 1; with even seeds, other workloads keep kube-proxy busy."
        );
        settings.drain = Some(Duration::from_secs(5));
        settings.exit_on_term = Some(143);
        settings.start_after.all = Some(Duration::from_secs(20));
        let late = ("db".to_owned(), Duration::from_mins(1));
        settings.start_after.containers = [late].into();
        assert_eq!(
            basis(&settings),
            "Assumed: on SIGTERM a container serves for another 5s and exits with 143; when \
             started it serves after 20s, db after 1m; clients send 10/s to each Service. Each \
             row is the result of 20 runs, seeds from 1; with even seeds, other workloads keep \
             kube-proxy busy."
        );
    }
}
