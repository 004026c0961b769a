//! Groups of lanes over one time axis, without any markup.

use crate::timeline::{Micros, RequestOutcome};

/// Lanes with a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// The heading.
    pub(crate) title: String,
    /// The lanes.
    pub(crate) lanes: Vec<Lane>,
}

/// What happened to one object, client or expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    /// The object: `container web-1/b`.
    pub(crate) label: String,
    /// What the label names.
    pub(crate) subject: Subject,
    /// Its rows, from top to bottom.
    pub(crate) rows: Vec<Row>,
}

/// What a lane is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// The steps of a run.
    Run,
    /// An expectation, by its step and number.
    Expectation(usize, usize),
    /// An answer of a prediction, by the number of its table and of its row.
    Answer(usize, usize),
    /// A traffic client.
    Client(String),
    /// The endpoints of a Service.
    Service(String),
    /// The Pods of one name.
    Pod(String),
    /// A container of the Pods of one name.
    Container {
        /// The name of the Pods.
        pod: String,
        /// Its name.
        container: String,
    },
    /// Another object, or a watch.
    Other(String),
}

/// One aspect of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The aspect: `state`.
    pub(crate) name: String,
    /// States, in the order of their times.
    pub(crate) spans: Vec<Span>,
    /// Records, in the order of their times.
    pub(crate) marks: Vec<Mark>,
}

/// A state that lasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// When it began.
    pub(crate) from: Micros,
    /// When it ended, or the end of the picture.
    pub(crate) to: Micros,
    /// How it looks.
    pub(crate) look: SpanLook,
    /// The part of the row's height that it takes.
    pub(crate) level: Level,
    /// A short text, shown where there is room.
    pub(crate) label: String,
    /// The text in full.
    pub(crate) text: String,
}

/// The heights from `low` to `high`, of `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) low: u32,
    pub(crate) high: u32,
    pub(crate) of: u32,
}

/// One record, or several that are too close to be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The time of the first.
    pub(crate) at: Micros,
    /// The time of the last.
    pub(crate) until: Micros,
    /// How many records.
    pub(crate) number: usize,
    /// Its shape.
    pub(crate) look: MarkLook,
    /// The texts of the records, each once.
    pub(crate) texts: Vec<String>,
}

/// The look of a span. Each has a pattern of its own besides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SpanLook {
    /// A part of the run: the start, a step, the clean-up.
    Phase,
    /// A flip in force.
    Flip,
    /// Before the window of an `eventually`.
    TooEarly,
    /// The window of an expectation.
    Window,
    /// How long an `eventually` must stay true.
    Hold,
    /// A container waits.
    Waiting,
    /// A container runs, and has not started by its startup probe.
    Starting,
    /// A container runs and has started.
    Running,
    /// A container has terminated.
    Terminated,
    /// A container or Pod is ready.
    Ready,
    /// A Pod exists and is not ready.
    NotReady,
    /// A Pod is being deleted.
    Deleting,
    /// Ready endpoints of a Service.
    Endpoints,
    /// Changes of objects may have been missed.
    Gap,
    /// Requests with this outcome.
    Requests(RequestOutcome),
}

/// The shape of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MarkLook {
    /// A change of an object.
    Change,
    /// A warning, or that a container is killed.
    Event,
    /// A container was started again.
    Restart,
    /// A flip was acknowledged, or flips were removed.
    Flip,
    /// A target answered a status from 200 to 399.
    Passed,
    /// A target answered another status.
    Failed,
    /// A target gave a fault: `hang`.
    Fault,
    /// What was expected became true.
    Held,
    /// What was expected was broken, or became true too early or too late.
    Broken,
}

impl Lane {
    /// A lane with this label and these rows.
    pub(crate) fn new(label: impl Into<String>, subject: Subject, rows: Vec<Row>) -> Self {
        Self {
            label: label.into(),
            subject,
            rows,
        }
    }

    /// Whether a flip is seen in it.
    pub(crate) fn is_flipped(&self) -> bool {
        let mut spans = self.rows.iter().flat_map(|row| &row.spans);
        spans.any(|span| span.look == SpanLook::Flip)
    }

    /// Whether nothing is to be seen in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.iter().all(Row::is_empty)
    }
}

impl Level {
    /// The whole height.
    pub(crate) const FULL: Self = Self {
        low: 0,
        high: 1,
        of: 1,
    };
}

impl Row {
    /// A row with nothing in it.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            spans: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Whether it has neither spans nor marks.
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.marks.is_empty()
    }
}

impl Mark {
    /// One record.
    pub(crate) fn new(at: Micros, look: MarkLook, text: impl Into<String>) -> Self {
        Self {
            at,
            until: at,
            number: 1,
            look,
            texts: vec![text.into()],
        }
    }
}
