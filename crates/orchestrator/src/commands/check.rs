//! `probeflip check`: everything that can be said about files before a run.
//!
//! Each file gets a line, and its problems are printed as `run` prints them. Unlike `run`, one
//! invalid file does not hide the others, and an invalid experiment none of its own problems.

use std::path::{Path, PathBuf};

use probe_target::model::duration;
use rules::probe::Window;

use super::run::unused;
use crate::{
    check, cli,
    cluster::admission,
    exit::{CommandResult, Exit, Failure},
    input::{
        experiment::{Experiment, Operator},
        files::Files,
        load::{self, Loaded, Manifest},
        manifests,
        problem::{Problem, ProblemText, Problems},
        source::Source,
    },
    printable::one_line,
    report::{plural, printer::Printer},
    stand_in::{self, Settings},
};

pub(super) fn run(command: &cli::Check, printer: &Printer) -> CommandResult {
    let mut files: Vec<CheckedFile> = command.files.iter().flat_map(|path| read(path)).collect();
    for file in &mut files {
        file.check(command.namespace.as_deref());
    }
    check_names(&mut files);
    let invalid = files.iter().filter(|file| !file.is_valid()).count();
    let count = files.len();
    for file in files {
        file.print(command.quiet, printer)?;
    }
    if count != 1 || command.quiet {
        let total = match invalid {
            0 => "all valid".to_owned(),
            _ => format!("{} valid, {invalid} invalid", count - invalid),
        };
        printer.text(&format!("{}: {total}\n", plural(count, "file")))?;
    }
    Ok(if invalid == 0 {
        Exit::Held
    } else {
        Exit::Usage
    })
}

/// A file and what was found.
struct CheckedFile {
    path: PathBuf,
    experiments: Vec<Experiment>,
    manifests: Vec<Manifest>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// Why the file, or one that it names, cannot be read.
    failures: Vec<Failure>,
}

/// Reads a file, standard input, or the files of a directory.
fn read(path: &Path) -> Vec<CheckedFile> {
    match Files::Disk.sources(path) {
        Ok(sources) => sources.iter().map(CheckedFile::parse).collect(),
        Err(error) => vec![CheckedFile {
            failures: vec![error.into()],
            ..CheckedFile::empty(path)
        }],
    }
}

