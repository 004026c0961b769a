//! The times of a step.

use crate::timeline::Micros;

/// A step's times so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StepTimes {
    pub(crate) started: Option<Micros>,
    /// When its first action was sent; lower bounds count from here.
    pub(crate) sent: Option<Micros>,
    /// When its last action was acknowledged: the step's time 0.
    pub(crate) acknowledged: Option<Micros>,
    pub(crate) ended: Option<Micros>,
}
