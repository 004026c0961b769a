//! The live picture of a namespace in a terminal: lanes that flow by, and what keys do.
//!
//! Pure but for [`Screen`]: [`update`] changes a [`View`] by a key and says what
//! the caller is to do, and [`draw`] shows the view over the lanes of the records so far.

mod axis;
mod cells;
mod draw;
mod effect;
mod listed;
mod screen;
mod signs;
mod update;
mod view;

pub(crate) use axis::LONGEST;
pub(crate) use draw::draw;
pub(crate) use effect::Effect;
pub(crate) use screen::Screen;
pub(crate) use signs::Signs;
pub(crate) use update::update;
pub(crate) use view::View;

#[cfg(test)]
mod tests;
