//! The report as one HTML page: verdicts, measures, and the lanes of each run as a picture.
//!
//! The page loads nothing and shows all it has without its script, which adds zoom and links.
//! [`picture`] makes a picture of a timeline; [`svg`], [`section`] and [`page`] only write it down.

mod expectations;
mod page;
mod percentiles;
mod picture;
mod section;
mod shown;
#[cfg(test)]
pub(crate) mod skeleton;
mod svg;
mod when;

use page::page;
pub(crate) use page::{End, Entry, document};
pub(crate) use picture::Picture;
use section::section;
pub(crate) use section::{Run, keys, sources, tools};
pub(crate) use shown::{Lines, Text};
pub(crate) use svg::{chart, lane_id, row_id, symbol};
pub(crate) use when::When;

/// The page so far: it keeps what it shows of a run, not the run.
#[derive(Debug, Default)]
pub(crate) struct Page {
    entries: Vec<Entry>,
}

impl Page {
    /// The section of a run, if it is the next one of the page.
    pub(crate) fn entry(&self, run: &Run<'_>) -> Entry {
        let id = format!("x{}", self.entries.len() + 1);
        Entry {
            body: section(run, &id).into_string(),
            name: run.experiment.name.value.clone(),
            verdict: run.judgement.verdict,
            sum: String::new(),
            id,
        }
    }

    /// Adds a section.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The whole page, with the total of the command, the names of the experiments that did not
    /// run, and errors.
    pub(crate) fn html(&self, end: &End<'_>) -> String {
        page(&self.entries, end).into_string()
    }
}

#[cfg(test)]
mod tests;
