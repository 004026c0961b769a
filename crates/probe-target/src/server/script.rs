//! The bytes and pauses of each HTTP/1.1 fault as a script; `play` executes it on a connection.

use std::time::Duration;

use ::http::StatusCode;
use ::http::header::HeaderMap;
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::time::sleep;

use crate::model::behaviour::Reply;
use crate::model::fault::{Details, Fault};
use crate::net::Connection;
use crate::net::closing::{close, gone};
use crate::target::exchange::Exchange;

/// The steps of a fault, in order.
pub(crate) type Script = Vec<ScriptStep>;

/// One step on a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ScriptStep {
    Wait(Duration),
    /// Sends a part of the response head, at once or with a pause after each byte.
    Head(String, Duration),
    /// Sends a part of the response body, at once or with a pause after each byte.
    Body(String, Duration),
    /// Keeps the connection open without sending anything.
    Hang,
    /// Closes with FIN.
    Close,
    /// Closes with RST.
    Reset,
}

/// The number of announced body bytes that are never sent.
pub(crate) const MISSING: u32 = 5;

/// The script of `fault`; `None` for faults that are a complete reply, which [`reply`] returns.
pub(crate) fn script(fault: Fault, details: Details, identity: &HeaderMap) -> Option<Script> {
    const AT_ONCE: Duration = Duration::ZERO;
    let (pace, sent) = (details.pace(), details.sent());
    let body = |bytes| ScriptStep::Body("x".repeat(bytes as usize), AT_ONCE);
    let ok = |framing: String| head(identity, &framing);
    let promised = || ScriptStep::Head(ok(length(sent + MISSING)), AT_ONCE);
    Some(match fault {
        Fault::Hang => vec![ScriptStep::Hang],
        Fault::Close => vec![ScriptStep::Close],
        Fault::Reset => vec![ScriptStep::Reset],
        Fault::SlowHead => vec![
            ScriptStep::Head(ok(length(3)), pace),
            ScriptStep::Body("ok\n".to_owned(), AT_ONCE),
            ScriptStep::Close,
        ],
        Fault::SlowBody => vec![
            ScriptStep::Head(ok(length(3)), AT_ONCE),
            ScriptStep::Body("ok\n".to_owned(), pace),
            ScriptStep::Close,
        ],
        Fault::StallBody => vec![promised(), body(sent), ScriptStep::Hang],
        Fault::ResetBody => vec![promised(), body(sent), ScriptStep::Reset],
        Fault::ShortBody => vec![promised(), body(sent), ScriptStep::Close],
        Fault::CutChunk => vec![
            ScriptStep::Head(ok("transfer-encoding: chunked".to_owned()), AT_ONCE),
            ScriptStep::Head(format!("{:x}\r\n", sent + MISSING), AT_ONCE),
            body(sent),
            ScriptStep::Close,
        ],
        Fault::Malformed => vec![
            ScriptStep::Head("This is not HTTP\r\n\r\n".to_owned(), AT_ONCE),
            ScriptStep::Close,
        ],
        Fault::Interim => vec![
            ScriptStep::Head("HTTP/1.1 103 Early Hints\r\n\r\n".to_owned(), AT_ONCE),
            ScriptStep::Hang,
        ],
        Fault::LargeBody
        | Fault::Redirect
        | Fault::RedirectPort
        | Fault::RedirectHost
        | Fault::RedirectChain
        | Fault::RedirectBroken => return None,
    })
}

/// The script for a HEAD request: the head is the complete response, so faults of the body do not
/// show.
pub(crate) fn without_body(mut script: Script) -> Script {
    if script
        .iter()
        .any(|step| matches!(step, ScriptStep::Body(..)))
    {
        script.truncate(1);
        script.push(ScriptStep::Close);
    }
    script
}

/// The parts of a request that a redirect repeats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) scheme: &'a str,
    /// The `Host` header, or `localhost`.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// The path as sent, undecoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
}

