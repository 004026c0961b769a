//! A journal as it grows: the server-sent events of `GET /v1/journal/stream`, over a connection of
//! their own.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use probe_target::model::answer;

use super::connection::Connection;
use super::{ControlError, INSTANCE, read, refused};
use crate::targets::Address;

/// The events of a target's journal, until the connection ends.
pub(crate) struct JournalStream {
    address: Address,
    connection: Connection,
    instance: String,
    body: Incoming,
    /// What has arrived of the next events.
    arrived: BytesMut,
}

/// One event of a journal's stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JournalEvent {
    /// The next record.
    Record(answer::Record),
    /// So many records were overwritten before they were sent.
    Lost(u64),
    /// Every request that ended before this time has been sent.
    Through(answer::Through),
}

impl JournalStream {
    pub(super) async fn open(
        pods: &Api<Pod>,
        address: &Address,
        request: Request<Full<Bytes>>,
    ) -> Result<Self, ControlError> {
        let mut connection = Connection::open(pods, address).await?;
        let response = connection.start(request).await?;
        let (head, body) = response.into_parts();
        let mut stream = Self {
            address: address.clone(),
            connection,
            instance: text(&head.headers, INSTANCE),
            body,
            arrived: BytesMut::new(),
        };
        if head.status.is_success() {
            return Ok(stream);
        }
        while stream.receive().await? {}
        Err(refused(address, head.status, &stream.arrived))
    }

    /// The process whose journal it is.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<JournalEvent>, ControlError> {
        // Events that a later version adds are skipped.
        while let Some((name, data)) = self.next_event().await? {
            let address = &self.address;
            return Ok(Some(match name.as_str() {
                "" => JournalEvent::Record(read(address, &data)?),
                "lost" => JournalEvent::Lost(read::<answer::Lost>(address, &data)?.lost),
                "through" => JournalEvent::Through(read(address, &data)?),
                _ => continue,
            }));
        }
        Ok(None)
    }

    /// The next event's name, empty for a record, and its data; `None` at the end of the stream.
    async fn next_event(&mut self) -> Result<Option<(String, Bytes)>, ControlError> {
        loop {
            while let Some(event) = split_event(&mut self.arrived) {
                if let Some(event) = parse(&event) {
                    return Ok(Some(event));
                }
            }
            if !self.receive().await? {
                return Ok(None);
            }
        }
    }

    /// Waits for more bytes. Returns false at the end.
    async fn receive(&mut self) -> Result<bool, ControlError> {
        match self.body.frame().await {
            None => Ok(false),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                self.arrived.extend_from_slice(&data);
                Ok(true)
            }
            Some(Err(error)) => Err(self.connection.broken(error).await),
        }
    }
}

/// Takes the first event, which a blank line ends, from the bytes that have arrived.
fn split_event(arrived: &mut BytesMut) -> Option<Bytes> {
    let end = arrived.windows(2).position(|two| two == b"\n\n")?;
    let event = arrived.split_to(end).freeze();
    arrived.advance(2);
    Some(event)
}

/// The name and data of an event; `None` for a comment.
fn parse(event: &Bytes) -> Option<(String, Bytes)> {
    let (mut name, mut data) = (String::new(), None);
    for line in event.split(|byte| *byte == b'\n') {
        if let Some(text) = line.strip_prefix(b"event: ") {
            name = String::from_utf8_lossy(text).into_owned();
        } else if let Some(text) = line.strip_prefix(b"data: ") {
            data = Some(event.slice_ref(text));
        }
    }
    Some((name, data?))
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_split_wherever_the_bytes_are() {
        let text = ": journal\n\nevent: lost\ndata: {\"lost\":2}\n\nid: 7\ndata: {\"seq\":7}\n\n";
        let mut arrived = BytesMut::new();
        let mut events = Vec::new();
        for byte in text.bytes() {
            arrived.extend_from_slice(&[byte]);
            events.extend(split_event(&mut arrived).as_ref().and_then(parse));
        }
        let event = |name: &str, data: &'static str| (name.to_owned(), Bytes::from(data));
        assert_eq!(
            events,
            [event("lost", "{\"lost\":2}"), event("", "{\"seq\":7}")]
        );
        assert!(arrived.is_empty());
    }
}