impl CheckedFile {
    fn empty(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            experiments: Vec::new(),
            manifests: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            failures: Vec::new(),
        }
    }

    fn parse(source: &Source) -> Self {
        let mut file = Self::empty(&source.path);
        match load::load(source) {
            Ok(Loaded {
                experiments,
                manifests,
            }) => {
                file.experiments = experiments;
                file.manifests = manifests;
            }
            Err(problems) => file.problems = problems.into_vec(),
        }
        file
    }

    fn is_valid(&self) -> bool {
        self.problems.is_empty() && self.failures.is_empty()
    }

    fn check(&mut self, namespace: Option<&str>) {
        for mut experiment in self.experiments.clone() {
            match manifests::of_experiment(&experiment, Files::Disk) {
                Ok(manifests) => self.check_experiment(&mut experiment, &manifests, namespace),
                Err(failure) => self.failures.push(failure),
            }
        }
        if self.experiments.is_empty() {
            let again = manifests::repeated(&self.manifests, "this file");
            self.problems.extend(again);
            self.problems.extend(refused(&self.manifests));
        } else if let Some(unused) = unused(&self.path, &self.experiments, &self.manifests) {
            self.warnings.push(unused);
        }
    }

    /// Checks an experiment with the manifests of its workload.
    fn check_experiment(
        &mut self,
        experiment: &mut Experiment,
        manifests: &[Manifest],
        namespace: Option<&str>,
    ) {
        let stand_ins = if experiment.stand_in {
            match stand_in::manifests(manifests, &Settings::default()) {
                Ok((stand_ins, _)) => Some(stand_ins),
                Err(problems) => return self.add(problems),
            }
        } else {
            self.problems.extend(refused(manifests));
            None
        };
        let manifests = stand_ins.as_deref().unwrap_or(manifests);
        let found = [
            manifests::objects(manifests, namespace).map(drop),
            check::check(experiment, manifests),
            check::check_patches(experiment, manifests)
                .map_err(|refused| refused.problems().clone()),
            check::predict_bounds(experiment, manifests),
        ];
        let problems = found.into_iter().filter_map(Result::err);
        for problems in problems {
            self.add(problems);
        }
        self.warnings.extend(untimely(experiment, manifests));
    }

    /// Adds the problems that are not known yet: several checks read the same manifests.
    fn add(&mut self, problems: Problems) {
        for problem in problems.into_vec() {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// What the file holds, in one line.
    fn contents(&self) -> String {
        let experiments = self.experiments.iter().map(|experiment| {
            let steps = plural(experiment.steps.len(), "step");
            let expectations = experiment.steps.iter().map(|step| step.expect.len());
            let expectations = plural(expectations.sum(), "expectation");
            let name = &experiment.name.value;
            format!("experiment `{name}` ({steps}, {expectations})")
        });
        let experiments: Vec<String> = experiments.collect();
        match (experiments.as_slice(), self.manifests.len()) {
            ([], 0) => "nothing in it".to_owned(),
            ([], count) => format!("{} and no experiment", plural(count, "Kubernetes object")),
            (experiments, _) => experiments.join(", "),
        }
    }

    fn print(self, quiet: bool, printer: &Printer) -> Result<(), Failure> {
        let name = self.path.display().to_string();
        let name = one_line(&name);
        if !self.is_valid() {
            let count = self.problems.len() + self.failures.len();
            printer.text(&format!("{name}: {}\n", plural(count, "problem")))?;
        } else if !quiet {
            printer.text(&format!("{name}: valid: {}\n", self.contents()))?;
        }
        for warning in &self.warnings {
            printer.warn(warning);
        }
        for failure in self.failures {
            failure.print(printer);
        }
        if let Err(problems) = Problems::unless_any(self.problems, ()) {
            Failure::from(problems).print(printer);
        }
        Ok(())
    }
}

/// Adds the names that several experiments have to the files in which they occur again.
fn check_names(files: &mut [CheckedFile]) {
    let all = files.iter().flat_map(|file| &file.experiments);
    let Err(problems) = check::check_names(all) else {
        return;
    };
    for problem in problems.into_vec() {
        // The last of that name, as a file that is given twice repeats its own names.
        if let Some(file) = files
            .iter_mut()
            .rfind(|file| file.path == problem.source.path)
        {
            file.problems.push(problem);
        }
    }
}

/// What an API server refuses of manifests, which are applied with strict field validation.
fn refused(manifests: &[Manifest]) -> Vec<Problem> {
    let found = manifests.iter().flat_map(|manifest| {
        let mut found: Vec<Problem> = manifests::misfit(manifest).into_iter().collect();
        if found.is_empty() {
            found = manifests::unknown_fields(manifest);
            found.extend(admission::refusals(manifest));
        }
        found
    });
    found.collect()
}

/// Warnings about an `eventually` that the closed formula of its probe contradicts.
fn untimely(experiment: &Experiment, manifests: &[Manifest]) -> Vec<String> {
    let Ok(windows) = check::windows(experiment, manifests) else {
        return Vec::new();
    };
    let expectations = experiment.steps.iter().flat_map(|step| &step.expect);
    let found = expectations
        .zip(windows)
        .filter_map(|(expectation, window)| {
            let contradicts = contradiction(&expectation.operator, window.ok()?)?;
            let id = &expectation.id;
            let text = format!("`{}` is not to be expected: {contradicts}", id.value);
            let problem = ProblemText::new(text).at(&experiment.source, id.span);
            Some(problem.to_string())
        });
    found.collect()
}

/// What the time in which a probe decides contradicts in an `eventually`.
fn contradiction(operator: &Operator, decides: Window) -> Option<String> {
    let Operator::Eventually {
        not_before, within, ..
    } = operator
    else {
        return None;
    };
    let (bound, when, limit) = if within.time < decides.after {
        (format!("`within` is {within}"), decides.after, "earliest")
    } else if not_before.time > decides.within {
        let bound = format!("`notBefore` is {not_before}");
        (bound, decides.within, "latest")
    } else {
        return None;
    };
    let when = duration::format(when);
    Some(format!(
        "{bound}, and the probe decides {when} after the flip at the {limit}"
    ))
}
