//! The options that name files for results.

use std::path::{Path, PathBuf};

use clap::Args;

/// Where `run` and `judge` write results; `-` is standard output.
#[derive(Debug, Clone, Default, Args)]
pub struct Results {
    /// Write the results as JSON; `-` is standard output
    #[arg(long, value_name = "F.json")]
    pub json: Option<PathBuf>,
    /// Write the results as JUnit XML; `-` is standard output
    #[arg(long, value_name = "F.xml")]
    pub junit: Option<PathBuf>,
    /// Write the results as Markdown; `-` is standard output
    #[arg(long, value_name = "F.md")]
    pub markdown: Option<PathBuf>,
    /// Draw each run as lanes over time, on one HTML page; `-` is standard output
    #[arg(long, value_name = "F.html")]
    pub report: Option<PathBuf>,
}

/// The path that stands for standard output.
pub(crate) const STDOUT: &str = "-";

/// Whether a file is standard output.
pub(crate) fn is_stdout(path: Option<&Path>) -> bool {
    path.is_some_and(|path| path.as_os_str() == STDOUT)
}

/// An option and the file that it names.
pub(crate) type NamedOutput<'a> = (&'static str, &'a Path);

impl Results {
    /// The files that are written.
    pub(super) fn outputs(&self) -> Vec<NamedOutput<'_>> {
        let files = [
            ("--json", &self.json),
            ("--junit", &self.junit),
            ("--markdown", &self.markdown),
            ("--report", &self.report),
        ];
        let named = files.into_iter();
        named
            .filter_map(|(name, path)| Some((name, path.as_deref()?)))
            .collect()
    }
}
