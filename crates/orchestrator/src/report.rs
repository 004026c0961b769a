//! Reports of a run: a timeline as text, a table of verdicts, a summary, JSON, JUnit and Markdown.
//!
//! Pure functions from a timeline and its judgement to text or values. Text has quoted strings on
//! one line and without control characters; values have them unchanged. Colour carries no
//! information of its own.

mod alike;
pub(crate) mod ascii;
pub(crate) mod explain;
pub(crate) mod html;
pub(crate) mod json;
mod junit;
pub(crate) mod lanes;
mod line;
pub(crate) mod lint;
mod markdown;
mod markdown_table;
mod markdown_text;
mod measures;
mod outcome_changes;
mod outcomes;
mod paint;
pub mod printer;
mod record_changes;
pub(crate) mod repetition;
mod run_text;
mod sections;
mod summary;
mod table;
mod wrap;

pub(crate) use junit::junit;
pub(crate) use markdown::markdown;
pub(crate) use markdown_table::markdown_table;
pub(crate) use markdown_text::markdown_text;
pub(crate) use outcomes::Outcomes;
pub(crate) use paint::Paint;
pub(crate) use run_text::RunText;
pub(crate) use sections::{Section, SectionBuilder, sections};
pub(crate) use summary::{Total, plural};
pub(crate) use table::{bare_table, details, is_narrow};
pub(crate) use wrap::{columns, hanging, start, wrapped};

#[cfg(test)]
mod tests;
