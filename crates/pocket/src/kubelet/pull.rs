//! Resolves a container's image: finds it in the table, or refuses as a kubelet does.
//!
//! Nothing is ever downloaded: an image that the table lacks cannot be pulled. So the only state
//! kept is the back-off between attempts.
//!
//! Rule: `pkg/kubelet/images/image_manager.go`.

use rules::Moment;
use rules::back_off::BackOff;
use rules::container::StartRefusal;

use super::spec::PullPolicy;
use crate::events::Severity::{self, Normal, Warning};
use crate::image::{Image, Images};

/// The pull attempts of one container.
#[derive(Clone, Debug, Default)]
pub(super) struct Pull {
    back_off: BackOff,
    /// When the last attempt failed.
    failed: Option<Moment>,
}

/// An event to record: severity, reason, message.
pub(super) type PullEvent = (Severity, &'static str, String);

impl Pull {
    /// The image of `reference` or why there is none, and the events to record.
    pub(super) fn find(
        &mut self,
        images: &Images,
        reference: &str,
        policy: PullPolicy,
        now: Moment,
    ) -> (Result<Image, StartRefusal>, Vec<PullEvent>) {
        match images.find(reference) {
            Some(image) => (Ok(image.clone()), vec![found(reference, policy)]),
            None if policy == PullPolicy::Never => never(images, reference),
            None => self.fail(images, reference, now),
        }
    }

    fn fail(
        &mut self,
        images: &Images,
        reference: &str,
        now: Moment,
    ) -> (Result<Image, StartRefusal>, Vec<PullEvent>) {
        let why = unknown_image(images, reference);
        // The waits are those of restarts, counted from the last failed pull.
        let since = self.failed.unwrap_or(now);
        if self.back_off.request(Some(since), now).is_err() {
            let back_off = format!("Back-off pulling image \"{reference}\"");
            let message = format!("{back_off}: ErrImagePull: {why}");
            let events = vec![(Normal, "BackOff", back_off)];
            return refused("ImagePullBackOff", message, events);
        }
        self.failed = Some(now);
        let events = vec![
            (Normal, "Pulling", format!("Pulling image \"{reference}\"")),
            (
                Warning,
                "Failed",
                format!("Failed to pull image \"{reference}\": {why}"),
            ),
        ];
        refused("ErrImagePull", why, events)
    }
}

fn found(reference: &str, policy: PullPolicy) -> PullEvent {
    let message = match policy {
        PullPolicy::Always => format!("Successfully pulled image \"{reference}\""),
        _ => format!(
            "Container image \"{reference}\" already present on machine and can be accessed by the \
             pod"
        ),
    };
    (Normal, "Pulled", message)
}

fn never(images: &Images, reference: &str) -> (Result<Image, StartRefusal>, Vec<PullEvent>) {
    let message = format!(
        "Container image \"{reference}\" is not present with pull policy of Never: {}",
        unknown_image(images, reference)
    );
    let events = vec![(Warning, "ErrImageNeverPull", message.clone())];
    refused("ErrImageNeverPull", message, events)
}

fn refused(
    reason: &str,
    message: String,
    mut events: Vec<PullEvent>,
) -> (Result<Image, StartRefusal>, Vec<PullEvent>) {
    events.push((Warning, "Failed", format!("Error: {reason}")));
    let refusal = StartRefusal {
        reason: reason.to_owned(),
        message: Some(message),
    };
    (Err(refusal), events)
}

fn unknown_image(images: &Images, reference: &str) -> String {
    let names = match images.names() {
        names if names.is_empty() => "no image at all".to_owned(),
        names => names,
    };
    format!("pocket knows no image \"{reference}\": it can run {names}, under any registry and tag")
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;
    use crate::image::{Exit, Process};

    fn images() -> Images {
        let mut images = Images::default();
        let image = |_: Process| -> BoxFuture<'static, Exit> { async { Exit::code(0) }.boxed() };
        images.insert("probe-target", Image::new("/probe-target", image));
        images
    }

    #[test]
    fn an_unknown_image_says_what_can_be_run_and_then_backs_off() {
        let mut pull = Pull::default();
        let mut check = |seconds, reason| {
            let policy = PullPolicy::IfNotPresent;
            let (found, _) = pull.find(&images(), "nginx:1", policy, Moment::from_secs(seconds));
            let refusal = found.err().unwrap();
            assert_eq!(refusal.reason, reason, "at {seconds} s");
            assert!(refusal.message.unwrap().contains("it can run probe-target"));
        };
        check(0, "ErrImagePull");
        check(9, "ImagePullBackOff");
        check(10, "ErrImagePull");
        check(29, "ImagePullBackOff");
        check(30, "ErrImagePull");
    }

    #[test]
    fn never_means_never() {
        let check = |reference, reason: Option<&str>| {
            let found = Pull::default().find(&images(), reference, PullPolicy::Never, Moment::ZERO);
            assert_eq!(found.0.err().map(|it| it.reason).as_deref(), reason);
        };
        check("nginx", Some("ErrImageNeverPull"));
        check("somewhere/probe-target:2", None);
    }
}
