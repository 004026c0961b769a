//! How bad an impact is, and why.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{experiment::Effect, impact::Impact, question::Mode};
use crate::timeline::Micros;

/// Severities, the worst last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ImpactSeverity {
    /// It is not known.
    NotJudged,
    /// Nothing changes.
    None,
    /// Some requests fail, or a Pod is not ready.
    Degraded,
    /// A container is restarted.
    Restart,
    /// Users or work suffer, and nothing in Kubernetes shows it.
    Unnoticed,
    /// No new request to a Service succeeds for a second or longer.
    Outage,
}

/// Why an impact has its severity, the worst last; of one reason the longest last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum SeverityReason {
    /// It is not known.
    NotJudged {
        /// Why, in words.
        why: String,
    },
    /// Nothing changes.
    NothingChanges,
    /// The new Pods never serve, and the former ones stay.
    RolloutStalls,
    /// Pods are not ready.
    NotReady,
    /// A workload without a Service has fewer available Pods.
    FewerPods,
    /// A workload without a Service has no available Pod.
    NoPod,
    /// A Service has fewer ready endpoints.
    FewerEndpoints {
        /// The Service.
        service: String,
    },
    /// Some requests to a Service fail.
    SomeRequestsFail {
        /// How many in a run.
        failed: u64,
        /// The Service.
        service: String,
    },
    /// A container is restarted.
    Restarted {
        /// The container.
        container: String,
    },
    /// The process does not work, and no probe notices.
    NoProbeNotices,
    /// The new Pods never serve, and the rollout completes.
    RolloutCompletes,
    /// A Service without clients has no ready endpoint.
    NoEndpoint {
        /// How long, in microseconds; null if it has none to the end.
        #[serde(rename = "lastsMicros")]
        lasts: Option<Micros>,
        /// The Service.
        service: String,
    },
    /// No request to a Service succeeds.
    NoRequestSucceeds {
        /// How long, in microseconds.
        #[serde(rename = "lastsMicros")]
        lasts: Micros,
        /// Whether it lasts as long as the run is observed.
        to_the_end: bool,
        /// The Service.
        service: String,
    },
}

/// The shortest time without a successful request that is an outage.
const OUTAGE: Micros = Micros(1_000_000);

/// The same while the Service has endpoints: where some of them do not answer, ten requests in a
/// row may fail by chance.
const OUTAGE_WITH_ENDPOINTS: Micros = Micros(2_000_000);

/// What ends so long before the observation counts as lasting to its end: data planes lag, and
/// clients wait for an answer.
const END: Micros = Micros(2_000_000);

impl SeverityReason {
    /// The reason of one run's severity.
    pub(crate) fn of(mode: Mode, impact: &Impact) -> Self {
        outage(impact)
            .or_else(|| unnoticed(mode, impact))
            .or_else(|| restarted(impact))
            .or_else(|| degraded(impact))
            .or_else(|| stalls(mode, impact))
            .unwrap_or(Self::NothingChanges)
    }

    /// The severity that it is the reason of.
    pub(crate) fn severity(&self) -> ImpactSeverity {
        match self {
            Self::NotJudged { .. } => ImpactSeverity::NotJudged,
            Self::NothingChanges | Self::RolloutStalls => ImpactSeverity::None,
            Self::NotReady
            | Self::FewerPods
            | Self::NoPod
            | Self::FewerEndpoints { .. }
            | Self::SomeRequestsFail { .. } => ImpactSeverity::Degraded,
            Self::Restarted { .. } => ImpactSeverity::Restart,
            Self::NoProbeNotices | Self::RolloutCompletes => ImpactSeverity::Unnoticed,
            Self::NoEndpoint { .. } | Self::NoRequestSucceeds { .. } => ImpactSeverity::Outage,
        }
    }

    /// The Service that an outage is of.
    pub(crate) fn service(&self) -> Option<&str> {
        match self {
            Self::NoEndpoint { service, .. } | Self::NoRequestSucceeds { service, .. } => {
                Some(service)
            }
            _ => None,
        }
    }

