//! How bad an impact is.

use std::fmt;

use super::{experiment::Effect, impact::Impact, question::Mode};
use crate::timeline::Micros;

/// Severities, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// The shortest time without a successful request that is an outage.
const OUTAGE: Micros = Micros(1_000_000);

/// The same while the Service has endpoints: where some of them do not answer, ten requests in a
/// row may fail by chance.
const OUTAGE_WITH_ENDPOINTS: Micros = Micros(2_000_000);

impl ImpactSeverity {
    /// The severity of one run's impact.
    pub(crate) fn of(mode: Mode, impact: &Impact) -> Self {
        let restarts = impact.has(|effect| matches!(effect, Effect::Restarted(_)));
        let unready = impact.has(|effect| matches!(effect, Effect::NotReady | Effect::Fewer(_)));
        let some_fail = impact.requests.iter().any(|counts| counts.failed > 0);
        if is_outage(impact) {
            Self::Outage
        } else if mode == Mode::Frozen && !restarts && !unready {
            Self::Unnoticed
        } else if restarts {
            Self::Restart
        } else if unready || some_fail {
            Self::Degraded
        } else {
            Self::None
        }
    }
}

/// Whether a Service is out of order: as its clients see it, or by its endpoints if it has no
/// clients.
fn is_outage(impact: &Impact) -> bool {
    let has_none =
        |service: &str| impact.has(|effect| matches!(effect, Effect::None(of) if of == service));
    let clients = impact.requests.iter();
    let mut fail = clients.map(|counts| {
        let shortest = if has_none(&counts.client) {
            OUTAGE
        } else {
            OUTAGE_WITH_ENDPOINTS
        };
        counts.longest_failure >= shortest
    });
    let has_client = |service: &str| {
        impact
            .requests
            .iter()
            .any(|counts| counts.client == service)
    };
    let lasts = |service: &str| {
        let until = impact.took(&Effect::Some(service.to_owned()));
        until.is_none_or(|took| took >= OUTAGE)
    };
    let is_gone = |effect: &Effect| match effect {
        Effect::None(service) => !has_client(service) && lasts(service),
        _ => false,
    };
    fail.any(|fails| fails) || impact.has(is_gone)
}

/// The word in tables.
impl fmt::Display for ImpactSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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
        }
    }

    #[track_caller]
    fn check(
        mode: Mode,
        effects: &[(Effect, u64)],
        failing: Option<u64>,
        expected: ImpactSeverity,
    ) {
        let severity = ImpactSeverity::of(mode, &impact(effects, failing));
        assert_eq!(severity, expected, "{effects:?} {failing:?}");
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
