//! Where experiments run: the embedded cluster in real or virtual time, or a kubeconfig's. Each becomes a
//! `kube::Client`, and nothing else of it is known outside this file.
//!
//! This file and its folder alone name `pocket`.

pub mod apply;
mod deadline;
pub mod guard;
mod in_process;
mod net;
pub mod ownership;
mod probe_target;
pub mod remove;
pub mod watches;

use std::{io, path::PathBuf, time::Duration};

use k8s_openapi::{api::core::v1::Namespace, jiff::Timestamp};
use kube::{
    Api, Client, Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use pocket::Pocket;
use tokio::runtime::{Builder, Runtime};

use crate::{
    exit::{Exit, HasExitCode},
    input::problem::ProblemText,
    random::Random,
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
    /// There is no kubeconfig.
    #[error("cannot read the kubeconfig `{}`", path.display())]
    NoKubeconfig {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The kubeconfig cannot be found or parsed.
    #[error("cannot read the kubeconfig")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// The kubeconfig has no such context.
    #[error("{0}")]
    NoSuchContext(ProblemText),
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

impl HasExitCode for ConnectError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoSuchContext(_) | Self::Context { .. } | Self::NoContext => Exit::Usage,
            Self::NoKubeconfig { .. }
            | Self::Kubeconfig(_)
            | Self::Client { .. }
            | Self::Unreachable { .. }
            | Self::Silent { .. } => Exit::Infrastructure,
        }
    }
}

/// The namespace does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no namespace `{0}`")]
pub struct NoNamespace(String);

impl HasExitCode for NoNamespace {
    fn exit(&self) -> Exit {
        Exit::Usage
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
    let kubeconfig = kubeconfig()?;
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

/// Refuses a context that is not there, and says which are.
fn must_have_context(kubeconfig: &Kubeconfig, context: &str) -> Result<(), ConnectError> {
    let names = || kubeconfig.contexts.iter().map(|named| named.name.as_str());
    if names().any(|name| name == context) {
        return Ok(());
    }
    let fault = ProblemText::new(format!("the kubeconfig has no context `{context}`"));
    Err(ConnectError::NoSuchContext(fault.one_of(context, names())))
}

impl Cluster {
    /// Connects to a place. The embedded cluster starts, and draws its seed.
    pub async fn connect(place: Place, draw: &mut Random) -> Result<Self, ConnectError> {
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

    /// Refuses a namespace that does not exist. One that may not be looked up is taken on trust.
    pub async fn must_have(&self, namespace: &str) -> Result<(), NoNamespace> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        match namespaces.get_opt(namespace).await {
            Ok(None) => Err(NoNamespace(namespace.to_owned())),
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }

    fn embedded(place: Place, epoch: Timestamp, seed: u64) -> Self {
        let pocket = Pocket::builder()
            .seed(seed)
            .epoch(epoch)
            .image("probe-target", probe_target::ProbeTarget)
            .start();
        let client = in_process::client(pocket.api());
        Self::new(client, place, "default".to_owned(), epoch, Some(pocket))
    }

    async fn context(context: &str, place: Place) -> Result<Self, ConnectError> {
        let options = KubeConfigOptions {
            context: Some(context.to_owned()),
            ..KubeConfigOptions::default()
        };
        let kubeconfig = kubeconfig()?;
        must_have_context(&kubeconfig, context)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut config = config.map_err(|source| ConnectError::Context {
            context: context.to_owned(),
            source: Box::new(source),
        })?;
        config.connect_timeout = Some(PATIENCE);
        // What is retried silently is measured wrongly.
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