    /// How long an outage lasts, at least; none if it is no outage.
    pub(crate) fn outage_lasts(&self) -> Option<Micros> {
        match self {
            Self::NoEndpoint { lasts, .. } => Some(lasts.unwrap_or(Micros::MAX)),
            Self::NoRequestSucceeds {
                to_the_end: true, ..
            } => Some(Micros::MAX),
            Self::NoRequestSucceeds { lasts, .. } => Some(*lasts),
            _ => None,
        }
    }
}

/// The shortest time without a successful request that is an outage of a Service which has no
/// endpoint in it, or which has some.
pub(super) fn outage_from(has_no_endpoint: bool) -> Micros {
    if has_no_endpoint {
        OUTAGE
    } else {
        OUTAGE_WITH_ENDPOINTS
    }
}

/// The longest outage of a Service: as its clients see it, or by its endpoints if it has no
/// clients.
fn outage(impact: &Impact) -> Option<SeverityReason> {
    let clients = impact.requests.iter();
    let failing = clients.filter_map(|counts| {
        let service = counts.client.clone();
        let gone = impact.took(&Effect::None(service.clone()));
        let shortest = outage_from(gone.is_some());
        let lasts = counts.longest_failure;
        let begins = gone.unwrap_or(Micros::ZERO);
        let to_the_end = begins + lasts.into() + END.into() >= impact.observed;
        (lasts >= shortest).then_some(SeverityReason::NoRequestSucceeds {
            lasts,
            to_the_end,
            service,
        })
    });
    let has_client = |service: &str| {
        let mut clients = impact.requests.iter();
        clients.any(|counts| counts.client == service)
    };
    let effects = impact.took.iter();
    let gone = effects.filter_map(|(effect, _)| match effect {
        Effect::None(service) if !has_client(service) => {
            let lasts = impact.took(&Effect::Some(service.clone()));
            let is_long = lasts.is_none_or(|lasts| lasts >= OUTAGE);
            let service = service.clone();
            is_long.then_some(SeverityReason::NoEndpoint { lasts, service })
        }
        _ => None,
    });
    failing.chain(gone).max()
}

fn unnoticed(mode: Mode, impact: &Impact) -> Option<SeverityReason> {
    let is_notice = |effect: &Effect| {
        matches!(
            effect,
            Effect::NotReady | Effect::Fewer(_) | Effect::Restarted(_)
        )
    };
    let is_complete = impact.took(&Effect::Complete).is_some();
    match mode {
        Mode::Frozen if !impact.has(is_notice) => Some(SeverityReason::NoProbeNotices),
        Mode::Startup if is_complete => Some(SeverityReason::RolloutCompletes),
        _ => None,
    }
}

fn stalls(mode: Mode, impact: &Impact) -> Option<SeverityReason> {
    let is_complete = impact.took(&Effect::Complete).is_some();
    (mode == Mode::Startup && !is_complete).then_some(SeverityReason::RolloutStalls)
}

fn restarted(impact: &Impact) -> Option<SeverityReason> {
    impact.took.iter().find_map(|(effect, _)| match effect {
        Effect::Restarted(container) => Some(SeverityReason::Restarted {
            container: container.clone(),
        }),
        _ => None,
    })
}

fn degraded(impact: &Impact) -> Option<SeverityReason> {
    let failing = impact.requests.iter().filter(|counts| counts.failed > 0);
    let failing = failing.map(|counts| SeverityReason::SomeRequestsFail {
        failed: counts.failed,
        service: counts.client.clone(),
    });
    let unready = impact.took.iter().filter_map(|(effect, _)| match effect {
        Effect::NotReady => Some(SeverityReason::NotReady),
        Effect::FewerPods => Some(SeverityReason::FewerPods),
        Effect::NoPod => Some(SeverityReason::NoPod),
        Effect::Fewer(service) => Some(SeverityReason::FewerEndpoints {
            service: service.clone(),
        }),
        _ => None,
    });
    failing.chain(unready).max()
}

impl ImpactSeverity {
    /// The length of its longest word.
    pub(super) const WORD: usize = "not judged".len();
}

