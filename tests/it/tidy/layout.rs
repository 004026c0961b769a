//! Import order of each crate's folders: a file imports only from its own folder and lower ones,
//! and no files import each other in a circle.
//!
//! Unit tests inside the crates may import from any folder.

use super::modules::Modules;

/// The entries of each `src` except `lib.rs` and `main.rs`, lowest first.
const LAYOUT: [(&str, &[&str]); 4] = [
    (
        "rules",
        &[
            "moment",
            "safe_encoding",
            "back_off",
            "container_id",
            "event_limits",
            "expansion",
            "host_port",
            "list_type",
            "names",
            "restart_rules",
            "scheduling",
            "selector",
            "taint",
            "url",
            "endpoints",
            "probe",
            "proxy",
            "replica_set",
            "rollout",
            "disruption",
            "stateful_set",
            "daemon_set",
            "job",
            "controller_revision",
            "container",
            "pod",
            "restart",
            "event_text",
        ],
    ),
    (
        "probe-target",
        &[
            "os_process",
            "sockets",
            "mutex",
            "model",
            "process",
            "failure",
            "cli",
            "clock",
            "net",
            "state",
            "target",
            "server",
            "request_target",
            "control",
            "serve",
            "client",
        ],
    ),
    (
        "pocket",
        &[
            "clock",
            "latencies",
            "subnets",
            "tasks",
            "kinds",
            "net",
            "store",
            "api_status",
            "image",
            "patch",
            "registry",
            "spdy",
            "api",
            "serve",
            "events",
            "controllers",
            "kubelet",
            "proxy",
            "pocket",
        ],
    ),
    (
        "orchestrator",
        &[
            "error_chain",
            "exit",
            "printable",
            "random",
            "image",
            "input",
            "timeline",
            "cluster",
            "targets",
            "stand_in",
            "lint",
            "check",
            "judge",
            "report",
            "predict",
            "cli",
            "run",
            "watch",
            "commands",
        ],
    ),
];

#[test]
fn folders_import_one_way() {
    for (name, folders) in LAYOUT {
        let modules = Modules::of(name);
        for (module, file, imports) in modules.imports() {
            // The crate's root only lists modules.
            let Some(folder) = module.first() else {
                continue;
            };
            let own = place(folders, folder)
                .unwrap_or_else(|| panic!("tests/it/tidy/layout.rs must place {name}/{folder}"));
            let upwards: Vec<String> = imports
                .iter()
                .filter(|import| import.first().and_then(|first| place(folders, first)) > Some(own))
                .map(|import| import.join("::"))
                .collect();
            assert!(
                upwards.is_empty(),
                "{} imports upwards, from {upwards:?}",
                file.display()
            );
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let found = LAYOUT.map(|(name, _)| Modules::of(name).cycles());
    let found: Vec<Vec<String>> = found.into_iter().flatten().collect();
    assert!(found.is_empty(), "{found:?}");
}

fn place(folders: &[&str], name: &str) -> Option<usize> {
    folders.iter().position(|folder| *folder == name)
}
