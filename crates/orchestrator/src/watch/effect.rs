//! What a key asks of the caller.

/// Something that a view cannot do itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Flip a container.
    Flip {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
        /// What `probeflip flip` takes after the container.
        words: Vec<String>,
    },
    /// Remove all flips of a container.
    Heal {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
    },
    /// Leave the terminal to the shell until the process continues.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// End the command.
    Quit,
    /// End the command as a signal does.
    Interrupt,
}
