//! The kubeconfig of the cluster on a port: written at its start, removed at its end.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::exit::{Exit, HasExitCode};

/// The first line, by which the file is told from others.
const MARK: &str = "# Written by `probeflip pocket`, which removes it when it ends.\n";
/// For the user alone, as kubeconfigs are: with TLS they hold keys.
const MODE: u32 = 0o600;

/// A kubeconfig that exists for as long as its cluster.
#[derive(Debug)]
pub(super) struct KubeconfigFile {
    path: PathBuf,
    text: String,
}

/// Why the kubeconfig is not written or removed.
#[derive(Debug, thiserror::Error)]
pub(super) enum KubeconfigFileError {
    /// The file is another program's or the user's.
    #[error(
        "`{}` exists and was not written by `probeflip pocket`; say a file that does not exist",
        .0.display()
    )]
    Foreign(PathBuf),
    /// The cluster of the file runs.
    #[error(
        "`{}` belongs to a cluster that runs, http://{server}; say another file",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// The cluster's address.
        server: SocketAddr,
    },
    /// The file cannot be read, written or removed.
    #[error("cannot {act} the kubeconfig `{}`", path.display())]
    File {
        /// What was attempted.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
}

impl HasExitCode for KubeconfigFileError {
    fn exit(&self) -> Exit {
        match self {
            Self::Foreign(_) | Self::InUse { .. } => Exit::Usage,
            Self::File { .. } => Exit::Infrastructure,
        }
    }
}

/// The file for the cluster on a port when no other is named. It is not `~/.kube/config`: that
/// would change the cluster that the user's other commands work on.
pub(super) fn default_path(port: u16) -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.filter(|path| path.is_absolute() && path.is_dir());
    let folder = runtime.unwrap_or_else(env::temp_dir);
    folder.join(format!("probeflip-pocket-{port}.yaml"))
}

impl KubeconfigFile {
    /// Writes the kubeconfig of the cluster at `server`. Returns with it whether it replaces one
    /// of a cluster that is gone.
    pub(super) fn write(
        path: &Path,
        server: SocketAddr,
    ) -> Result<(Self, bool), KubeconfigFileError> {
        let failed = |act| {
            let path = path.to_owned();
            move |source| KubeconfigFileError::File { act, path, source }
        };
        let replaced = match fs::read_to_string(path) {
            Ok(text) => {
                may_replace(path, &text, server)?;
                fs::remove_file(path).map_err(failed("replace"))?;
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(KubeconfigFileError::Foreign(path.to_owned()));
            }
            Err(error) => return Err(failed("read")(error)),
        };
        let text = text(server);
        // Created by this call, or not at all: a link in a directory for all users leads nowhere.
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(MODE).open(path);
        let mut file = file.map_err(failed("write"))?;
        file.write_all(text.as_bytes()).map_err(failed("write"))?;
        // For the line that is printed: it may be used in another directory.
        let path = fs::canonicalize(path).map_err(failed("read"))?;
        Ok((Self { path, text }, replaced))
    }

    /// Its absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, unless it was changed meanwhile.
    pub(super) fn remove(self) -> Result<(), KubeconfigFileError> {
        let removed = match fs::read_to_string(&self.path) {
            Ok(text) if text == self.text => fs::remove_file(&self.path),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|source| KubeconfigFileError::File {
            act: "remove",
            path: self.path,
            source,
        })
    }
}

/// Rejects a file that is not ours, or of another cluster that runs.
fn may_replace(path: &Path, text: &str, own: SocketAddr) -> Result<(), KubeconfigFileError> {
    if !text.starts_with(MARK) {
        return Err(KubeconfigFileError::Foreign(path.to_owned()));
    }
    let server = text.lines().find_map(|line| {
        let server = line.trim_start().strip_prefix("server: http://")?;
        server.parse::<SocketAddr>().ok()
    });
    match server {
        // The port is ours now, so the cluster that had it is gone.
        Some(server) if server != own && TcpStream::connect(server).is_ok() => {
            Err(KubeconfigFileError::InUse {
                path: path.to_owned(),
                server,
            })
        }
        _ => Ok(()),
    }
}

fn text(server: SocketAddr) -> String {
    format!(
        "\
{MARK}apiVersion: v1
kind: Config
current-context: pocket
contexts:
  - name: pocket
    context: {{ cluster: pocket, user: pocket, namespace: default }}
clusters:
  - name: pocket
    cluster:
      server: http://{server}
users:
  - name: pocket
    user: {{}}
"
    )
}

#[cfg(test)]
mod tests;
