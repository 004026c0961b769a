//! The programs by name, and how a process of one begins.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};

use crate::{agnhost, command::Command, io::Io, pause, shell, system::System, tools};

/// Runs a process with this command, whose first word names the program. Returns its exit code.
pub async fn main(system: Arc<dyn System>, command: Vec<String>) -> i32 {
    let mut words = command.into_iter();
    let name = words.next().unwrap_or_default();
    let environment = system.environment();
    let command = Command {
        system,
        name,
        arguments: words.collect(),
        environment,
        io: Io::standard(),
        run,
    };
    run(command).await.unwrap_or(127)
}

/// Runs a program to its end; `None` if there is none of this name.
pub(crate) fn run(mut command: Command) -> BoxFuture<'static, Option<i32>> {
    async move {
        let path = command.name.clone();
        let name = path.rsplit('/').next().unwrap_or_default();
        match name {
            "busybox"
                if command
                    .arguments
                    .first()
                    .is_some_and(|word| word == "--list") =>
            {
                let names = busybox().collect::<Vec<_>>().join("\n") + "\n";
                let written = command.io.output.write(&*command.system, names.as_bytes());
                Some(written.is_err().into())
            }
            "busybox" if !command.arguments.is_empty() => {
                command.name = command.arguments.remove(0);
                run(command).await
            }
            "sh" | "bash" | "ash" => Some(shell::run(command).await),
            "agnhost" | "agnhost-2" => Some(agnhost::run(command).await),
            "pause" => Some(pause::run(&*command.system).await),
            _ => {
                let name = name.to_owned();
                tools::run(&name, command).await
            }
        }
    }
    .boxed()
}

/// The names of the tools that an image with busybox has in `/bin`, the shell included.
pub fn busybox() -> impl Iterator<Item = &'static str> {
    ["sh", "ash", "busybox"].into_iter().chain(tools::NAMES)
}
