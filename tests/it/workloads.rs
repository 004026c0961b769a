//! Workloads other than Deployments: the same story in virtual time and on a node.

mod daemon_sets;
mod jobs;
mod stateful_sets;
mod world;

use expect_test::{Expect, expect};
use orchestrator::cluster::Latencies;

use crate::{
    namespace::{Namespace, in_virtual_time},
    program,
};

#[test]
fn stateful_sets_tell_the_expected_story() {
    ordered().assert_eq(&in_virtual_time(Latencies::Node, stateful_sets::ordered));
    parallel().assert_eq(&in_virtual_time(Latencies::Node, stateful_sets::parallel));
}

#[test]
fn stateful_sets_of_a_real_cluster_tell_the_same_story() {
    let Some(cluster) = program::cluster("stateful_sets_of_a_real_cluster_tell_the_same_story")
    else {
        return;
    };
    let namespace = Namespace::create(&cluster, "sets");
    ordered().assert_eq(&namespace.run(stateful_sets::ordered));
    parallel().assert_eq(&namespace.run(stateful_sets::parallel));
}

#[test]
fn daemon_sets_tell_the_expected_story() {
    unavailable().assert_eq(&in_virtual_time(Latencies::Node, daemon_sets::unavailable));
    surge().assert_eq(&in_virtual_time(Latencies::Node, daemon_sets::surge));
}

#[test]
fn daemon_sets_of_a_real_cluster_tell_the_same_story() {
    let Some(cluster) = program::cluster("daemon_sets_of_a_real_cluster_tell_the_same_story")
    else {
        return;
    };
    let namespace = Namespace::create(&cluster, "daemons");
    unavailable().assert_eq(&namespace.run(daemon_sets::unavailable));
    surge().assert_eq(&namespace.run(daemon_sets::surge));
}

#[test]
fn jobs_tell_the_expected_story() {
    ended().assert_eq(&in_virtual_time(Latencies::Node, jobs::ended));
    by_index_and_policy().assert_eq(&in_virtual_time(Latencies::Node, jobs::by_index_and_policy));
}

#[test]
fn jobs_of_a_real_cluster_tell_the_same_story() {
    let Some(cluster) = program::cluster("jobs_of_a_real_cluster_tell_the_same_story") else {
        return;
    };
    let namespace = Namespace::create(&cluster, "jobs");
    ended().assert_eq(&namespace.run(jobs::ended));
    by_index_and_policy().assert_eq(&namespace.run(jobs::by_index_and_policy));
}

