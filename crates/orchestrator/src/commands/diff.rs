//! `probeflip diff`: names what of recorded runs falls outside of a prediction.

use crate::{
    cli,
    exit::{CommandResult, Exit, Failure, HasExitCode},
    input::{files::Files, load, source::Source},
    judge,
    predict::{Impact, NoImpact, Prediction},
    printable::one_line,
    report::printer::Printer,
    timeline::Timeline,
};

/// Why nothing is compared.
#[derive(Debug, thiserror::Error)]
enum DiffError {
    #[error(
        "`{path}` is no prediction with its experiments; expected what `probeflip predict --output \
         json` writes"
    )]
    NoPrediction {
        path: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("these files hold no timeline")]
    Empty,
    #[error("no timeline is of an experiment of this prediction; the first is of `{0}`")]
    NoTimeline(String),
}

/// What of a run falls outside, or why it shows nothing.
type Outside = Result<Vec<String>, NoImpact>;

impl HasExitCode for DiffError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

pub(super) fn run(command: &cli::Diff, printer: &Printer) -> CommandResult {
    let text = Files::Disk.read(&command.prediction)?.text;
    let prediction: Prediction =
        serde_json::from_str(&text).map_err(|source| DiffError::NoPrediction {
            path: command.prediction.display().to_string(),
            source,
        })?;
    let mut timelines = Vec::new();
    for path in &command.timelines {
        timelines.extend(super::run::read_timelines(path)?);
    }
    let mut compared = 0;
    let mut exit = Exit::Held;
    for timeline in &timelines {
        let Some(outside) = outside(&prediction, timeline)? else {
            continue;
        };
        compared += 1;
        let name = one_line(&timeline.header().experiment);
        let outside = match outside {
            Ok(outside) => outside,
            Err(why @ NoImpact::NeverReady(_)) => vec![why.to_string()],
            Err(NoImpact::Failed(why)) => {
                exit = exit.and(Exit::Inconclusive);
                printer.text(&format!("? {name}: not compared: {}\n", one_line(&why)))?;
                continue;
            }
        };
        if outside.is_empty() {
            printer.text(&format!("✔ {name}: as predicted\n"))?;
            continue;
        }
        exit = exit.and(Exit::Failed);
        let lines = outside
            .iter()
            .map(|line| format!("    {}\n", one_line(line)));
        let lines: String = lines.collect();
        printer.text(&format!("✘ {name}: outside of the prediction\n{lines}"))?;
    }
    if compared == 0 {
        let first = timelines.first().ok_or(DiffError::Empty)?;
        return Err(DiffError::NoTimeline(first.header().experiment.clone()).into());
    }
    Ok(exit)
}

/// What of a run falls outside; none if the prediction does not have its experiment.
fn outside(prediction: &Prediction, timeline: &Timeline) -> Result<Option<Outside>, Failure> {
    let name = &timeline.header().experiment;
    let Some((row, written)) = prediction.of_experiment(name) else {
        return Ok(None);
    };
    let source = Source {
        path: format!("{name}.yaml").into(),
        text: written.text.as_str().into(),
    };
    let experiments = load::load(&source)?.experiments;
    let outside = experiments.first().map(|experiment| {
        let judgement = judge::judge(experiment, timeline);
        Impact::of(&written.effects, &judgement).map(|impact| row.outside(&impact))
    });
    Ok(outside)
}
