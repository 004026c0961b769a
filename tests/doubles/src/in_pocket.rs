//! The system of a process in pocket, and the images of the doubles there.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use pocket::{
    image::{
        Background, Exit, Image, Process, Stdin, Writer,
        files::{FileKind, Files},
    },
    net::Host,
};
use tokio::{io::AsyncReadExt, sync::watch};

use crate::{
    io::lock,
    programs,
    system::{Child, Connection, Job, Listener, Stream, System, Terminated, now},
};

/// The image `agnhost`: its own programs, and those of busybox and bash.
pub fn agnhost() -> Image {
    let image = Image::new("/agnhost", run).program("/agnhost-2", run);
    let image = with_busybox(image.arguments(&["pause"])).program("/bin/bash", run);
    image
        .directory("/uploads")
        .file("/localhost.crt", include_bytes!("localhost.crt"))
        .file("/localhost.key", include_bytes!("localhost.key"))
}

/// The image `busybox`.
pub fn busybox() -> Image {
    with_busybox(Image::new("/bin/sh", run))
}

/// The image `pause`.
pub fn pause() -> Image {
    Image::new("/pause", run)
}

fn with_busybox(image: Image) -> Image {
    let image = image.directory("/tmp").directory("/root");
    let add = |image: Image, name| image.program(&format!("/bin/{name}"), run);
    programs::busybox().fold(image, add)
}

/// Runs a process of any of the images.
pub fn run(process: Process) -> BoxFuture<'static, Exit> {
    let command = process.command.clone();
    let system = Arc::new(Container::new(process));
    async move { Exit::code(programs::main(system, command).await) }.boxed()
}

/// A process of a container.
struct Container {
    files: Mutex<Files>,
    environment: BTreeMap<String, String>,
    network: Host,
    background: Background,
    stdin: Arc<Mutex<Option<Stdin>>>,
    stdout: Writer,
    stderr: Writer,
    terminated: Shared<BoxFuture<'static, ()>>,
    is_main: bool,
    /// The process ID of the next child.
    next_id: AtomicU32,
}

impl Container {
    fn new(process: Process) -> Self {
        Self {
            files: Mutex::new(process.files),
            environment: process.environment,
            network: process.network,
            background: process.background,
            stdin: Arc::new(Mutex::new(Some(process.stdin))),
            stdout: process.stdout,
            stderr: process.stderr,
            terminated: process.terminate.shared(),
            is_main: process.is_main,
            next_id: AtomicU32::new(if process.is_main { 7 } else { 107 }),
        }
    }
}

impl System for Container {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if path == "/dev/null" {
            return Ok(Vec::new());
        }
        self.files().read(path)
    }

    fn write(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        if let Some(device) = device(path) {
            self.print_to(device, contents);
            return Ok(());
        }
        self.files().write(path, contents)
    }

    fn append(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        if let Some(device) = device(path) {
            self.print_to(device, contents);
            return Ok(());
        }
        self.files().append(path, contents)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.files().remove(path)
    }

    fn is_directory(&self, path: &str) -> io::Result<bool> {
        if device(path).is_some() {
            return Ok(false);
        }
        Ok(self.files().kind(path)? == FileKind::Directory)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.files().list(path)
    }

    fn make_directory(&self, path: &str) -> io::Result<()> {
        self.files().make_directory(path)
    }

    fn directory(&self) -> String {
        self.files().absolute(".")
    }

    fn enter(&self, path: &str) -> io::Result<()> {
        let mut files = lock(&self.files);
        match files.kind(path)? {
            FileKind::Directory => files.enter(path),
            FileKind::File => return Err(io::Error::from_raw_os_error(NOT_DIRECTORY)),
        }
        Ok(())
    }

    fn environment(&self) -> BTreeMap<String, String> {
        self.environment.clone()
    }

    fn process_id(&self) -> u32 {
        if self.is_main { 1 } else { 100 }
    }

    fn print(&self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Output => self.stdout.put(bytes),
            Stream::Error => self.stderr.put(bytes),
        }
    }

    fn input(&self) -> BoxFuture<'static, io::Result<Vec<u8>>> {
        let stdin = lock(&self.stdin).take();
        async move {
            let mut bytes = Vec::new();
            if let Some(mut stdin) = stdin {
                stdin.read_to_end(&mut bytes).await?;
            }
            Ok(bytes)
        }
        .boxed()
    }

    fn terminated(&self) -> Terminated {
        // A signal that came before nobody handled it is gone; it has been looked for once at
        // least then.
        self.terminated.clone().now_or_never();
        self.terminated.clone()
    }

    fn spawn(&self, child: Child) -> io::Result<Job> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (signal, mut signals) = watch::channel(0);
        let (end, ended) = watch::channel(None);
        self.background.spawn(async move {
            let code = tokio::select! {
                biased;
                Ok(signal) = async { signals.wait_for(|signal| *signal > 0).await.map(|it| *it) }
                    => 128 + signal,
                code = child.run => code,
            };
            end.send_replace(Some(code));
        });
        let wait = async move {
            let mut ended = ended;
            let code = ended.wait_for(Option::is_some).await;
            code.ok().and_then(|code| *code).unwrap_or(128 + 9)
        };
        Ok(Job {
            id,
            ended: wait.boxed().shared(),
            kill: Arc::new(move |number| {
                signal.send_replace(number);
            }),
        })
    }

    fn kill(&self, _: u32, _: i32) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(NO_PROCESS))
    }

    fn seconds(&self) -> Duration {
        now()
    }

    fn listen(&self, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        let listener = self.network.listen((Ipv6Addr::UNSPECIFIED, port).into());
        let listener = listener.map(|listener| Box::new(listener) as Box<dyn Listener>);
        async { listener }.boxed()
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Connection>>> {
        let network = self.network.clone();
        async move {
            let stream = network.connect(address).await?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        }
        .boxed()
    }
}

/// Linux's ENOTDIR.
const NOT_DIRECTORY: i32 = 20;

/// Linux's ESRCH.
const NO_PROCESS: i32 = 3;

impl Container {
    fn files(&self) -> Files {
        lock(&self.files).clone()
    }

    fn print_to(&self, device: Device, bytes: &[u8]) {
        match device {
            Device::Null => {}
            Device::Stream(stream) => self.print(stream, bytes),
        }
    }
}

/// A file that stands for something else.
#[derive(Clone, Copy)]
enum Device {
    Null,
    Stream(Stream),
}

fn device(path: &str) -> Option<Device> {
    match path {
        "/dev/null" => Some(Device::Null),
        "/dev/stdout" | "/proc/1/fd/1" | "/proc/self/fd/1" => Some(Device::Stream(Stream::Output)),
        "/dev/stderr" | "/proc/1/fd/2" | "/proc/self/fd/2" => Some(Device::Stream(Stream::Error)),
        _ => None,
    }
}

impl Listener for pocket::net::Listener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Connection>>> {
        async {
            let stream = Self::accept(self).await?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        }
        .boxed()
    }
}

impl Connection for pocket::net::Stream {
    fn peer(&self) -> SocketAddr {
        Self::peer(self)
    }
}
