//! Where experiments run: the embedded cluster in real or virtual time, or a kubeconfig's. Each becomes a
//! `kube::Client`, and nothing else of it is known outside this file.
//!
//! The only file that names `pocket`. It also puts the probe target's program behind its image's name
//! there, so that the very code of the image runs in both.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Either;
use hyper::{body::Incoming, client::conn as client, server::conn as server};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use pocket::{
    Pocket,
    image::{Image, Memory, Remains},
    net::Host,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::{Builder, Runtime},
};
use tower::{BoxError, Service, ServiceExt as _};

use crate::{
    draw::Draw,
    exit::{Ends, Exit},
    problem::Fault,
    timeline::Place,
};

/// The date on `virtual` when a run starts, always the same.
const VIRTUAL_EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// How long to wait for a connection to an API server, and for its first answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A cluster to run on.
pub struct Cluster {
    /// What talks to it.
    pub client: Client,
    /// What it is.
    pub place: Place,
    /// The API server's version, such as `v1.36.3`.
    pub version: String,
    /// The namespace to work in where none is said.
    pub namespace: String,
    /// The date now, RFC 3339; a fixed one on `virtual`.
    pub date: String,
    /// Ends with the value.
    _pocket: Option<Pocket>,
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no kubeconfig, or it cannot be read.
    #[error("cannot read the kubeconfig")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// The kubeconfig has no such context.
    #[error("{0}")]
    NoSuchContext(Fault),
    /// The kubeconfig has a broken context.
    #[error("cannot use the context `{context}`")]
    Context {
        /// The context.
        context: String,
        /// What is wrong with it.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// The kubeconfig names no current context.
    #[error("the kubeconfig has no current context; say `--context`")]
    NoContext,
    /// The client cannot be set up.
    #[error("cannot set up a client for the context `{context}`")]
    Client {
        /// The context.
        context: String,
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
    /// Nobody answers.
    #[error("cannot reach the cluster {place}")]
    Unreachable {
        /// Which cluster.
        place: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// Somebody is there and says nothing.
    #[error("the cluster {place} does not answer within {PATIENCE:?}")]
    Silent {
        /// Which cluster.
        place: String,
    },
}

impl Ends for ConnectError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoSuchContext(_) | Self::Context { .. } | Self::NoContext => Exit::Usage,
            Self::Kubeconfig(_)
            | Self::Client { .. }
            | Self::Unreachable { .. }
            | Self::Silent { .. } => Exit::Infrastructure,
        }
    }
}

/// A runtime for a place: one thread, and on `virtual` a clock that jumps whenever all tasks wait.
pub fn runtime(place: &Place) -> io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(*place == Place::Virtual);
    builder.build()
}

/// The context that a command without `--context` means.
pub fn current_context() -> Result<String, ConnectError> {
    let kubeconfig =
        Kubeconfig::read().map_err(|error| ConnectError::Kubeconfig(Box::new(error)))?;
    kubeconfig
        .current_context
        .filter(|name| !name.is_empty())
        .ok_or(ConnectError::NoContext)
}

/// Refuses a context that is not there, and says which are.
fn must_have(kubeconfig: &Kubeconfig, context: &str) -> Result<(), ConnectError> {
    let names = || kubeconfig.contexts.iter().map(|named| named.name.as_str());
    if names().any(|name| name == context) {
        return Ok(());
    }
    let fault = Fault::new(format!("the kubeconfig has no context `{context}`"));
    Err(ConnectError::NoSuchContext(fault.one_of(context, names())))
}

impl Cluster {
    /// Connects to a place. The embedded cluster starts, and draws its seed.
    pub async fn connect(place: Place, draw: &mut Draw) -> Result<Self, ConnectError> {
        let mut cluster = match &place {
            Place::Pocket => Self::embedded(place, Timestamp::now(), draw.seed()),
            Place::Virtual => Self::embedded(place, VIRTUAL_EPOCH, draw.seed()),
            Place::Cluster(context) => Self::context(&context.clone(), place).await?,
        };
        let version = tokio::time::timeout(PATIENCE, cluster.client.apiserver_version()).await;
        cluster.version = match version {
            Ok(Ok(version)) => version.git_version,
            Ok(Err(source)) => {
                return Err(ConnectError::Unreachable {
                    place: cluster.shown(),
                    source: Box::new(source),
                });
            }
            Err(_) => {
                return Err(ConnectError::Silent {
                    place: cluster.shown(),
                });
            }
        };
        Ok(cluster)
    }

    fn embedded(place: Place, epoch: Timestamp, seed: u64) -> Self {
        let pocket = Pocket::builder()
            .seed(seed)
            .epoch(epoch)
            .image("probe-target", ProbeTarget)
            .start();
        let client = in_process(pocket.api());
        Self::new(client, place, "default".to_owned(), epoch, Some(pocket))
    }

    async fn context(context: &str, place: Place) -> Result<Self, ConnectError> {
        let options = KubeConfigOptions {
            context: Some(context.to_owned()),
            ..KubeConfigOptions::default()
        };
        let kubeconfig =
            Kubeconfig::read().map_err(|error| ConnectError::Kubeconfig(Box::new(error)))?;
        must_have(&kubeconfig, context)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut config = config.map_err(|source| ConnectError::Context {
            context: context.to_owned(),
            source: Box::new(source),
        })?;
        config.connect_timeout = Some(PATIENCE);
        // What is retried silently is measured wrongly.
        config.default_retry = false;
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|source| ConnectError::Client {
            context: context.to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self::new(client, place, namespace, Timestamp::now(), None))
    }

