//! The table of measurements, and the machine they were made on.

use std::fmt;
use std::fs;

/// Rows in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 3]>,
    notes: Vec<String>,
}

impl Table {
    /// Adds a row and prints it at once, as the whole run takes minutes.
    pub(crate) fn row(&mut self, what: &str, measured: String, must: &str) {
        #[expect(clippy::print_stderr, reason = "progress")]
        {
            eprintln!("{what}: {measured}");
        }
        self.rows.push([what.to_owned(), measured, must.to_owned()]);
    }

    /// Adds to the description of the machine.
    pub(crate) fn say(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notes = [vec![machine()], self.notes.clone()].concat();
        writeln!(f, "Measured on {}.\n", notes.join(", "))?;
        writeln!(f, "| what | measured | must |\n|---|---|---|")?;
        for [what, measured, must] in &self.rows {
            writeln!(f, "| {what} | {measured} | {must} |")?;
        }
        Ok(())
    }
}

/// The processor, the number of cores and the kernel.
fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = processors
        .lines()
        .filter(|line| line.starts_with("model name"));
    let models = models.filter_map(|line| Some(line.split_once(": ")?.1));
    let models: Vec<_> = models.collect();
    let model = models.first().unwrap_or(&"an unknown processor");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {} cores, Linux {}", models.len(), kernel.trim())
}

/// The median.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value of this quantile.
pub(crate) fn quantile(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let index = ((values.len() - 1) as f64 * share).round() as usize;
    values[index]
}

/// `1.12× (1.05 at least)`.
pub(crate) fn ratio(ratios: impl Iterator<Item = f64>) -> String {
    let ratios: Vec<_> = ratios.collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    format!("{:.2}× ({least:.2} at least)", median(ratios.into_iter()))
}
