//! Generates docs/faults.md, the reactions of a kubelet to every fault, and checks it.
//!
//! The page is written from a run on a real node. Later runs on a node and on pocket must give the
//! same page.

mod page;
mod pod;
mod row;
mod rows;
mod seen;
mod trial;
mod verdict;
mod view;
mod words;

use expect_test::expect_file;
use futures::{StreamExt as _, stream};
use kube::Client;
use orchestrator::cluster::Latencies;

use self::{
    pod::Kind,
    trial::{Bench, Outcome},
};
use crate::{
    namespace::{Namespace, in_virtual_time},
    program,
};

/// Number of concurrent Pods; a node of two cores can easily run this many.
const AT_A_TIME: usize = 64;

#[test]
fn a_node_says_what_the_page_says() {
    let Some(cluster) = program::cluster("a_node_says_what_the_page_says") else {
        return;
    };
    let namespace = Namespace::create(&cluster, "faults");
    let page = namespace.run(|client, name| run(client, name, AT_A_TIME));
    expect_file!["../../docs/faults.md"].assert_eq(&page);
}

#[test]
fn pocket_says_what_the_page_says() {
    let page = in_virtual_time(Latencies::None, |client, name| {
        Box::pin(run(client, name, usize::MAX))
    });
    let recorded = std::fs::read_to_string(program::root().join("docs/faults.md"));
    assert_eq!(page, recorded.unwrap());
}

/// Runs all rows, and returns the page made from the outcomes.
async fn run(client: Client, namespace: String, at_a_time: usize) -> String {
    let version = client.apiserver_version().await.unwrap().git_version;
    let (seen, _tasks) = seen::watch(&client, &namespace);
    let bench = Bench {
        client,
        namespace,
        image: program::image(),
        seen,
    };
    let rows = rows::rows();
    let trials = rows.iter().enumerate().flat_map(|(number, row)| {
        let bench = &bench;
        Kind::ALL.map(|kind| {
            let name = format!("{}-{number}", kind.name());
            Box::pin(async move { bench.run(&name, row, kind).await })
        })
    });
    let trials: Vec<Outcome> = stream::iter(trials).buffered(at_a_time).collect().await;
    let (trials, _) = trials.as_chunks::<3>();
    let tried: Vec<page::Tried<'_>> = rows.iter().zip(trials).collect();
    page::page(&version, &tried)
}
