//! A byte stream to a port on a Pod's loopback, through the API server, over one WebSocket.
//!
//! kube's port-forward buffers 128 KiB a connection, and a run may hold a thousand of them.
//!
//! The frames are those of `v4.channel.k8s.io`: the first byte is the channel, and the first frame
//! of each channel is the port's number. Rule: `pkg/kubelet/.../portforward/websocket.go`.

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::Request;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, core::request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// The channels of the only port.
const DATA: u8 = 0;
const ERROR: u8 = 1;

/// Size of the buffers in each direction, in bytes.
const BUFFER: usize = 4 * 1024;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// An open port-forward. Dropping it closes it.
#[derive(Debug)]
pub(super) struct PortForward {
    /// The message of the kubelet, if the port could not be reached or failed.
    error: oneshot::Receiver<String>,
    task: AbortHandle,
}

impl PortForward {
    /// Opens a port-forward. Whether the port can be reached shows later.
    pub(super) async fn open(
        pods: &Api<Pod>,
        pod: &str,
        port: u16,
    ) -> Result<(Self, DuplexStream), kube::Error> {
        let request: Request<Vec<u8>> = request::Request::new(pods.resource_url())
            .portforward(pod, &[port])
            .map_err(kube::Error::BuildRequest)?;
        let connection = pods.clone().into_client().connect(request).await?;
        let buffers = WebSocketConfig::default().read_buffer_size(BUFFER);
        let upgraded = connection.into_stream().into_inner();
        let socket = Socket::from_raw_socket(upgraded, Role::Client, Some(buffers)).await;
        let (near, far) = tokio::io::duplex(BUFFER);
        let (failed, error) = oneshot::channel();
        let task = tokio::spawn(forward(socket, far, failed)).abort_handle();
        Ok((Self { error, task }, near))
    }

    /// The kubelet's error message, if one has arrived.
    pub(super) fn error(&mut self) -> Option<String> {
        self.error.try_recv().ok()
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Copies until either side closes.
async fn forward(socket: Socket, far: DuplexStream, failed: oneshot::Sender<String>) {
    let (mut sink, mut frames) = socket.split();
    let (mut reader, mut writer) = tokio::io::split(far);
    let upload = async {
        let mut chunk = vec![0; BUFFER];
        chunk[0] = DATA;
        while let Ok(length @ 1..) = reader.read(&mut chunk[1..]).await {
            let frame = Bytes::copy_from_slice(&chunk[..=length]);
            if sink.send(Message::Binary(frame)).await.is_err() {
                return;
            }
        }
    };
    let download = async {
        let (mut failed, mut begun) = (Some(failed), [false; 2]);
        while let Some(Ok(message)) = frames.next().await {
            let Message::Binary(frame) = message else {
                continue;
            };
            let Some((channel @ (&DATA | &ERROR), bytes)) = frame.split_first() else {
                continue;
            };
            if !std::mem::replace(&mut begun[usize::from(*channel)], true) {
                continue;
            }
            if *channel == ERROR {
                let message = String::from_utf8_lossy(bytes).into_owned();
                // The connection may have been given up already.
                failed.take().map(|failed| failed.send(message));
            } else if writer.write_all(bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = download => {}
        () = upload => {}
    }
}
