//! The answers as a table for people, whose rows are printed one by one, and as Markdown.

use super::{
    answer::Answer,
    answer_text::{follows, reason},
    impact_severity::ImpactSeverity,
};
use crate::{
    printable::one_line,
    report::{hanging, markdown_table, markdown_text},
};

/// Width of text that no terminal limits.
const WIDTH: usize = 100;

/// The least width of a column of sentences: with less, they stand below their row.
const SENTENCES: usize = 48;

/// What sentences below their row begin with.
const BELOW: &str = "      ";

/// The columns of the Markdown table.
const COLUMNS: [&str; 5] = [
    "container",
    "fails",
    "Pods",
    "severity",
    "why, and what follows",
];

/// A table whose rows come one by one, a block for each container.
#[derive(Debug)]
pub(crate) struct Table {
    width: usize,
    /// The widths of what fails, of the Pods and of the severity.
    columns: [usize; 3],
    /// The container of the last row.
    subject: Option<String>,
}

impl Table {
    /// A table for rows with these words for what fails and for the Pods.
    pub(crate) fn new(labels: &[(String, String)], width: Option<u16>) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = &str>, least: &str| {
            let widths = texts.map(|text| text.chars().count());
            widths.max().unwrap_or(0).max(least.len())
        };
        Self {
            width: width.map_or(WIDTH, usize::from),
            columns: [
                widest(&mut labels.iter().map(|(fails, _)| fails.as_str()), "fails"),
                widest(&mut labels.iter().map(|(_, pods)| pods.as_str()), "Pods"),
                ImpactSeverity::WORD,
            ],
            subject: None,
        }
    }

    /// The names of the columns, with a line below them.
    pub(crate) fn head(&self) -> String {
        let cells = ["fails", "Pods", "severity"];
        let line = self.width.min(WIDTH);
        let own = self.cells(cells);
        let cells = own.clone() + "why, and what follows";
        // What stands below its row needs no column.
        let head = if cells.chars().count() > self.width {
            &own
        } else {
            &cells
        };
        format!("{}\n{}\n", head.trim_end(), "─".repeat(line))
    }

    /// The lines of an answer, below its container if that is another than before.
    pub(crate) fn row(&mut self, answer: &Answer) -> String {
        let subject = one_line(&answer.subject()).into_owned();
        let mut lines: Vec<String> = Vec::new();
        if self.subject.as_ref() != Some(&subject) {
            lines.push(subject.clone());
            self.subject = Some(subject);
        }
        let severity = answer.severity.to_string();
        let cells = self.cells([&one_line(&answer.fails), &answer.pods, &severity]);
        let sentences = sentences(answer);
        let own = cells.chars().count();
        if own + SENTENCES <= self.width {
            lines.extend(hanging(&cells, &sentences, self.width));
        } else {
            lines.push(cells.trim_end().to_owned());
            lines.extend(hanging(BELOW, &sentences, self.width));
        }
        lines.join("\n") + "\n"
    }

    fn cells(&self, cells: [&str; 3]) -> String {
        let columns = cells.into_iter().zip(self.columns);
        let padded = columns.map(|(cell, width)| format!("  {cell:width$}"));
        padded.collect::<String>() + "  "
    }
}

/// The answers as a Markdown table.
pub(crate) fn markdown(answers: &[Answer]) -> String {
    let rows = answers.iter().map(|answer| {
        let severity = answer.severity.to_string();
        let (subject, sentences) = (answer.subject(), sentences(answer));
        let cells = [&subject, &answer.fails, &answer.pods, &severity, &sentences];
        cells.map(|cell| markdown_text(cell))
    });
    markdown_table(COLUMNS, rows)
}

/// The reason of the severity, and what follows.
pub(super) fn sentences(answer: &Answer) -> String {
    let reason = reason(answer);
    let follows = follows(answer);
    let follows = follows.into_iter().filter(|line| *line != reason);
    let lines: Vec<String> = [reason.clone()].into_iter().chain(follows).collect();
    one_line(&lines.join("; ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{predict::impact_severity::SeverityReason, timeline::Micros};

    fn rows(width: u16) -> String {
        let labels = ("frozen".to_owned(), "all 3".to_owned());
        let mut table = Table::new(&[labels], Some(width));
        let outage = SeverityReason::NoRequestSucceeds {
            lasts: Micros(66_300_000),
            to_the_end: false,
            service: "web".to_owned(),
        };
        let [first, second] =
            [outage, SeverityReason::NotReady].map(|reason| table.row(&Answer::example(reason)));
        first + &second
    }

    #[test]
    fn sentences_stand_beside_their_row_or_below_it() {
        let wide = "\
deploy/web/app
  frozen  all 3  outage      no request to web succeeds for up to 66.3 s; no
                             probe notices
  frozen  all 3  degraded    not ready, but no Service loses a request; no
                             probe notices
";
        assert_eq!(rows(77), wide);
        let narrow = "\
deploy/web/app
  frozen  all 3  outage
      no request to web succeeds for up to 66.3 s; no probe notices
  frozen  all 3  degraded
      not ready, but no Service loses a request; no probe notices
";
        assert_eq!(rows(76), narrow);
    }
}
