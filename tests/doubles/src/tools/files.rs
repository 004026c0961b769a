//! The tools that change or show files.

use std::io;

use super::Tool;
use crate::system::reason;

impl Tool {
    pub(super) async fn on_files(&self, name: &str) -> i32 {
        let operands = self.operands();
        match name {
            "cat" => self.cat(&operands).await,
            "ls" => self.show(&operands),
            "cp" | "mv" => self.copy(&operands, name == "mv"),
            _ => {
                let code = operands.iter().map(|path| match name {
                    "touch" => self.touch(path),
                    "mkdir" => self.make(path),
                    "stat" => self.stat(path),
                    _ => self.remove(path, name),
                });
                code.max().unwrap_or(0)
            }
        }
    }

    async fn cat(&self, paths: &[&str]) -> i32 {
        let paths = if paths.is_empty() { &["-"][..] } else { paths };
        let system = &*self.command.system;
        let mut code = 0;
        for path in paths {
            let read = if *path == "-" {
                self.command.io.input.read(system).await
            } else {
                system.read(path)
            };
            code = code.max(match read {
                Ok(bytes) => self.put(&bytes),
                Err(error) if error.raw_os_error() == Some(IS_DIRECTORY) => {
                    self.fail("read error: Is a directory")
                }
                Err(error) => self.fail(&format!("can't open '{path}': {}", reason(&error))),
            });
        }
        code
    }

    fn touch(&self, path: &str) -> i32 {
        if self.command.system.is_directory(path).is_ok() {
            return 0;
        }
        match self.command.system.append(path, b"") {
            Ok(()) => 0,
            Err(error) => self.fail(&format!("{path}: {}", reason(&error))),
        }
    }

    fn make(&self, path: &str) -> i32 {
        let parents = self.has("-p");
        let made = if parents {
            self.make_all(path)
        } else {
            self.command.system.make_directory(path)
        };
        match made {
            Ok(()) => 0,
            Err(error) => self.fail(&format!(
                "can't create directory '{path}': {}",
                reason(&error)
            )),
        }
    }

    fn make_all(&self, path: &str) -> io::Result<()> {
        let system = &*self.command.system;
        let ends = path
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([path.len()]);
        for end in ends.filter(|end| *end > 0) {
            let part = &path[..end];
            if !system.is_directory(part).unwrap_or(false) {
                system.make_directory(part)?;
            }
        }
        Ok(())
    }

    fn remove(&self, path: &str, name: &str) -> i32 {
        let system = &*self.command.system;
        let force = self.has("-f");
        let is_directory = match system.is_directory(path) {
            Ok(is_directory) => is_directory,
            Err(_) if force => return 0,
            Err(error) => return self.fail(&format!("can't remove '{path}': {}", reason(&error))),
        };
        if name == "rm" && is_directory && !self.has("-r") {
            return self.fail(&format!("'{path}' is a directory"));
        }
        match system.remove(path) {
            Ok(()) => 0,
            Err(error) => self.fail(&format!("can't remove '{path}': {}", reason(&error))),
        }
    }

    fn stat(&self, path: &str) -> i32 {
        match self.command.system.is_directory(path) {
            Ok(_) => self.print(&format!("  File: {path}\n")),
            Err(error) => self.fail(&format!("can't stat '{path}': {}", reason(&error))),
        }
    }

    fn show(&self, paths: &[&str]) -> i32 {
        let system = &*self.command.system;
        let paths = if paths.is_empty() { &["."][..] } else { paths };
        let mut code = 0;
        for path in paths {
            let names = match system.is_directory(path) {
                Ok(true) => system.list(path),
                Ok(false) => Ok(vec![(*path).to_owned()]),
                Err(error) => Err(error),
            };
            code = code.max(match names {
                Ok(names) => {
                    let lines = names.iter().map(|name| format!("{name}\n"));
                    self.print(&lines.collect::<String>())
                }
                Err(error) => self.fail(&format!("{path}: {}", reason(&error))),
            });
        }
        code
    }

    fn copy(&self, paths: &[&str], and_remove: bool) -> i32 {
        let system = &*self.command.system;
        let [from, to] = paths else {
            return self.fail("usage: SOURCE DEST");
        };
        let name = from.rsplit('/').next().unwrap_or_default();
        let to = match system.is_directory(to) {
            Ok(true) => format!("{}/{name}", to.trim_end_matches('/')),
            _ => (*to).to_owned(),
        };
        let copied = system
            .read(from)
            .and_then(|bytes| system.write(&to, &bytes));
        let done = match copied {
            Ok(()) if and_remove => system.remove(from),
            copied => copied,
        };
        match done {
            Ok(()) => 0,
            Err(error) => self.fail(&format!("can't stat '{from}': {}", reason(&error))),
        }
    }
}

/// Linux's and macOS's EISDIR.
const IS_DIRECTORY: i32 = 21;
