//! Checks that the experiments of a run have unique names, which identify timelines and reports.

use crate::input::experiment::Experiment;
use crate::input::problem::{ProblemText, Problems};

/// Reports every experiment whose name is already used, with the position of the first use.
pub(crate) fn check_names<'a>(
    experiments: impl IntoIterator<Item = &'a Experiment>,
) -> Result<(), Problems> {
    let mut seen: Vec<&Experiment> = Vec::new();
    let mut problems = Vec::new();
    for experiment in experiments {
        let name = &experiment.name;
        match seen.iter().find(|first| first.name.value == name.value) {
            None => seen.push(experiment),
            Some(first) => {
                let place = first.source.place(first.name.span);
                let what = format!("another experiment is named `{}`, at {place}", name.value);
                let fault =
                    ProblemText::new(what).expected("one name for each experiment of a run");
                problems.push(fault.at(&experiment.source, name.span));
            }
        }
    }
    Problems::unless_any(problems, ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::experiment::Source;
    use crate::input::load::load;

    const EXPERIMENT: &str = include_str!("../../../../manifests/seed/two-services.yaml");

    fn experiments(path: &str, text: &str) -> Vec<Experiment> {
        let source = Source {
            path: path.into(),
            text: text.into(),
        };
        load(&source).unwrap().experiments
    }

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let all: Vec<Experiment> = files
            .iter()
            .flat_map(|(path, text)| experiments(path, text))
            .collect();
        let found = check_names(&all).map_or_else(Problems::into_vec, |()| Vec::new());
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_are_unique_over_all_files() {
        let other = EXPERIMENT.replace("name: two-services", "name: other");
        check(&[("a.yaml", EXPERIMENT), ("b.yaml", &other)], &[]);
        check(
            &[("a.yaml", EXPERIMENT), ("b.yaml", EXPERIMENT)],
            &[
                "b.yaml:4:19: another experiment is named `two-services`, at a.yaml:4:19; \
                 expected one name for each experiment of a run",
            ],
        );
    }

    #[test]
    fn names_are_unique_within_a_file() {
        let thrice = [EXPERIMENT; 3].join("---\n");
        let line = |number: usize| EXPERIMENT.lines().count() * number + 4 + number;
        let expected = [1, 2].map(|number| {
            format!(
                "a.yaml:{}:19: another experiment is named `two-services`, at a.yaml:4:19; \
                 expected one name for each experiment of a run",
                line(number)
            )
        });
        check(&[("a.yaml", &thrice)], &[&expected[0], &expected[1]]);
    }
}
