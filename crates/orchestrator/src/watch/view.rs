//! `View`: what the user has chosen to see, and what is being asked.

use std::time::Duration;

use super::axis::{Axis, Zoom};
use crate::{report::lanes::Subject, timeline::Micros};

/// About as many columns as the axis of a terminal has.
const COLUMNS: u32 = 60;

/// The choices of the user. The lanes are not part of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// The cluster and the namespace.
    pub(super) place: String,
    pub(super) zoom: Zoom,
    /// The right end of the axis, if the view stands.
    pub(super) paused: Option<Micros>,
    pub(super) selected: Option<Subject>,
    /// The place of the selected lane when a key was pressed last, for when the lane is gone.
    pub(super) place_of_selected: usize,
    /// A text that the listed lanes contain.
    pub(super) filter: String,
    /// Whether the newest records of the selected lane are shown.
    pub(super) details: bool,
    pub(super) dialog: Dialog,
    pub(super) notice: Option<Notice>,
}

/// What keys are for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Dialog {
    /// The lanes.
    #[default]
    None,
    /// The list of keys.
    Help,
    /// The text of the filter, which was `before`.
    Filter { before: String },
    /// A flip.
    Flip(FlipPrompt),
}

/// The flip that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlipPrompt {
    pub(super) pod: String,
    pub(super) container: String,
    /// What `probeflip flip` takes after the container.
    pub(super) line: String,
    /// The first words that Tab offers.
    pub(super) targets: Vec<String>,
}

/// A message below the lanes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(super) text: String,
    pub(super) is_error: bool,
}

impl View {
    /// The view of this cluster and namespace when the command begins.
    pub(crate) fn new(place: String) -> Self {
        Self {
            place,
            ..Self::default()
        }
    }

    /// Shows a message until the next key.
    pub(crate) fn notify(&mut self, notice: Result<String, String>) {
        let is_error = notice.is_err();
        let text = notice.unwrap_or_else(|error| error);
        self.notice = Some(Notice { text, is_error });
    }

    /// The time in which the lanes flow by about a column; none while the view stands.
    pub(crate) fn flow(&self) -> Option<Duration> {
        let column = self.zoom.length() / COLUMNS;
        self.paused.is_none().then_some(column)
    }

    /// The time axis at this time, in so many columns.
    pub(super) fn axis(&self, now: Micros, columns: u16) -> Axis {
        Axis::new(self.zoom, self.paused.unwrap_or(now), columns)
    }
}
