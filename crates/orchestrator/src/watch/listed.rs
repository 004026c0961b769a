//! The lanes that are listed: those of the axis that the filter leaves.

use super::view::View;
use crate::report::lanes::{Extent, Lane, Lanes};

/// The listed lanes, from top to bottom: traffic, Services, Pods with their containers, and
/// everything else.
pub(super) fn listed(view: &View, lanes: &Lanes, extent: &Extent) -> Vec<Lane> {
    let clients = lanes.followed_clients(extent).lanes;
    let services = lanes.services(extent).lanes;
    let pods = lanes.pods(extent).into_iter().flatten();
    let others = lanes.others(extent).lanes;
    let all = clients.into_iter().chain(services);
    let all = all.chain(pods).chain(others);
    let filter = view.filter.to_lowercase();
    let listed = all.filter(|lane| !lane.is_empty());
    let listed = listed.filter(|lane| lane.label.to_lowercase().contains(&filter));
    listed.collect()
}

/// The place of the selected lane; that of the lane that took its place if it is gone.
pub(super) fn selected(view: &View, listed: &[Lane]) -> usize {
    let place = view.selected.as_ref().and_then(|selected| {
        let mut subjects = listed.iter().map(|lane| &lane.subject);
        subjects.position(|subject| subject == selected)
    });
    let last = listed.len().saturating_sub(1);
    place.unwrap_or(view.place_of_selected.min(last))
}