/// The complete reply for `fault`; `None` for faults that are a script.
pub(crate) fn reply(fault: Fault, details: Details, asked: Asked<'_>) -> Option<Reply> {
    const HOP: &str = "probeflip-hop=";
    let Asked {
        scheme,
        host,
        port,
        path,
        query,
    } = asked;
    let location = match fault {
        Fault::LargeBody => {
            let size = details.bytes.unwrap_or(20 * 1024);
            let body = Some("x".repeat(size as usize));
            return Some(Reply {
                body,
                ..Reply::from(200)
            });
        }
        Fault::Redirect => "/".to_owned(),
        Fault::RedirectPort => {
            let name = match host.rsplit_once(':') {
                // An IPv6 address contains colons, but within brackets.
                Some((name, port)) if !port.ends_with(']') => name,
                _ => host,
            };
            // There is no port above 65535.
            let above = port.checked_add(1).unwrap_or(1);
            format!("{scheme}://{name}:{above}{path}")
        }
        // RFC 6761: names under `.invalid` never resolve.
        Fault::RedirectHost => format!("{scheme}://probeflip.invalid{path}"),
        Fault::RedirectChain => {
            let hop = query.strip_prefix(HOP).and_then(|hop| hop.parse().ok());
            let hop = hop.unwrap_or(0_u32);
            if details.hops.unwrap_or(11) <= hop {
                return Some(Reply::from(200));
            }
            format!("{path}?{HOP}{}", hop + 1)
        }
        Fault::RedirectBroken => format!("{scheme}://[::1"),
        _ => return None,
    };
    let mut found = Reply::from(302);
    found.headers.insert("location".to_owned(), location);
    Some(found)
}

fn length(bytes: u32) -> String {
    format!("content-length: {bytes}")
}

fn head(identity: &HeaderMap, framing: &str) -> String {
    let identity = identity.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        format!("{name}: {value}\r\n")
    });
    let identity: String = identity.collect();
    let status = StatusCode::OK;
    format!("HTTP/1.1 {status}\r\n{identity}connection: close\r\n{framing}\r\n\r\n")
}

/// Executes a script until its end, until the client disconnects, or until `drained`, which closes
/// the connection.
pub(crate) async fn play<C: Connection>(
    mut connection: C,
    script: Script,
    mut exchange: Exchange,
    drained: impl Future<Output = ()>,
) {
    if script.last() == Some(&ScriptStep::Reset) {
        connection.keep_little();
    }
    let (mut reading, mut writing) = tokio::io::split(connection);
    let end = tokio::select! {
        biased;
        () = drained => ScriptStep::Close,
        // Polled before the client's end of input: a client that has only shut down its writing
        // half still gets the reply.
        end = steps(script, &mut writing, &mut exchange) => match end {
            Some(end) => end,
            // The client no longer accepts data.
            None => return,
        },
        () = gone(&mut reading) => return,
    };
    exchange.broken();
    drop(exchange);
    let connection = reading.unsplit(writing);
    match end {
        ScriptStep::Reset => connection.reset(),
        _ => close(connection).await,
    }
}

/// Executes the steps; returns how to end the connection, which is up to the caller.
async fn steps<C: AsyncWrite>(
    script: Script,
    connection: &mut WriteHalf<C>,
    exchange: &mut Exchange,
) -> Option<ScriptStep> {
    for step in script {
        match step {
            ScriptStep::Wait(time) => sleep(time).await,
            ScriptStep::Head(text, pace) => {
                send(connection, text.as_bytes(), pace, |_| {}).await.ok()?;
            }
            ScriptStep::Body(text, pace) => {
                let sent = |bytes| exchange.sent(bytes);
                send(connection, text.as_bytes(), pace, sent).await.ok()?;
            }
            ScriptStep::Hang => std::future::pending().await,
            ScriptStep::Close | ScriptStep::Reset => return Some(step),
        }
    }
    Some(ScriptStep::Close)
}

async fn send<C: AsyncWrite>(
    connection: &mut WriteHalf<C>,
    bytes: &[u8],
    pace: Duration,
    mut sent: impl FnMut(usize),
) -> std::io::Result<()> {
    let size = if pace.is_zero() {
        bytes.len().max(1)
    } else {
        1
    };
    for piece in bytes.chunks(size) {
        connection.write_all(piece).await?;
        connection.flush().await?;
        sent(piece.len());
        if !pace.is_zero() {
            sleep(pace).await;
        }
    }
    Ok(())
}
