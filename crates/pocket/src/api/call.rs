//! A parsed request about objects, without its body.

use std::sync::{Arc, Mutex, PoisonError};

use super::body::YamlParser;
use super::form::Form;
use super::path::ResourcePath;
use super::query::Query;
use super::select::Selection;
use crate::api_status::ApiError;
use crate::image::{Logs, Running};
use crate::latencies::Chance;
use crate::net::Network;
use crate::patch::managed::Author;
use crate::registry::Registry;
use crate::store::StoredObject;
use crate::tasks::Tasks;

/// The state behind request handlers.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) registry: Registry,
    pub(crate) network: Network,
    /// What containers have written.
    pub(crate) logs: Logs,
    /// Where processes can be started.
    pub(crate) running: Running,
    /// Tasks of connections that outlive their request.
    pub(crate) tasks: Tasks,
    pub(crate) chance: Arc<Mutex<Chance>>,
    /// How bodies in YAML are parsed; `None` refuses them.
    pub(crate) yaml: Option<YamlParser>,
}

impl Server {
    /// The chance of one request.
    pub(super) fn chance(&self) -> Chance {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        chance.fork()
    }
}

/// A request about objects.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) server: Server,
    pub(super) target: ResourcePath,
    pub(super) query: Query,
    /// The form in which the client wants objects.
    pub(super) form: Form,
    /// The header `User-Agent`.
    pub(super) agent: String,
}

impl Call {
    /// The object that the request names.
    pub(super) fn object(&self) -> Result<Arc<StoredObject>, ApiError> {
        let target = &self.target;
        let found = self
            .registry()
            .get_stored(target.kind, target.namespace(), target.name());
        found.ok_or_else(|| ApiError::not_found(target.kind, target.name()))
    }

    pub(super) fn selection(&self) -> Result<Selection, ApiError> {
        Selection::parse(self.target.kind, self.within(), &self.query)
    }

    /// The namespace of a collection, if it is limited to one.
    pub(super) fn within(&self) -> Option<&str> {
        self.target.namespace.as_deref()
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.server.registry
    }

    /// The field manager of a write: the one the request names, else the client program's name.
    pub(super) fn author(&self) -> Author {
        // Rule: `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/create.go`,
        // `managerOrUserAgent`.
        let program = || {
            self.agent
                .split('/')
                .next()
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
        };
        let manager = self.query.field_manager.clone().or_else(program);
        let time = serde_json::to_value(self.registry().clock().time()).unwrap_or_default();
        Author {
            manager: manager.unwrap_or_else(|| "unknown".to_owned()),
            time,
        }
    }
}
