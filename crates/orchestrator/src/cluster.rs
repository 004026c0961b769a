//! Connects to a cluster: the embedded one in real or virtual time, or one from a kubeconfig.
//!
//! Every cluster is a `kube::Client` to the rest of the program. Only this file and its folder name
//! `pocket`.

pub(crate) mod admission;
pub(crate) mod apply;
mod deadline;
pub(crate) mod guard;
mod in_pod;
mod in_process;
mod net;
pub(crate) mod originals;
pub(crate) mod ownership;
pub(crate) mod remove;
pub(crate) mod served;
mod target_image;
pub(crate) mod watches;
mod yaml_bodies;

use std::{io, path::PathBuf, time::Duration};

use k8s_openapi::{api::core::v1::Namespace, jiff::Timestamp};
use kube::{
    Api, Client, Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use pocket::{Builder, Pocket};
use tokio::runtime::{self, Runtime};

use crate::{
    exit::{Exit, HasExitCode},
    input::problem::ProblemText,
    random::Random,
    timeline::{FORMAT, Header, Place},
};

/// The fixed date at which every run on `virtual` starts.
// 2026-01-01T00:00:00Z.
const VIRTUAL_EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The timeout of connecting to an API server, and of its first response.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What chance decides on the embedded cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Latencies {
    /// Nothing: every step of the cluster's work is quick and takes the same time
    None,
    /// What it decides on a node: how long each step takes, who comes first
    #[default]
    Node,
    /// The same, beside workloads that change all the time: kube-proxy takes changes once a second
    Busy,
}

/// A connected cluster.
pub struct Cluster {
    /// The client for its API.
    pub client: Client,
    /// The place that it was connected from.
    pub(crate) place: Place,
    /// The API server's version, such as `v1.36.3`.
    pub(crate) version: String,
    /// The default namespace.
    pub(crate) namespace: String,
    /// The current date in RFC 3339; a fixed one on `virtual`.
    pub(crate) date: String,
    /// The embedded cluster, which ends when this value is dropped.
    _pocket: Option<Pocket>,
}

/// An error while connecting to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig file cannot be read.
    #[error("cannot read the kubeconfig `{}`", path.display())]
    NoKubeconfig {
        /// The path of the kubeconfig.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// The kubeconfig cannot be found or parsed.
    #[error("cannot read the kubeconfig")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// The kubeconfig does not have this context.
    #[error("{0}")]
    NoSuchContext(ProblemText),
    /// The context in the kubeconfig is invalid.
    #[error("cannot use the context `{context}`")]
    Context {
        /// The context.
        context: String,
        /// The error in the context.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// The kubeconfig names no current context.
    #[error("the kubeconfig has no current context; say `--context`")]
    NoContext,
    /// The Pod that this program runs in has no usable service account.
    #[error(
        "cannot use the service account of this Pod; without a kubeconfig, the cluster around it \
         is meant"
    )]
    Pod(#[source] Box<kube::config::InClusterError>),
    /// The client cannot be set up.
    #[error("cannot set up a client for the context `{context}`")]
    Client {
        /// The context.
        context: String,
        /// The error of the client.
        #[source]
        source: Box<kube::Error>,
    },
    /// The request for the API server's version failed.
    #[error("cannot reach the cluster {place}")]
    Unreachable {
        /// The cluster.
        place: String,
        /// The error of the request.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server did not respond in time.
    #[error("the cluster {place} does not answer within {CONNECT_TIMEOUT:?}")]
    Silent {
        /// The cluster.
        place: String,
    },
}

impl HasExitCode for ConnectError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoSuchContext(_) | Self::Context { .. } | Self::NoContext => Exit::Usage,
            Self::NoKubeconfig { .. }
            | Self::Kubeconfig(_)
            | Self::Pod(_)
            | Self::Client { .. }
            | Self::Unreachable { .. }
            | Self::Silent { .. } => Exit::Infrastructure,
        }
    }
}

/// The namespace does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no namespace `{0}`")]
pub(crate) struct NoNamespace(String);

