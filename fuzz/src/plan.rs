//! Plans, on any boot. What is refused does not start, what is taken is read as it is written, and
//! what a target says its plan is starts another one the same.

use std::collections::BTreeMap;
use std::sync::Mutex;

use probe_target::Ending;
use probe_target::model::plan::Plan;
use probe_target::model::answer::State;

use crate::site::{CONTROL, Folder, Site, run};

/// The first byte is the number of boots before, the others are a plan.
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
            Ok(site) => {
                assert!(plan.is_ok(), "{plan:?}");
                _ = again(&site).await;
            }
            Err(ending) => refused(ending, plan.ok()),
        }
    });
}

async fn start(plan: &[u8], boots: u8) -> Result<Site, Ending> {
    let mut files = BTreeMap::from([("/plan".to_owned(), plan.to_vec())]);
    if boots > 0 {
        let kept = format!("{{\"boot\":{boots}}}");
        files.insert(format!("/s/{CONTROL}.json"), kept.into_bytes());
    }
    let arguments = ["--plan=/plan", "--state-dir=/s"];
    Site::start(&arguments, Folder(Mutex::new(files))).await
}

/// Another target that starts with this one's plan is as this one is, whichever boot it is.
async fn again(site: &Site) -> Option<()> {
    let state = site.state().await?;
    let plan = site.taken("GET /v1/plan").await?;
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

/// What cannot be read is refused as such. What can may name a port that is not there, or be the
/// end of its process.
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