/// The word in tables.
impl fmt::Display for ImpactSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotJudged => "not judged",
            Self::None => "none",
            Self::Degraded => "degraded",
            Self::Restart => "restart",
            Self::Unnoticed => "unnoticed",
            Self::Outage => "outage",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::RequestCounts;

    /// An impact of effects with their times in milliseconds, and of requests to the Service `web`
    /// that fail for so many milliseconds on end.
    fn impact(effects: &[(Effect, u64)], failing: Option<u64>) -> Impact {
        let took = effects.iter().cloned();
        let counts = |millis: u64| RequestCounts {
            client: "web".to_owned(),
            sent: 1_000,
            failed: millis / 100,
            longest_failure: Micros(millis * 1_000),
        };
        Impact {
            took: took
                .map(|(effect, millis)| (effect, Micros(millis * 1_000)))
                .collect(),
            requests: failing.map(counts).into_iter().collect(),
            observed: Micros(100_000_000),
        }
    }

    #[track_caller]
    fn check(
        mode: Mode,
        effects: &[(Effect, u64)],
        failing: Option<u64>,
        expected: ImpactSeverity,
    ) {
        let reason = SeverityReason::of(mode, &impact(effects, failing));
        assert_eq!(reason.severity(), expected, "{effects:?} {failing:?}");
    }

    #[test]
    fn an_outage_lasts_a_second() {
        let none = (Effect::None("web".to_owned()), 5_000);
        let check = |effects: &[_], failing, expected| {
            check(Mode::Readiness, effects, failing, expected);
        };
        check(
            std::slice::from_ref(&none),
            Some(1_000),
            ImpactSeverity::Outage,
        );
        check(&[none], Some(900), ImpactSeverity::Degraded);
        // Ten requests in a row may meet the endpoint that does not answer.
        check(&[], Some(1_500), ImpactSeverity::Degraded);
        check(&[], Some(2_000), ImpactSeverity::Outage);
    }

    #[test]
    fn a_broken_release_stalls_or_gets_through() {
        let check = |effects: &[_], failing, expected| {
            check(Mode::Startup, effects, failing, expected);
        };
        let complete = (Effect::Complete, 20_000);
        check(&[(Effect::Stalled, 600_000)], None, ImpactSeverity::None);
        check(
            std::slice::from_ref(&complete),
            None,
            ImpactSeverity::Unnoticed,
        );
        check(&[complete], Some(50_000), ImpactSeverity::Outage);
    }

    #[test]
    fn an_outage_that_is_not_over_lasts_to_the_end() {
        let check = |gone: Option<u64>, lasts, expected| {
            let gone = gone.map(|millis| (Effect::None("web".to_owned()), millis));
            let effects: Vec<_> = gone.into_iter().collect();
            let reason = SeverityReason::of(Mode::Frozen, &impact(&effects, Some(lasts)));
            let is_to_the_end = matches!(
                reason,
                SeverityReason::NoRequestSucceeds {
                    to_the_end: true,
                    ..
                }
            );
            assert_eq!(
                is_to_the_end,
                expected,
                "{gone:?} {lasts}",
                gone = effects.first()
            );
        };
        check(None, 99_000, true);
        check(None, 90_000, false);
        check(Some(10_000), 89_000, true);
        check(Some(10_000), 60_000, false);
    }

    #[test]
    fn without_clients_the_endpoints_tell() {
        let none = (Effect::None("headless".to_owned()), 5_000);
        let again = |millis| (Effect::Some("headless".to_owned()), millis);
        let check = |effects: &[_], expected| check(Mode::Crash, effects, Some(0), expected);
        check(std::slice::from_ref(&none), ImpactSeverity::Outage);
        check(&[none.clone(), again(1_000)], ImpactSeverity::Outage);
        check(&[none, again(300)], ImpactSeverity::None);
    }

    #[test]
    fn a_freeze_that_nothing_shows_is_unnoticed() {
        let restarted = (Effect::Restarted("app".to_owned()), 60_000);
        check(Mode::Frozen, &[], Some(500), ImpactSeverity::Unnoticed);
        check(
            Mode::Frozen,
            std::slice::from_ref(&restarted),
            Some(500),
            ImpactSeverity::Restart,
        );
        check(Mode::Liveness, &[restarted], None, ImpactSeverity::Restart);
        check(
            Mode::Frozen,
            &[(Effect::NotReady, 9_000)],
            None,
            ImpactSeverity::Degraded,
        );
        check(Mode::Liveness, &[], Some(0), ImpactSeverity::None);
    }
}