impl HasExitCode for NoNamespace {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Objects of a kind could not be listed. The API's error names a right that is missing.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {plural} in namespace `{namespace}`")]
pub(crate) struct ListError {
    plural: String,
    namespace: String,
    #[source]
    source: Box<kube::Error>,
}

impl ListError {
    fn new(plural: &str, namespace: &str, source: kube::Error) -> Self {
        Self {
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
            source: Box::new(source),
        }
    }
}

impl HasExitCode for ListError {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}

/// Builds the single-threaded runtime for a place. On `virtual`, its clock is paused and jumps to
/// the next timer when all tasks wait.
pub fn runtime(place: &Place) -> io::Result<Runtime> {
    let mut builder = runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(*place == Place::Virtual);
    builder.build()
}

/// The kubeconfig's current context, for commands without `--context`; in a Pod without a
/// kubeconfig, that of the cluster around it.
pub(crate) fn current_context() -> Result<String, ConnectError> {
    let kubeconfig = match kubeconfig() {
        Err(missing) if in_pod::is_meant(&missing) => return Ok(in_pod::CONTEXT.to_owned()),
        kubeconfig => kubeconfig?,
    };
    let current = kubeconfig.current_context.as_ref();
    let named = current.filter(|name| !name.is_empty());
    let context = named.ok_or(ConnectError::NoContext)?;
    must_have_context(&kubeconfig, context)?;
    Ok(context.clone())
}

fn kubeconfig() -> Result<Kubeconfig, ConnectError> {
    Kubeconfig::read().map_err(|error| match error {
        KubeconfigError::ReadConfig(source, path) => ConnectError::NoKubeconfig { path, source },
        error => ConnectError::Kubeconfig(Box::new(error)),
    })
}

/// What a context of the kubeconfig says of a cluster.
async fn config(kubeconfig: Kubeconfig, context: &str) -> Result<Config, ConnectError> {
    let options = KubeConfigOptions {
        context: Some(context.to_owned()),
        ..KubeConfigOptions::default()
    };
    must_have_context(&kubeconfig, context)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|source| ConnectError::Context {
        context: context.to_owned(),
        source: Box::new(source),
    })
}

/// Rejects an unknown context and lists the known ones.
fn must_have_context(kubeconfig: &Kubeconfig, context: &str) -> Result<(), ConnectError> {
    let names = || kubeconfig.contexts.iter().map(|named| named.name.as_str());
    if names().any(|name| name == context) {
        return Ok(());
    }
    let fault = ProblemText::new(format!("the kubeconfig has no context `{context}`"));
    Err(ConnectError::NoSuchContext(fault.one_of(context, names())))
}

/// The embedded cluster with the image of the probe target, before its start.
fn builder(epoch: Timestamp, latencies: Latencies, seed: u64) -> Builder {
    Pocket::builder()
        .seed(seed)
        .epoch(epoch)
        .latencies(latencies.into())
        .yaml(yaml_bodies::parse)
        .image("probe-target", target_image::image())
}

impl From<Latencies> for pocket::Latencies {
    fn from(latencies: Latencies) -> Self {
        match latencies {
            Latencies::None => Self::None,
            Latencies::Node => Self::Node,
            Latencies::Busy => Self::Busy,
        }
    }
}

impl Cluster {
    /// Connects to a place. An embedded cluster is started with these latencies and a seed from
    /// `random`.
    pub async fn connect(
        place: Place,
        latencies: Latencies,
        random: &mut Random,
    ) -> Result<Self, ConnectError> {
        let embedded = |place, epoch, seed| Self::embedded(place, epoch, latencies, seed);
        let mut cluster = match &place {
            Place::Pocket => embedded(place, Timestamp::now(), random.seed()),
            Place::Virtual => embedded(place, VIRTUAL_EPOCH, random.seed()),
            Place::Cluster(context) => Self::context(&context.clone(), place).await?,
        };
        // The first request. It also shows whether the cluster answers at all.
        let version =
            tokio::time::timeout(CONNECT_TIMEOUT, cluster.client.apiserver_version()).await;
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

    /// The header of a timeline recorded on this cluster.
    pub(crate) fn header(
        &self,
        experiment: &str,
        run: &str,
        namespace: &str,
        seed: Option<u64>,
    ) -> Header {
        Header {
            timeline: FORMAT,
            experiment: experiment.to_owned(),
            place: self.place.clone(),
            kubernetes: self.version.clone(),
            probeflip: env!("CARGO_PKG_VERSION").to_owned(),
            run: run.to_owned(),
            namespace: namespace.to_owned(),
            seed,
            started: self.date.clone(),
        }
    }

    /// Rejects a namespace that does not exist. If the lookup fails, for example without
    /// permission, the namespace is assumed to exist.
    pub(crate) async fn must_have(&self, namespace: &str) -> Result<(), NoNamespace> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        match namespaces.get_opt(namespace).await {
            Ok(None) => Err(NoNamespace(namespace.to_owned())),
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }

    fn embedded(place: Place, epoch: Timestamp, latencies: Latencies, seed: u64) -> Self {
        let pocket = builder(epoch, latencies, seed).start();
        let client = in_process::client(pocket.api());
        Self::new(client, place, "default".to_owned(), epoch, Some(pocket))
    }

    async fn context(context: &str, place: Place) -> Result<Self, ConnectError> {
        let mut config = match kubeconfig() {
            Err(missing) if context == in_pod::CONTEXT && in_pod::is_meant(&missing) => {
                in_pod::config()?
            }
            kubeconfig => config(kubeconfig?, context).await?,
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // Hidden retries would distort the times that the timeline records.
        config.default_retry = false;
        let namespace = config.default_namespace.clone();
        let builder = ClientBuilder::try_from(config).map_err(|source| ConnectError::Client {
            context: context.to_owned(),
            source: Box::new(source),
        })?;
        let client = deadline::client(builder);
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

    /// Describes the cluster in error messages.
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
