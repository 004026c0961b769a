//! Messages of WebSocket whose first byte is the number of their channel.

use futures::StreamExt;
use futures::stream::SplitStream;
use tokio_tungstenite::tungstenite::Message;

use super::upgrade::Socket;

/// A message of a channel.
pub(super) fn message(channel: u8, bytes: &[u8]) -> Message {
    Message::binary([&[channel], bytes].concat())
}

/// Waits for the client's part of the closing handshake.
pub(super) async fn closed(incoming: &mut SplitStream<Socket>) {
    while let Some(Ok(_)) = incoming.next().await {}
}
