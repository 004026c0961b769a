//! The system of a process on a real node: Linux.

use std::{
    collections::BTreeMap,
    env, fs, io,
    net::{Ipv6Addr, SocketAddr},
    os::unix::process::ExitStatusExt,
    process::Stdio,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, pending},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt, stdin},
    net::{TcpListener, TcpStream},
    process::Command,
    signal::unix::{SignalKind, signal},
};

use crate::system::{Child, Connection, Job, Listener, Stream, System, Terminated, now};

/// This process.
#[derive(Default)]
pub struct Linux {
    terminated: OnceLock<Terminated>,
}

impl std::fmt::Debug for Linux {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Linux").finish_non_exhaustive()
    }
}

impl System for Linux {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn write(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        fs::write(path, contents)
    }

    fn append(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        let mut file = options.append(true).create(true).open(path)?;
        io::Write::write_all(&mut file, contents)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        if fs::symlink_metadata(path)?.is_dir() {
            return fs::remove_dir_all(path);
        }
        fs::remove_file(path)
    }

    fn is_directory(&self, path: &str) -> io::Result<bool> {
        Ok(fs::metadata(path)?.is_dir())
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn make_directory(&self, path: &str) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn directory(&self) -> String {
        let directory = env::current_dir().unwrap_or_default();
        directory.to_string_lossy().into_owned()
    }

    fn enter(&self, path: &str) -> io::Result<()> {
        env::set_current_dir(path)
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let text = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
        let all = env::vars_os();
        all.map(|(name, value)| (text(name), text(value))).collect()
    }

    fn process_id(&self) -> u32 {
        std::process::id()
    }

    fn print(&self, stream: Stream, bytes: &[u8]) {
        use io::Write;
        // What nobody reads is lost.
        drop(match stream {
            Stream::Output => io::stdout()
                .write_all(bytes)
                .and_then(|()| io::stdout().flush()),
            Stream::Error => io::stderr().write_all(bytes),
        });
    }

    fn input(&self) -> BoxFuture<'static, io::Result<Vec<u8>>> {
        async {
            let mut bytes = Vec::new();
            stdin().read_to_end(&mut bytes).await?;
            Ok(bytes)
        }
        .boxed()
    }

    fn terminated(&self) -> Terminated {
        let wait = || {
            let signals = signal(SignalKind::terminate());
            let wait = async move {
                match signals {
                    Ok(mut signals) => drop(signals.recv().await),
                    Err(_) => pending().await,
                }
            };
            wait.boxed().shared()
        };
        self.terminated.get_or_init(wait).clone()
    }

    fn spawn(&self, child: Child) -> io::Result<Job> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0("sh").args(["-c", &child.script]);
        let mut process = command
            .env_clear()
            .envs(child.environment)
            .stdin(Stdio::null())
            .spawn()?;
        let id = process.id().unwrap_or_default();
        let wait = async move {
            let status = process.wait().await.unwrap_or_default();
            let signal = || 128 + status.signal().unwrap_or_default();
            status.code().unwrap_or_else(signal)
        };
        Ok(Job {
            id,
            ended: wait.boxed().shared(),
            kill: Arc::new(move |signal| drop(kill(id, signal))),
        })
    }

    fn kill(&self, id: u32, signal: i32) -> io::Result<()> {
        kill(id, signal)
    }

    fn seconds(&self) -> Duration {
        now()
    }

    #[expect(clippy::disallowed_methods, reason = "a process of a node has sockets")]
    fn listen(&self, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        async move {
            let all = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
            let listener = TcpListener::bind(all).await?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        }
        .boxed()
    }

    #[expect(clippy::disallowed_methods, reason = "a process of a node has sockets")]
    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        async move {
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        }
        .boxed()
    }
}

fn kill(id: u32, signal: i32) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    let signal = Signal::from_named_raw(signal).ok_or_else(invalid)?;
    kill_process(id.ok_or_else(invalid)?, signal).map_err(io::Error::from)
}

impl Listener for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Connection>>> {
        async {
            let (stream, _) = Self::accept(self).await?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        }
        .boxed()
    }
}

impl Connection for TcpStream {
    fn peer(&self) -> SocketAddr {
        let unknown = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        self.peer_addr().unwrap_or(unknown)
    }
}
