//! Keys and changes of the terminal's size, read on a thread of their own.

use std::{io, thread};

use ratatui::crossterm::event;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Starts to read what the terminal sends. The channel closes when it can no longer be read.
pub(crate) fn events() -> io::Result<UnboundedReceiver<event::Event>> {
    let (sender, events) = unbounded_channel();
    let thread = thread::Builder::new().name("keyboard".to_owned());
    // The thread ends with the process: a read cannot be stopped.
    thread.spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                return;
            }
        }
    })?;
    Ok(events)
}
