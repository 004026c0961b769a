//! `probeflip pocket`: the embedded cluster on a port, until a signal ends it.

mod kubeconfig;

use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    cli,
    cluster::{self, served::ServedCluster},
    error_chain,
    exit::{CommandResult, Exit},
    random::Random,
    report::printer::Printer,
    run::interrupt::Interrupt,
    timeline::Place,
};
use kubeconfig::KubeconfigFile;

pub(super) fn run(command: &cli::Pocket, printer: &Printer) -> CommandResult {
    raise_file_limit();
    // Before anything is made that has to be removed.
    let interrupt = Interrupt::catch()?;
    cluster::runtime(&Place::Pocket)?.block_on(serve(command, interrupt, printer))
}

async fn serve(
    command: &cli::Pocket,
    mut interrupt: Interrupt,
    printer: &Printer,
) -> CommandResult {
    let mut random = command
        .seed
        .map_or_else(Random::from_system, Random::seeded);
    let port = command.port.unwrap_or_default();
    let mut served = ServedCluster::start(port, command.latencies, &mut random)?;
    let address = served.address;
    let path = command.kubeconfig.clone();
    let path = path.unwrap_or_else(|| kubeconfig::default_path(address.port()));
    // Last: once the file is there, the API answers.
    let (file, replaced) = KubeconfigFile::write(&path, address)?;
    if replaced {
        printer.note(format!(
            "replaced `{}`, which a cluster that is gone has left",
            path.display()
        ));
    }
    printer.note(format!(
        "pocket listens on http://{address}; Ctrl-C ends it"
    ));
    printer.note(reach(&served));
    printer.data(&format!("export KUBECONFIG={}\n", quoted(file.path())))?;
    loop {
        tokio::select! {
            biased;
            // A signal is how this command ends, not what cuts it short.
            _ = interrupt.next() => break,
            Some(note) = served.notes.recv() => printer.note(note),
        }
    }
    drop(served);
    file.remove()?;
    Ok(Exit::Held)
}

/// Says where Pods and Services are reached.
fn reach(served: &ServedCluster) -> String {
    match &served.ranges {
        Ok(ranges) => format!(
            "Pods are at {}, Services at {}, for programs of this machine",
            ranges.pods, ranges.services
        ),
        Err(why) => format!(
            "Pods and Services are reached through port-forwards only: {}",
            error_chain::text(why)
        ),
    }
}

/// A path as a word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+,:@%".contains(letter);
    if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Allows as many open files as the system permits, as Go programs do. Every watch and every
/// address of the cluster is one, and many systems allow 1024 at first.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays: fewer clients are served");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        let check = |path: &str, word: &str| assert_eq!(quoted(Path::new(path)), word);
        check("/tmp/pocket-8001.yaml", "/tmp/pocket-8001.yaml");
        check("/tmp/my files/p", "'/tmp/my files/p'");
        check("/tmp/it's", r"'/tmp/it'\''s'");
        check("/tmp/$HOME", "'/tmp/$HOME'");
    }
}
