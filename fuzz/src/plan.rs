//! Plans, on any boot: a target does not start with a rejected plan, shows an accepted one as it
//! was written, and the plan that it shows starts an equal target.

use std::collections::BTreeMap;
use std::sync::Mutex;

use probe_target::Ending;
use probe_target::model::plan::Plan;
use probe_target::model::answer::State;

use crate::running_target::{CONTROL, Folder, RunningTarget, run};

/// The first byte is the number of earlier boots, the others are a plan.
pub fn plan(bytes: &[u8]) {
    let Some((boots, text)) = bytes.split_first() else {
        return;
    };
    let plan = Plan::parse(text);
    if let Ok(plan) = &plan {
        let again = serde_json::to_vec(plan).expect("a plan must be writable");
        assert_eq!(Plan::parse(&again).as_ref(), Ok(plan), "as it is written");
    }
    run(async {
        match start(text, boots % 4).await {
            Ok(target) => {
                assert!(plan.is_ok(), "{plan:?}");
                _ = again(&target).await;
            }
            Err(ending) => refused(ending, plan.ok()),
        }
    });
}

async fn start(plan: &[u8], boots: u8) -> Result<RunningTarget, Ending> {
    let mut files = BTreeMap::from([("/plan".to_owned(), plan.to_vec())]);
    if boots > 0 {
        let kept = format!("{{\"boot\":{boots}}}");
        files.insert(format!("/s/{CONTROL}.json"), kept.into_bytes());
    }
    let arguments = ["--plan=/plan", "--state-dir=/s"];
    RunningTarget::start(&arguments, Folder(Mutex::new(files))).await
}

/// Asserts that a target started with the shown plan has the same state, on any boot.
async fn again(target: &RunningTarget) -> Option<()> {
    let state = target.state().await?;
    let plan = target.expect_accepted("GET /v1/plan").await?;
    let other = start(&plan, 7)
        .await
        .map_err(|_| ())
        .expect("a plan that was written must start");
    let other = other.state().await?;
    let text = String::from_utf8_lossy(&plan);
    let shown = |state: &State| (state.ports.clone(), state.process.clone());
    assert_eq!(shown(&state), shown(&other), "{text}");
    Some(())
}

/// Asserts that a plan that does not parse ends the start with exit 2. One that parses may end it
/// too, by naming an unknown port or by a process fault.
fn refused(ending: Ending, plan: Option<Plan>) {
    let Some(plan) = plan else {
        assert_eq!(ending, Ending::Code(2));
        return;
    };
    let harmless = plan.boots.is_empty() && plan.process.is_empty();
    assert!(
        !harmless || plan.ports.contains_key(&CONTROL),
        "{ending:?}: {plan:?}"
    );
}
