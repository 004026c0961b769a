//! The bytes and pauses of each HTTP/1.1 fault as a script; `execute` runs it on a connection.

use std::time::Duration;

use ::http::StatusCode;
use ::http::header::HeaderMap;
use tokio::io::{AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::time::sleep;

use crate::model::behaviour::Reply;
use crate::model::behaviour::{Details, Fault};
use crate::net::Connection;
use crate::net::closing::{close, discard_until_end};
use crate::target::pending_request::PendingRequest;

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
    End(ConnectionEnd),
}

/// How a fault ends a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ConnectionEnd {
    /// With FIN.
    Close,
    /// With RST.
    Reset,
}

/// The number of announced body bytes that are never sent.
pub(crate) const MISSING: u32 = 5;

/// The script of `fault`; `None` for faults that are a complete reply, which [`reply`] returns.
pub(crate) fn script(fault: Fault, details: Details, identity: &HeaderMap) -> Option<Script> {
    const AT_ONCE: Duration = Duration::ZERO;
    const CLOSE: ScriptStep = ScriptStep::End(ConnectionEnd::Close);
    const RESET: ScriptStep = ScriptStep::End(ConnectionEnd::Reset);
    let (pace, sent) = (details.pace(), details.sent());
    let body = |bytes| ScriptStep::Body("x".repeat(bytes as usize), AT_ONCE);
    let ok = |framing: String| head(identity, &framing);
    let announced = || ScriptStep::Head(ok(length(sent + MISSING)), AT_ONCE);
    Some(match fault {
        Fault::Hang => vec![ScriptStep::Hang],
        Fault::Close => vec![CLOSE],
        Fault::Reset => vec![RESET],
        Fault::SlowHead => vec![
            ScriptStep::Head(ok(length(3)), pace),
            ScriptStep::Body("ok\n".to_owned(), AT_ONCE),
            CLOSE,
        ],
        Fault::SlowBody => vec![
            ScriptStep::Head(ok(length(3)), AT_ONCE),
            ScriptStep::Body("ok\n".to_owned(), pace),
            CLOSE,
        ],
        Fault::StallBody => vec![announced(), body(sent), ScriptStep::Hang],
        Fault::ResetBody => vec![announced(), body(sent), RESET],
        Fault::ShortBody => vec![announced(), body(sent), CLOSE],
        Fault::CutChunk => vec![
            ScriptStep::Head(ok("transfer-encoding: chunked".to_owned()), AT_ONCE),
            ScriptStep::Head(format!("{:x}\r\n", sent + MISSING), AT_ONCE),
            body(sent),
            CLOSE,
        ],
        Fault::Malformed => vec![
            ScriptStep::Head("This is not HTTP\r\n\r\n".to_owned(), AT_ONCE),
            CLOSE,
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
        script.push(ScriptStep::End(ConnectionEnd::Close));
    }
    script
}

/// The parts of a request that a redirect repeats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RedirectSource<'a> {
    pub(crate) scheme: &'a str,
    /// The `Host` header, or `localhost`.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// The path as sent, undecoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
}

/// The complete reply for `fault`; `None` for faults that are a script.
pub(crate) fn reply(fault: Fault, details: Details, source: RedirectSource<'_>) -> Option<Reply> {
    const HOP: &str = "probeflip-hop=";
    let RedirectSource {
        scheme,
        host,
        port,
        path,
        query,
    } = source;
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
pub(crate) async fn execute<C: Connection>(
    mut connection: C,
    script: Script,
    mut pending: PendingRequest,
    drained: impl Future<Output = ()>,
) {
    if script.last() == Some(&ScriptStep::End(ConnectionEnd::Reset)) {
        // Linux discards what is in the send buffer when it resets, but the announced part of the
        // body must arrive.
        connection.minimize_send_buffer();
    }
    let (mut reading, mut writing) = tokio::io::split(connection);
    let end = tokio::select! {
        biased;
        () = drained => ConnectionEnd::Close,
        // Polled before the client's end of input: a client that has only shut down its writing
        // half still gets the reply.
        end = execute_steps(script, &mut writing, &mut pending) => match end {
            Some(end) => end,
            // The client no longer accepts data.
            None => return,
        },
        () = discard_until_end(&mut reading) => return,
    };
    pending.end_by_target();
    // Recorded before the connection ends: a client that sees its end finds the record.
    drop(pending);
    let connection = reading.unsplit(writing);
    match end {
        ConnectionEnd::Reset => connection.reset(),
        ConnectionEnd::Close => close(connection).await,
    }
}

/// Executes the steps; returns how to end the connection, or `None` if it accepts no more data.
async fn execute_steps<C: AsyncWrite>(
    script: Script,
    connection: &mut WriteHalf<C>,
    pending: &mut PendingRequest,
) -> Option<ConnectionEnd> {
    for step in script {
        match step {
            ScriptStep::Wait(time) => sleep(time).await,
            ScriptStep::Head(text, pace) => {
                send(connection, text.as_bytes(), pace, |_| {}).await.ok()?;
            }
            ScriptStep::Body(text, pace) => {
                let sent = |bytes| pending.sent(bytes);
                send(connection, text.as_bytes(), pace, sent).await.ok()?;
            }
            ScriptStep::Hang => std::future::pending().await,
            ScriptStep::End(end) => return Some(end),
        }
    }
    Some(ConnectionEnd::Close)
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
