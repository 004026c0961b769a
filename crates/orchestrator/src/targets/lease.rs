//! Holds and renews leases at targets: leased flips end 30 s after the last renewal.
//!
//! A lease belongs to one process of a container. If another process answers, the first one has
//! ended and its flips with it, so renewal stops.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use probe_target::model::answer::Ack;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    exit::{Exit, HasExitCode},
    targets::{
        control::{Control, ControlError},
        retry_revert::is_gone,
    },
};

/// The duration of a lease.
pub(crate) const LENGTH: Duration = Duration::from_secs(30);

/// The time between renewals. Two in a row may fail before the lease lapses.
pub(crate) const RENEWAL: Duration = Duration::from_secs(10);

/// The leases of a run. Dropping the value stops renewal, so that leased flips end by themselves.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    held: BTreeSet<String>,
    renewing: JoinSet<()>,
    lapsed: watch::Sender<Option<Lapsed>>,
}

/// A lease was not renewed for [`LENGTH`], so the target may have ended its flips.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "no sign of life has reached `{container}` of pod `{pod}` for {LENGTH:?}: its flips may have \
     ended by themselves"
)]
pub(crate) struct Lapsed {
    pod: String,
    container: String,
}

impl HasExitCode for Lapsed {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

impl Leases {
    /// Puts a lease at each of these processes that has none, and renews it from then on. Must
    /// precede any leased flip there.
    pub(crate) async fn hold<'t>(
        &mut self,
        pods: &Api<Pod>,
        targets: impl Iterator<Item = (&'t Control, &'t str)>,
    ) -> Result<(), ControlError> {
        let new: BTreeMap<&str, &Control> = targets
            .filter(|(_, instance)| !self.held.contains(*instance))
            .map(|(control, instance)| (instance, control))
            .collect();
        let leases = new
            .iter()
            .map(|(instance, control)| control.lease(instance, LENGTH));
        try_join_all(leases).await?;
        // Only after the calls: if one failed, the next flip asks for the leases again.
        for (instance, control) in new {
            self.held.insert(instance.to_owned());
            self.renew(pods, control, instance);
        }
        Ok(())
    }

    fn renew(&mut self, pods: &Api<Pod>, control: &Control, instance: &str) {
        let (pods, control, instance) = (pods.clone(), control.clone(), instance.to_owned());
        let lapsed = self.lapsed.clone();
        self.renewing.spawn(async move {
            let again = || {
                let (control, instance) = (control.clone(), instance.clone());
                async move { control.lease(&instance, LENGTH).await }
            };
            // A container waiting to restart is unreachable too, but its flips have ended with its
            // process.
            if renew(again).await == Ended::Lapsed && !is_gone(&pods, &control).await {
                let address = control.address();
                lapsed.send_replace(Some(Lapsed {
                    pod: address.pod.clone(),
                    container: address.container.clone(),
                }));
            }
        });
    }

    /// Waits until one of the leases lapses.
    pub(crate) fn lapse(&self) -> impl Future<Output = Lapsed> + use<> {
        let mut lapsed = self.lapsed.subscribe();
        async move {
            match lapsed.wait_for(Option::is_some).await.as_deref() {
                Ok(Some(lapsed)) => lapsed.clone(),
                // All leases were dropped, so none can lapse.
                Ok(None) | Err(_) => std::future::pending().await,
            }
        }
    }
}

/// The reason why renewal of a lease stopped.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// The process has ended, and its flips with it.
    Gone,
    /// The lease was not renewed in time.
    Lapsed,
}

async fn renew<F>(again: impl Fn() -> F) -> Ended
where
    F: Future<Output = Result<Ack, ControlError>>,
{
    let mut renewed = Instant::now();
    loop {
        sleep(RENEWAL).await;
        // The lease runs from some time after this, so counting from here never overestimates it.
        let asked = Instant::now();
        let answer = again().await;
        let in_time = renewed.elapsed() <= LENGTH;
        match answer {
            Err(error) if error.is_another_instance() => return Ended::Gone,
            Ok(_) if in_time => renewed = asked,
            // The next renewal may still arrive in time.
            Err(_) if in_time => {}
            Ok(_) | Err(_) => return Ended::Lapsed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use http::StatusCode;

    use super::*;

    fn unreachable() -> ControlError {
        ControlError::Timeout {
            pod: "p".to_owned(),
            port: 1,
        }
    }

    fn another() -> ControlError {
        ControlError::Refused {
            pod: "p".to_owned(),
            container: "c".to_owned(),
            status: StatusCode::CONFLICT,
            message: String::new(),
        }
    }

    fn ack() -> Ack {
        Ack {
            at: probe_target::model::moment::Moment::START,
            revision: 1,
            instance: "i".to_owned(),
            effective: None,
            because: None,
        }
    }

    /// How renewals that are answered so end, and when, in seconds; what comes after is
    /// unreachable.
    async fn check(answers: Vec<Result<Ack, ControlError>>, expected: (Ended, u64)) {
        let answers = RefCell::new(answers.into_iter());
        let start = Instant::now();
        let ended = renew(|| {
            let next = answers.borrow_mut().next();
            async { next.unwrap_or_else(|| Err(unreachable())) }
        })
        .await;
        assert_eq!((ended, start.elapsed().as_secs()), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_out_of_reach_for_longer_than_a_lease_may_have_ended_its_flips() {
        check(Vec::new(), (Ended::Lapsed, 40)).await;
        // Two renewals may be lost.
        let two_lost = vec![Err(unreachable()), Err(unreachable()), Ok(ack())];
        check(two_lost, (Ended::Lapsed, 70)).await;
        let too_late = vec![
            Err(unreachable()),
            Err(unreachable()),
            Err(unreachable()),
            Ok(ack()),
        ];
        check(too_late, (Ended::Lapsed, 40)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_process_that_is_gone_there_is_nothing_to_renew() {
        check(vec![Ok(ack()), Err(another())], (Ended::Gone, 20)).await;
    }
}
