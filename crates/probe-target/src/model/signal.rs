//! The signals that a process can die of, by name and Linux number. `os_process.rs` sends them.

/// A signal whose default action ends the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Signal(u8);

// signal(7), the numbers of x86 and ARM; those whose default is to end the process.
const ALL: [(&str, u8); 18] = [
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGILL", 4),
    ("SIGTRAP", 5),
    ("SIGABRT", 6),
    ("SIGBUS", 7),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGSEGV", 11),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGXCPU", 24),
    ("SIGXFSZ", 25),
    ("SIGSYS", 31),
];

impl Signal {
    /// All names.
    pub const NAMES: [&str; ALL.len()] = {
        let mut names = [""; ALL.len()];
        let mut number = 0;
        while number < ALL.len() {
            names[number] = ALL[number].0;
            number += 1;
        }
        names
    };

    /// SIGKILL, which a process cannot handle.
    pub const KILL: Self = Self(9);

    /// The signal of this name, such as `SIGKILL`.
    pub fn named(name: &str) -> Option<Self> {
        let known = ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, number)| Self(*number))
    }

    /// Its name, such as `SIGKILL`.
    pub fn name(self) -> &'static str {
        let known = ALL.iter().find(|(_, number)| *number == self.0);
        known.map_or("", |(name, _)| name)
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
