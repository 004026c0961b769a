//! The signals that a process can die of, by name and Linux number. `os_process.rs` sends them.

/// A signal whose default action ends the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Signal(u8);

// signal(7), the numbers of x86 and ARM; those whose default is to end the process.
const NUMBERS: [u8; Signal::NAMES.len()] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 31,
];

impl Signal {
    /// All names.
    pub const NAMES: [&str; 18] = [
        "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
        "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGXCPU",
        "SIGXFSZ", "SIGSYS",
    ];

    /// SIGKILL, which a process cannot handle.
    pub const KILL: Self = Self(9);

    /// The signal of this name, such as `SIGKILL`.
    pub fn named(name: &str) -> Option<Self> {
        let position = Self::NAMES.iter().position(|known| *known == name);
        position.map(|position| Self(NUMBERS[position]))
    }

    /// Its name, such as `SIGKILL`.
    pub fn name(self) -> &'static str {
        let position = NUMBERS.iter().position(|number| *number == self.0);
        position.map_or("", |position| Self::NAMES[position])
    }

    /// Its number on Linux.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The exit code that a container runtime reports for this signal: 128 plus its number.
    pub fn code(self) -> u8 {
        128 + self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_read_by_its_name_and_told_by_its_code() {
        for (name, code) in [("SIGKILL", 137), ("SIGSEGV", 139), ("SIGABRT", 134)] {
            let signal = Signal::named(name).unwrap();
            assert_eq!((signal.name(), signal.code()), (name, code));
        }
        assert_eq!(Signal::named("KILL"), None);
        assert_eq!(Signal::named("SIGCHLD"), None);
    }
}
