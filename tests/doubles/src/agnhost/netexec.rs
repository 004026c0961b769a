//! `agnhost netexec`: a server of small HTTP requests, with TLS on request.

use std::{io, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{sync::mpsc, time::Instant};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::{
    connections::serve_each,
    flags::Flags,
    http::{self, Handler, Request, Response, log},
    servers::redirect,
};
use crate::{
    http_get::get,
    system::{Connection, System},
};

/// Runs the server until SIGTERM or a request ends it.
pub(super) async fn run(system: &Arc<dyn System>, flags: &Flags<'_>) -> i32 {
    let port = flags.number("http-port", 8080);
    let delay = Duration::from_secs(flags.number("delay-shutdown", 0));
    let terminated = system.terminated();
    let (exit, mut exits) = mpsc::unbounded_channel();
    let handler = handler(system, port, exit);
    let files = flags
        .get("tls-cert-file")
        .zip(flags.get("tls-private-key-file"));
    let served = async {
        match files {
            None => http::serve(system, port, handler).await,
            Some((certificate, key)) => match acceptor(&**system, certificate, key) {
                Ok(acceptor) => serve_tls(system, port, acceptor, handler).await,
                Err(error) => {
                    log(&**system, &error.to_string());
                    1
                }
            },
        }
    };
    let ended = async {
        terminated.await;
        tokio::time::sleep(delay).await;
        0
    };
    tokio::select! {
        biased;
        Some(code) = exits.recv() => code,
        code = ended => code,
        code = served => code,
    }
}

fn handler(system: &Arc<dyn System>, port: u16, exit: mpsc::UnboundedSender<i32>) -> Handler {
    let (system, started) = (Arc::clone(system), Instant::now());
    Arc::new(move |request| {
        let (system, exit) = (Arc::clone(&system), exit.clone());
        async move { answer(&*system, port, started, &exit, &request).await }.boxed()
    })
}

async fn answer(
    system: &dyn System,
    port: u16,
    started: Instant,
    exit: &mpsc::UnboundedSender<i32>,
    request: &Request,
) -> Response {
    let value = |name: &str| request.query.get(name).map_or("", String::as_str);
    let path = request.path.as_str();
    if path == "/echo" {
        log(
            system,
            &format!("GET /echo?msg={}&code={}", value("msg"), value("code")),
        );
    } else {
        log(system, &format!("GET {path}"));
    }
    let environment = system.environment();
    let host_name = || environment.get("HOSTNAME").cloned().unwrap_or_default();
    match path {
        "/" => Response::new(200, format!("NOW: {:?}", started.elapsed())),
        "/echo" => Response::new(value("code").parse().unwrap_or(200), value("msg")),
        "/clientip" => Response::new(200, request.peer.to_string()),
        "/serverport" => Response::new(200, port.to_string()),
        "/header" => {
            let name = value("key").to_lowercase();
            let found = request.headers.get(&name).cloned();
            Response::new(200, found.unwrap_or_default())
        }
        "/exit" => {
            let wait = value("wait").trim_end_matches('s').parse().unwrap_or(0);
            tokio::time::sleep(Duration::from_secs(wait)).await;
            exit.send(value("code").parse().unwrap_or(0)).unwrap_or(());
            Response::new(200, "")
        }
        "/shutdown" => {
            exit.send(0).unwrap_or(());
            Response::new(200, "")
        }
        "/healthz" => Response::new(200, ""),
        "/readyz" if system.terminated().peek().is_some() => Response::new(503, "shutting down"),
        "/readyz" => Response::new(200, "ok"),
        "/hostname" | "/hostName" => Response::new(200, host_name()),
        "/dial" => dial(system, request).await,
        "/redirect" => redirect(value("location")),
        _ => Response::new(404, "404 page not found\n"),
    }
}

/// Sends a request over HTTP to another server and answers with its answer.
async fn dial(system: &dyn System, request: &Request) -> Response {
    let value = |name: &str| request.query.get(name).map_or("", String::as_str);
    let (host, port, path) = (value("host"), value("port"), value("request"));
    if path.is_empty() {
        return Response::new(400, "request parameter not specified. <nil>\n");
    }
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let got = get(system, &format!("http://{host}:{port}/{path}")).await;
    let (kind, text) = match got {
        Ok((_, body)) => ("responses", String::from_utf8_lossy(&body).into_owned()),
        Err(why) => ("errors", why),
    };
    Response::new(200, format!("{{\"{kind}\":[{text:?}]}}"))
}

fn acceptor(system: &dyn System, certificate: &str, key: &str) -> io::Result<TlsAcceptor> {
    let (certificate, key) = (system.read(certificate)?, system.read(key)?);
    let certificate = CertificateDer::from_pem_slice(&certificate).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(io::Error::other)?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(io::Error::other)?.with_no_client_auth();
    let config = builder.with_single_cert(vec![certificate], key);
    let config = config.map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve_tls(
    system: &Arc<dyn System>,
    port: u16,
    acceptor: TlsAcceptor,
    handler: Handler,
) -> i32 {
    let Some(listener) = http::listen(&**system, port).await else {
        return 1;
    };
    let serve = |connection: Box<dyn Connection>| {
        let (peer, handler) = (connection.peer(), Arc::clone(&handler));
        let accepting = acceptor.accept(connection);
        let system = Arc::clone(system);
        async move {
            match accepting.await {
                Ok(stream) => drop(http::serve_connection(stream, peer, handler).await),
                Err(error) => {
                    let line = format!("http: TLS handshake error from {peer}: {error}");
                    log(&*system, &line);
                }
            }
        }
    };
    match serve_each(listener, serve).await {}
}
