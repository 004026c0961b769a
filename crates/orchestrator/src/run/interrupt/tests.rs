//! Signals between two runtimes, and runs in virtual time that are interrupted at every stage.

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, id},
};

use tokio::sync::mpsc::UnboundedSender;

use super::*;
use crate::{
    cluster::{self, Cluster, Latencies},
    input::{
        files::{Files, SEED},
        load::load,
        manifests,
    },
    random::Random,
    report::printer::{Printer, Printing, Verbosity},
    run::{self, Job, RunResult, Views},
    timeline::{Change, Place, What},
};

#[test]
fn a_signal_between_two_runtimes_is_not_lost() {
    let mut interrupt = Interrupt::by(&[(SignalKind::user_defined1(), Exit::Interrupted)]).unwrap();
    let runtime = || Builder::new_current_thread().build().unwrap();
    runtime().block_on(async {});
    let sent = Command::new("kill")
        .args(["-USR1", &id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(runtime().block_on(interrupt.next()), Exit::Interrupted);
}

/// A stderr that sends an interrupt for each of these texts, once it is written.
struct InterruptAt {
    texts: Vec<&'static str>,
    exit: Exit,
    send: UnboundedSender<Exit>,
}

impl Write for InterruptAt {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if self.texts.first().is_some_and(|text| line.contains(text)) {
            self.texts.remove(0);
            self.send.send(self.exit).unwrap();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs the default experiment, interrupts it at each of these texts, and checks the exit code.
fn interrupted(texts: &[&'static str], exit: Exit) -> RunResult {
    let source = Files::Embedded.read(Path::new(SEED)).unwrap();
    let experiment = load(&source).unwrap().experiments.remove(0);
    let manifests = manifests::of_experiment(&experiment, Files::Embedded).unwrap();
    let job = Job {
        experiment: &experiment,
        objects: manifests::objects(&manifests, None).unwrap(),
        namespace: None,
        run: "test",
        seed: Some(1),
        spread_phases: false,
        keep: false,
        views: Views {
            records: true,
            sections: false,
        },
    };
    let (send, caught) = unbounded_channel();
    let err = InterruptAt {
        texts: texts.to_vec(),
        exit,
        send,
    };
    let printing = Printing {
        verbosity: Verbosity::Verbose,
        on_stderr: false,
    };
    let printer = Printer::to(Box::new(io::sink()), Box::new(err)).with(printing);
    let ran = cluster::runtime(&Place::Virtual).unwrap().block_on(async {
        let mut random = Random::seeded(1);
        let cluster = Cluster::connect(Place::Virtual, Latencies::None, &mut random)
            .await
            .unwrap();
        let interrupt = &mut Interrupt {
            caught,
            is_announced: false,
        };
        Box::pin(run::run(&job, &cluster, &mut random, interrupt, &printer)).await
    });
    let ran = ran.unwrap();
    assert_eq!(ran.exit, exit);
    ran
}

/// Interrupts the default experiment once, with either exit code, checks that every Pod is deleted,
/// and counts these records.
fn check(text: &'static str, counted: impl Fn(&What) -> bool) -> Vec<usize> {
    let runs = [Exit::Interrupted, Exit::Terminated].map(|exit| {
        let ran = interrupted(&[text], exit);
        let count = |counted: &dyn Fn(&What) -> bool| {
            let records = ran.timeline.records().iter();
            records.filter(|record| counted(&record.what)).count()
        };
        let pods = |wanted| {
            count(&|what| {
                matches!(what, What::Watch { change, object }
                    if *change == wanted && object.kind() == "Pod")
            })
        };
        assert!(pods(Change::Added) > 0);
        assert_eq!(pods(Change::Added), pods(Change::Deleted));
        let last = ran.timeline.records().last().unwrap();
        assert!(matches!(last.what, What::End));
        count(&counted)
    });
    runs.to_vec()
}

#[test]
fn before_the_steady_state_objects_are_deleted() {
    let flips = check("applied to namespace", |what| matches!(what, What::Flip(_)));
    assert_eq!(flips, [0, 0]);
}

#[test]
fn while_a_flip_is_in_force_it_is_healed_too() {
    let of_b = |what: &What| matches!(what, What::Healed { target } if target.container == "b");
    assert_eq!(check("b fails readiness", of_b), [1, 1]);
}

#[test]
fn during_the_clean_up_it_is_finished() {
    let ended = |what: &What| matches!(what, What::StepEnd { .. });
    assert!(check("undoing everything", ended)[0] > 0);
}

#[test]
fn a_second_signal_stops_the_clean_up() {
    let ran = interrupted(&["b fails readiness", "interrupted"], Exit::Interrupted);
    let healed = |what: &What| matches!(what, What::Healed { .. });
    let records = ran.timeline.records();
    assert!(!records.iter().any(|record| healed(&record.what)));
}
