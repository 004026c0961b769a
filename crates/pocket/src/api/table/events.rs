//! The row of an Event.

use k8s_openapi::api::core::v1::{Event, ObjectReference};
use k8s_openapi::jiff::Timestamp;

use super::{Column, Printer, cell};

pub(super) static EVENT: Printer = Printer::new(
    &[
        Column::text("Last Seen"),
        Column::text("Type"),
        Column::text("Reason"),
        Column::text("Object"),
        Column::wide("Subobject"),
        Column::wide("Source"),
        Column::text("Message"),
        Column::wide("First Seen"),
        Column::wide("Count"),
        Column::wide("Name"),
    ],
    |object, now| {
        let event: Event = object.to_typed();
        let Sightings { first, last, count } = Sightings::of(&event, now);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            last.into(),
            text(&event.type_).into(),
            text(&event.reason).into(),
            target(&event.involved_object).into(),
            text(&event.involved_object.field_path).into(),
            source(&event).into(),
            text(&event.message).trim().into(),
            first.into(),
            count.into(),
            cell::name(&event.metadata),
        ]
    },
);

/// When an Event was seen, and how often.
struct Sightings {
    first: String,
    last: String,
    count: i32,
}

impl Sightings {
    fn of(event: &Event, now: Timestamp) -> Self {
        let at = |time: Option<Timestamp>| time.map(|time| cell::between(time, now));
        let times = [
            event.first_timestamp.as_ref().map(|time| time.0),
            event.event_time.as_ref().map(|time| time.0),
        ];
        let first = at(times[0].or(times[1])).unwrap_or_else(|| cell::UNKNOWN.to_owned());
        let last = at(event.last_timestamp.as_ref().map(|time| time.0));
        let (mut last, mut count) = (last.unwrap_or_else(|| first.clone()), event.count);
        if let Some(series) = &event.series {
            let observed = series.last_observed_time.as_ref().map(|time| time.0);
            last = at(observed).unwrap_or_else(|| cell::UNKNOWN.to_owned());
            count = series.count;
        }
        // An Event of the newer API that was seen once has no count.
        let count = count.filter(|count| *count != 0).unwrap_or(1);
        Self { first, last, count }
    }
}

fn target(object: &ObjectReference) -> String {
    let kind = object.kind.as_deref().unwrap_or_default().to_lowercase();
    match object.name.as_deref() {
        Some(name) if !name.is_empty() => format!("{kind}/{name}"),
        _ => kind,
    }
}

/// The component that reported it, and where it runs.
fn source(event: &Event) -> String {
    let source = event.source.clone().unwrap_or_default();
    let either = |old: Option<String>, new: &Option<String>| {
        old.filter(|text| !text.is_empty())
            .or_else(|| new.clone())
            .unwrap_or_default()
    };
    let component = either(source.component, &event.reporting_component);
    let instance = either(source.host, &event.reporting_instance);
    if instance.is_empty() {
        component
    } else {
        format!("{component}, {instance}")
    }
}