fn ordered() -> Expect {
    expect![[r#"
        created: replicas 3, readyReplicas 3, availableReplicas 3, currentReplicas 3, updatedReplicas 3; web-0 one ready, web-1 one ready, web-2 one ready
        broken: replicas 3, readyReplicas 2, availableReplicas 2, currentReplicas 2, updatedReplicas 1; web-0 one ready, web-1 one ready, web-2 broken unready
        reverted: replicas 3, readyReplicas 2, availableReplicas 2, currentReplicas 2, updatedReplicas 2; web-0 one ready, web-1 one ready, web-2 broken unready
        deleted: replicas 3, readyReplicas 3, availableReplicas 3, currentReplicas 3, updatedReplicas 3; web-0 one ready, web-1 one ready, web-2 one ready
        updated: replicas 3, readyReplicas 3, availableReplicas 3, currentReplicas 3, updatedReplicas 3; web-0 two ready, web-1 two ready, web-2 two ready
        scaled: replicas 1, readyReplicas 1, availableReplicas 1, currentReplicas 1, updatedReplicas 1; web-0 two ready
        web-0 one is created
        web-1 one is created
        web-2 one is created
        web-2 one is deleted
        web-2 one is gone
        web-2 broken is created
        web-2 broken is deleted
        web-2 broken is gone
        web-2 one is created
        web-2 one is deleted
        web-2 one is gone
        web-2 two is created
        web-1 one is deleted
        web-1 one is gone
        web-1 two is created
        web-0 one is deleted
        web-0 one is gone
        web-0 two is created
        web-2 two is deleted
        web-2 two is gone
        web-1 two is deleted
        web-1 two is gone
    "#]]
}

fn parallel() -> Expect {
    expect![[r#"
        broken: replicas 3, readyReplicas 2, availableReplicas 2, currentReplicas 2, updatedReplicas 1; db-0 one ready, db-1 one ready, db-2 broken unready
        reverted: replicas 3, readyReplicas 3, availableReplicas 3, currentReplicas 3, updatedReplicas 3; db-0 one ready, db-1 one ready, db-2 one ready
    "#]]
}

fn unavailable() -> Expect {
    expect![[r#"
        created: currentNumberScheduled 1, numberReady 1, numberAvailable 1, numberUnavailable null, updatedNumberScheduled 1; log- one ready
        updated: currentNumberScheduled 1, numberReady 1, numberAvailable 1, numberUnavailable null, updatedNumberScheduled 1; log- two ready
        broken: currentNumberScheduled 1, numberReady 0, numberAvailable null, numberUnavailable 1, updatedNumberScheduled 1; log- broken unready
        reverted: currentNumberScheduled 1, numberReady 1, numberAvailable 1, numberUnavailable null, updatedNumberScheduled 1; log- two ready
        log- one is created
        log- one is deleted
        log- two is created
        log- two is deleted
        log- broken is created
        log- broken is deleted
        log- two is created
    "#]]
}

fn surge() -> Expect {
    expect![[r#"
        created: currentNumberScheduled 1, numberReady 1, numberAvailable 1, numberUnavailable null, updatedNumberScheduled 1; net- one ready
        updated: currentNumberScheduled 1, numberReady 1, numberAvailable 1, numberUnavailable null, updatedNumberScheduled 1; net- two ready
        broken: currentNumberScheduled 1, numberReady 1, numberAvailable 1, numberUnavailable null, updatedNumberScheduled null; net- broken unready, net- two ready
        reverted: currentNumberScheduled 1, numberReady 1, numberAvailable 1, numberUnavailable null, updatedNumberScheduled 1; net- two ready
        net- one is created
        net- two is created
        net- one is deleted
        net- broken is created
        net- broken is deleted
    "#]]
}

fn ended() -> Expect {
    expect![[r#"
        sum: succeeded 2, failed null, active null, ready 0, terminating 0; sum- Never unready, sum- Never unready
        conditions: SuccessCriteriaMet CompletionsReached "Reached expected number of succeeded pods", Complete CompletionsReached "Reached expected number of succeeded pods"
        events: Normal Completed "Job completed", Normal SuccessfulCreate "Created pod", Normal SuccessfulCreate "Created pod"
        waits: 
        sum- Never is created
        sum- Never is created
        bad: succeeded null, failed 2, active null, ready 0, terminating 0; bad- Never unready, bad- Never unready
        conditions: FailureTarget BackoffLimitExceeded "Job has reached the specified backoff limit", Failed BackoffLimitExceeded "Job has reached the specified backoff limit"
        events: Normal SuccessfulCreate "Created pod", Normal SuccessfulCreate "Created pod", Warning BackoffLimitExceeded "Job has reached the specified backoff limit"
        waits: 10 s
        bad- Never is created
        bad- Never is created
        flaky: succeeded null, failed 1, active null, ready 0, terminating 0; 
        conditions: FailureTarget BackoffLimitExceeded "Job has reached the specified backoff limit", Failed BackoffLimitExceeded "Job has reached the specified backoff limit"
        events: Normal SuccessfulCreate "Created pod", Normal SuccessfulDelete "Deleted pod", Warning BackoffLimitExceeded "Job has reached the specified backoff limit"
        waits: 
        flaky- OnFailure is created
        flaky- OnFailure is deleted
        slow: succeeded null, failed 1, active null, ready 0, terminating 0; 
        conditions: FailureTarget DeadlineExceeded "Job was active longer than specified deadline", Failed DeadlineExceeded "Job was active longer than specified deadline"
        events: Normal SuccessfulCreate "Created pod", Normal SuccessfulDelete "Deleted pod", Warning DeadlineExceeded "Job was active longer than specified deadline"
        waits: 
        slow- Never is created
        slow- Never is deleted
        frozen: succeeded 1, failed null, active null, ready 0, terminating 0; frozen- Never unready
        conditions: SuccessCriteriaMet CompletionsReached "Reached expected number of succeeded pods", Complete CompletionsReached "Reached expected number of succeeded pods"
        events: Normal Completed "Job completed", Normal SuccessfulCreate "Created pod"
        waits: 
        frozen- Never is created
    "#]]
}

fn by_index_and_policy() -> Expect {
    expect![[r#"
        parts: succeeded 3, failed null, active null, ready 0, terminating 0; parts-0- Never unready, parts-1- Never unready, parts-2- Never unready
        indexes: completed "0-2", failed null
        conditions: SuccessCriteriaMet CompletionsReached "Reached expected number of succeeded pods", Complete CompletionsReached "Reached expected number of succeeded pods"
        events: Normal Completed "Job completed", Normal SuccessfulCreate "Created pod", Normal SuccessfulCreate "Created pod", Normal SuccessfulCreate "Created pod"
        waits: 
        parts-0- Never is created
        parts-1- Never is created
        parts-2- Never is created
        enough: succeeded 1, failed null, active null, ready 0, terminating 0; enough-0- Never unready
        indexes: completed "0", failed null
        conditions: SuccessCriteriaMet SuccessPolicy "Matched rules at index 0", Complete SuccessPolicy "Matched rules at index 0"
        events: Normal Completed "Job completed", Normal SuccessfulCreate "Created pod"
        waits: 
        enough-0- Never is created
        each: succeeded 1, failed 2, active null, ready 0, terminating 0; each-0- Never unready, each-1- Never unready, each-1- Never unready
        indexes: completed "0", failed "1"
        conditions: FailureTarget FailedIndexes "Job has failed indexes", Failed FailedIndexes "Job has failed indexes"
        events: Normal SuccessfulCreate "Created pod", Normal SuccessfulCreate "Created pod", Normal SuccessfulCreate "Created pod", Warning FailedIndexes "Job has failed indexes"
        waits: 10 s
        each-0- Never is created
        each-1- Never is created
        each-1- Never is created
        most: succeeded 1, failed 1, active null, ready 0, terminating 0; most-0- Never unready, most-1- Never unready
        indexes: completed "0", failed "1"
        conditions: FailureTarget MaxFailedIndexesExceeded "Job has exceeded the specified maximal number of failed indexes", Failed MaxFailedIndexesExceeded "Job has exceeded the specified maximal number of failed indexes"
        events: Normal SuccessfulCreate "Created pod", Normal SuccessfulCreate "Created pod", Warning MaxFailedIndexesExceeded "Job has exceeded the specified maximal number of failed indexes"
        waits: 
        most-0- Never is created
        most-1- Never is created
        fatal: succeeded null, failed 1, active null, ready 0, terminating 0; fatal- Never unready
        conditions: FailureTarget PodFailurePolicy "Container c for pod … failed with exit code 3 matching FailJob rule at index 0", Failed PodFailurePolicy "Container c for pod … failed with exit code 3 matching FailJob rule at index 0"
        events: Normal SuccessfulCreate "Created pod", Warning PodFailurePolicy "Container c for pod … failed with exit code 3 matching FailJob rule at index 0"
        waits: 
        fatal- Never is created
        ignored: succeeded null, failed null, active null, ready 0, terminating 0; ignored- Never unready
        conditions: FailureTarget DeadlineExceeded "Job was active longer than specified deadline", Failed DeadlineExceeded "Job was active longer than specified deadline"
        events: Normal SuccessfulCreate "Created pod", Warning DeadlineExceeded "Job was active longer than specified deadline"
        waits: 
        ignored- Never is created
        given-up: succeeded 1, failed 1, active null, ready 0, terminating 0; given-up-0- Never unready, given-up-1- Never unready
        indexes: completed "0", failed "1"
        conditions: FailureTarget FailedIndexes "Job has failed indexes", Failed FailedIndexes "Job has failed indexes"
        events: Normal SuccessfulCreate "Created pod", Normal SuccessfulCreate "Created pod", Warning FailedIndexes "Job has failed indexes"
        waits: 
        given-up-0- Never is created
        given-up-1- Never is created
    "#]]
}