    fn new(
        client: Client,
        place: Place,
        namespace: String,
        now: Timestamp,
        pocket: Option<Pocket>,
    ) -> Self {
        let date = now.to_string();
        Self {
            client,
            place,
            version: String::new(),
            namespace,
            date,
            _pocket: pocket,
        }
    }

    /// Which cluster, for messages.
    fn shown(&self) -> String {
        match &self.place {
            Place::Cluster(context) => format!("of context `{context}`"),
            embedded => format!("`{embedded}`"),
        }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A client whose calls go straight into the router; those that become streams of bytes, over an
/// in-memory connection, since a router alone cannot be upgraded.
fn in_process<R, B>(router: R) -> Client
where
    R: Service<Request<Body>, Response = Response<B>, Error = std::convert::Infallible>
        + Service<Request<Incoming>, Response = Response<B>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    <R as Service<Request<Body>>>::Future: Send,
    <R as Service<Request<Incoming>>>::Future: Send,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = tower::service_fn(move |request: Request<Body>| {
        let router = router.clone();
        async move {
            if request.headers().contains_key(header::UPGRADE) {
                return Ok(upgrade(router, request).await?.map(Either::Left));
            }
            let response = router
                .oneshot(request)
                .await
                .unwrap_or_else(|never| match never {});
            Ok::<_, BoxError>(response.map(Either::Right))
        }
    });
    Client::new(service, "default")
}

/// Room for what one end has written and the other not yet read.
const PIPE: usize = 64 * 1024;

async fn upgrade<R, B>(
    router: R,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, hyper::Error>
where
    R: Service<Request<Incoming>, Response = Response<B>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    <R as Service<Request<Incoming>>>::Future: Send,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (near, far) = tokio::io::duplex(PIPE);
    let service = TowerToHyperService::new(router);
    let served = server::http1::Builder::new().serve_connection(TokioIo::new(far), service);
    tokio::spawn(served.with_upgrades());
    let (mut sender, connection) = client::http1::handshake(TokioIo::new(near)).await?;
    tokio::spawn(connection.with_upgrades());
    request
        .headers_mut()
        .entry(header::HOST)
        .or_insert(HeaderValue::from_static("pocket"));
    sender.send_request(request).await
}

/// The probe target's program, behind its image's name.
struct ProbeTarget;

impl Image for ProbeTarget {
    fn run(&self, process: pocket::image::Process) -> BoxFuture<'static, pocket::image::Exit> {
        let log = || Box::new(Log(process.remains.clone()));
        let (output, errors) = (log(), log());
        let target = target(process, true, output, errors);
        Box::pin(async move {
            let ending = probe_target::run(target).await;
            pocket::image::Exit::code(i32::from(ending.code()))
        })
    }

    fn exec(&self, process: pocket::image::Process) -> BoxFuture<'static, pocket::image::Output> {
        let (stdout, stderr) = (Said::default(), Said::default());
        let (output, errors) = (Box::new(stdout.clone()), Box::new(stderr.clone()));
        let target = target(process, false, output, errors);
        Box::pin(async move {
            let ending = probe_target::run(target).await;
            pocket::image::Output {
                code: i32::from(ending.code()),
                stdout: stdout.take(),
                stderr: stderr.take(),
            }
        })
    }
}

/// One invocation of the program in a Pod, or its `main` one.
fn target(
    process: pocket::image::Process,
    main: bool,
    output: Box<dyn io::Write + Send>,
    errors: Box<dyn io::Write + Send>,
) -> probe_target::Process<Net> {
    probe_target::Process {
        arguments: process.arguments,
        environment: process.environment,
        network: Net(process.network),
        main,
        instance: process.instance,
        terminate: probe_target::once(process.terminate),
        files: Arc::new(Files(process.files)),
        effects: Box::new(Own {
            remains: process.remains,
            memory: process.memory,
        }),
        output,
        errors,
    }
}

/// What a process in the embedded cluster does to itself.
struct Own {
    remains: Remains,
    memory: Memory,
}

impl probe_target::Effects for Own {
    fn conclude(&self, message: &str) -> io::Result<()> {
        self.remains.conclude(message);
        Ok(())
    }

    fn take_memory(&self, bytes: usize) -> io::Result<()> {
        self.memory.take(bytes as u64);
        Ok(())
    }

    fn free_memory(&self) {
        self.memory.free();
    }
}

/// The log of a container.
struct Log(Remains);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.log(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a process has said, on stdout or on stderr.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A container's files, as the probe target's library wants them.
struct Files(pocket::files::Files);

impl probe_target::Files for Files {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.read(path)
    }

    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        self.0.write(path, contents)
    }
}

/// A Pod's network, as the probe target's library wants it.
#[derive(Clone)]
struct Net(Host);

impl probe_target::Network for Net {
    type Listener = Listener;
    type Connection = Connection;

    async fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        self.0.listen(address).await.map(Listener)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        self.0.connect(address).await.map(Connection)
    }
}

struct Listener(pocket::net::Listener);

impl probe_target::Listener for Listener {
    type Connection = Connection;

    async fn accept(&mut self) -> io::Result<Connection> {
        self.0.accept().await.map(Connection)
    }
}

struct Connection(pocket::net::Stream);

impl probe_target::Connection for Connection {
    fn peer(&self) -> SocketAddr {
        self.0.peer()
    }

    /// Everything written arrives here before a reset.
    fn keep_little(&mut self) {}

    fn reset(self) {
        self.0.reset();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
