//! A GET request over plain HTTP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::system::{System, reason};

/// The status and the body of an answer, or why there is none.
pub(crate) async fn get(system: &dyn System, url: &str) -> Result<(u16, Vec<u8>), String> {
    let rest = url.strip_prefix("http://").ok_or("unsupported protocol")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let whole = if authority
        .rsplit(']')
        .next()
        .is_some_and(|rest| rest.contains(':'))
    {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let whole = whole.replace("localhost", "127.0.0.1");
    let address = whole.parse().ok();
    let address = address.ok_or_else(|| format!("bad address '{authority}'"))?;
    let refused = |error| {
        format!(
            "can't connect to remote host ({authority}): {}",
            reason(&error)
        )
    };
    let mut connection = system.connect(address).await.map_err(refused)?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    let failed = |error| format!("error getting response: {}", reason(&error));
    connection
        .write_all(request.as_bytes())
        .await
        .map_err(failed)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.map_err(failed)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or("error getting response")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or("error getting response")?;
    Ok((status, answer.split_off(end + 4)))
}
