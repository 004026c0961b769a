//! The sign of life at a target: flips end within 30 s of the last one.
//!
//! A lease belongs to one process of a container. When another one answers, the flips died with the
//! first, and there is nothing left to renew.

use std::{collections::BTreeSet, time::Duration};

use tokio::task::JoinSet;

use crate::control::{Control, ControlError};

/// How long a lease lasts.
pub const LENGTH: Duration = Duration::from_secs(30);

/// How often it is renewed: two renewals may be lost.
pub const RENEWAL: Duration = Duration::from_secs(10);

/// The leases of a run. Dropping it stops the renewing; the flips then end by themselves.
#[derive(Debug, Default)]
pub struct Leases {
    held: BTreeSet<String>,
    renewing: JoinSet<()>,
}

impl Leases {
    /// Holds a lease at that instance from now on, put before anything else is done there.
    pub async fn hold(&mut self, control: &Control, instance: &str) -> Result<(), ControlError> {
        if self.held.contains(instance) {
            return Ok(());
        }
        control.lease(instance, LENGTH).await?;
        self.held.insert(instance.to_owned());
        self.renewing
            .spawn(renew(control.clone(), instance.to_owned()));
        Ok(())
    }
}

async fn renew(control: Control, instance: String) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        match control.lease(&instance, LENGTH).await {
            Err(error) if error.is_another_instance() => return,
            // Unreachable for now: the next renewal may come through in time.
            Ok(_) | Err(_) => {}
        }
    }
}
