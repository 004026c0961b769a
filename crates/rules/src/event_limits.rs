//! Limits on a component's events: counts repeats, combines similar messages, drops excess.
//!
//! Rule: `staging/src/k8s.io/client-go/tools/record/events_cache.go`. So event counts are not
//! failure counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::Moment;

/// Time in which the token bucket earns one event: five minutes.
const TOKEN_PERIOD: Duration = Duration::from_mins(5);
/// Capacity of the token bucket: 25 events at once.
// As a time, not as a number of events: a part of an event is kept exactly.
const BURST: Duration = Duration::from_mins(25 * 5);
/// Number of different messages with one reason from which on they are combined.
const COMBINED_FROM: usize = 10;
/// Time after the last message of a reason until the reason's messages are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
const COMBINED: &str = "(combined from similar events): ";

/// The event history of one object, such as a Pod with all its containers.
#[derive(Clone, Debug, Default)]
pub struct EventLimits {
    buckets: BTreeMap<String, Bucket>,
    similar: BTreeMap<[String; 2], Similar>,
    // Never pruned: upstream's cache is bounded because it serves all objects; this one ends with
    // its object.
    counts: BTreeMap<[String; 4], u32>,
}

/// An event as recorded, before limits.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// `Normal` or `Warning`; each has a token bucket of its own.
    pub severity: &'a str,
    /// The part of the object, such as `spec.containers{a}`.
    pub part: &'a str,
    /// The event's reason.
    pub reason: &'a str,
    /// The event's message.
    pub message: &'a str,
}

/// The event to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitedEvent {
    /// Identifies the event to create, or to update if `count` is above 1.
    pub key: [String; 4],
    /// The message, with a prefix if it is combined.
    pub message: String,
    /// How often the event was recorded, including dropped ones.
    pub count: u32,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    credit: Duration,
    at: Moment,
}

#[derive(Clone, Debug)]
struct Similar {
    messages: BTreeSet<String>,
    at: Moment,
}

impl EventLimits {
    /// Applies the limits to an event; `None` if it is dropped.
    pub fn apply(&mut self, event: &NewEvent<'_>, now: Moment) -> Option<LimitedEvent> {
        let combined = self.is_combined(event, now);
        // Combined events are counted under the key of their group, which has no part.
        let (part, message) = if combined {
            ("", COMBINED)
        } else {
            (event.part, event.message)
        };
        let key = [event.severity, event.reason, part, message].map(str::to_owned);
        let count = self.counts.entry(key.clone()).or_default();
        // Dropped events are counted too, so the next one that passes may show a count far above
        // the last.
        *count += 1;
        let count = *count;
        let prefix = if combined { COMBINED } else { "" };
        let message = format!("{prefix}{}", event.message);
        self.takes_token(event.severity, now)
            .then_some(LimitedEvent {
                key,
                message,
                count,
            })
    }

    fn is_combined(&mut self, event: &NewEvent<'_>, now: Moment) -> bool {
        // The part is left out, so containers of a Pod share the group. Upstream:
        // `EventAggregatorByReasonFunc`.
        let key = [event.severity, event.reason].map(str::to_owned);
        let fresh = Similar {
            messages: BTreeSet::new(),
            at: now,
        };
        let similar = self.similar.entry(key).or_insert_with(|| fresh.clone());
        if now - similar.at > FORGOTTEN_AFTER {
            *similar = fresh;
        }
        similar.at = now;
        similar.messages.insert(event.message.to_owned());
        let is_combined = similar.messages.len() >= COMBINED_FROM;
        if is_combined {
            // Removes one message, so that the set does not grow if all messages differ.
            similar.messages.pop_first();
        }
        is_combined
    }

    fn takes_token(&mut self, severity: &str, now: Moment) -> bool {
        let full = Bucket {
            credit: BURST,
            at: now,
        };
        // By severity, which `getSpamKey` contains.
        let bucket = self.buckets.entry(severity.to_owned()).or_insert(full);
        bucket.credit = BURST.min(bucket.credit + (now - bucket.at));
        bucket.at = now;
        let Some(rest) = bucket.credit.checked_sub(TOKEN_PERIOD) else {
            return false;
        };
        bucket.credit = rest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str) -> NewEvent<'_> {
        NewEvent {
            severity: "Warning",
            part: "spec.containers{a}",
            reason: "Unhealthy",
            message,
        }
    }

    #[test]
    fn repeats_are_counted_until_the_burst_is_spent() {
        let mut limits = EventLimits::default();
        let counts: Vec<u32> = (0..60)
            .filter_map(|second| limits.apply(&event("bad"), Moment::from_secs(second)))
            .map(|sent| sent.count)
            .collect();
        assert_eq!(counts, (1..=25).collect::<Vec<u32>>());
        // Dropped events are counted too.
        let later = limits.apply(&event("bad"), Moment::from_secs(400));
        assert_eq!(later.map(|sent| sent.count), Some(61));
    }

    #[test]
    fn containers_of_a_pod_share_the_burst() {
        let mut limits = EventLimits::default();
        let sent = (0..40).filter(|turn| {
            let part = if turn % 2 == 0 { "a" } else { "b" };
            let event = NewEvent {
                part,
                ..event("bad")
            };
            limits.apply(&event, Moment::ZERO).is_some()
        });
        assert_eq!(sent.count(), 25);
        let normal = NewEvent {
            severity: "Normal",
            ..event("bad")
        };
        assert!(
            limits.apply(&normal, Moment::ZERO).is_some(),
            "a bucket of its own"
        );
    }

    #[test]
    fn the_tenth_distinct_message_and_those_after_are_combined() {
        let mut limits = EventLimits::default();
        let sent: Vec<(String, u32)> = (1..=12)
            .filter_map(|port| limits.apply(&event(&format!("port {port}")), Moment::ZERO))
            .map(|sent| (sent.message, sent.count))
            .collect();
        assert_eq!(sent[8], ("port 9".to_owned(), 1));
        let combined = |port, count| (format!("{COMBINED}port {port}"), count);
        assert_eq!(
            sent[9..],
            [combined(10, 1), combined(11, 2), combined(12, 3)]
        );
    }
}
