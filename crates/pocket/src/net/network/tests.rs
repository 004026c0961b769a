//! The guarantees of a kernel's connections, on a paused clock: a test in which nothing can wake
//! anything fails at once.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::super::stream::CAPACITY;
use super::*;
use crate::net::Host;

const POD: &str = "10.244.0.2";
const OTHER: &str = "10.244.0.3";

fn host(network: &Network, ip: &str) -> Host {
    Host::new(network.clone(), ip.parse().unwrap())
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A listener at the Pod and both ends of one connection to it, client first.
async fn connected() -> (Listener, Stream, Stream) {
    let network = Network::default();
    let mut listener = host(&network, POD).listen(address("[::]:80")).unwrap();
    let client = host(&network, OTHER)
        .connect(address("10.244.0.2:80"))
        .await
        .unwrap();
    let server = listener.accept().await.unwrap();
    (listener, client, server)
}

async fn refused(host: &Host, to: &str) -> bool {
    let error = host.connect(address(to)).await.err();
    error.is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

async fn read(stream: &mut Stream) -> Result<Vec<u8>, ErrorKind> {
    let mut bytes = vec![0; 1024];
    let length = stream
        .read(&mut bytes)
        .await
        .map_err(|error| error.kind())?;
    bytes.truncate(length);
    Ok(bytes)
}

async fn write(stream: &mut Stream, bytes: &[u8]) -> Result<(), ErrorKind> {
    stream.write_all(bytes).await.map_err(|error| error.kind())
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways() {
    let (_listener, mut client, mut server) = connected().await;
    client.write_all(b"ping").await.unwrap();
    assert_eq!(read(&mut server).await.unwrap(), b"ping");
    server.write_all(b"pong").await.unwrap();
    assert_eq!(read(&mut client).await.unwrap(), b"pong");
}

#[tokio::test(start_paused = true)]
async fn both_ends_know_each_other() {
    let (_listener, client, server) = connected().await;
    assert_eq!(client.peer(), address("10.244.0.2:80"));
    assert_eq!(server.local(), client.peer());
    assert_eq!(server.peer(), client.local());
    assert_eq!(server.peer().ip().to_string(), OTHER);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_is_a_fin_after_its_data() {
    let (_listener, mut client, mut server) = connected().await;
    server.write_all(b"bye").await.unwrap();
    drop(server);
    assert_eq!(read(&mut client).await.unwrap(), b"bye");
    assert_eq!(read(&mut client).await.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_not_a_fin() {
    let (_listener, mut client, mut server) = connected().await;
    server.write_all(b"half").await.unwrap();
    server.reset();
    assert_eq!(read(&mut client).await.unwrap(), b"half");
    assert_eq!(read(&mut client).await, Err(ErrorKind::ConnectionReset));
    assert_eq!(
        write(&mut client, b"more").await,
        Err(ErrorKind::ConnectionReset)
    );
}

#[tokio::test(start_paused = true)]
async fn data_left_unread_makes_a_drop_a_reset() {
    let (_listener, mut client, server) = connected().await;
    client.write_all(b"ignored").await.unwrap();
    drop(server);
    assert_eq!(read(&mut client).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn the_first_write_after_the_peer_s_close_is_lost_the_second_fails() {
    let (_listener, mut client, server) = connected().await;
    drop(server);
    assert_eq!(write(&mut client, b"lost").await, Ok(()));
    assert_eq!(
        write(&mut client, b"more").await,
        Err(ErrorKind::BrokenPipe)
    );
    assert_eq!(read(&mut client).await.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_stream_still_reads() {
    let (_listener, mut client, mut server) = connected().await;
    client.shutdown().await.unwrap();
    assert_eq!(read(&mut server).await.unwrap(), b"");
    server.write_all(b"answer").await.unwrap();
    assert_eq!(read(&mut client).await.unwrap(), b"answer");
    assert_eq!(
        write(&mut client, b"more").await,
        Err(ErrorKind::BrokenPipe)
    );
}

#[tokio::test(start_paused = true)]
async fn a_reset_after_a_half_close_shows_on_write() {
    let (_listener, mut client, mut server) = connected().await;
    server.shutdown().await.unwrap();
    server.reset();
    assert_eq!(read(&mut client).await.unwrap(), b"");
    assert_eq!(
        write(&mut client, b"more").await,
        Err(ErrorKind::BrokenPipe)
    );
}

#[tokio::test(start_paused = true)]
async fn a_waiting_reader_is_woken_by_data_fin_and_reset() {
    for (act, expected) in [
        ("write", Ok(b"x".to_vec())),
        ("drop", Ok(vec![])),
        ("reset", Err(ErrorKind::ConnectionReset)),
    ] {
        let (_listener, mut client, mut server) = connected().await;
        let waiting = tokio::spawn(async move { read(&mut client).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        match act {
            "write" => server.write_all(b"x").await.unwrap(),
            "drop" => drop(server),
            _ => server.reset(),
        }
        assert_eq!(waiting.await.unwrap(), expected, "{act}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_waits_for_room() {
    let (_listener, mut client, mut server) = connected().await;
    let sent = vec![7; 3 * CAPACITY + 1];
    let copy = sent.clone();
    let writer = tokio::spawn(async move { client.write_all(&copy).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!writer.is_finished(), "the flow must be bounded");
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, sent);
    writer.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_waits_for_room_learns_of_a_reset() {
    let (_listener, mut client, server) = connected().await;
    let writer = tokio::spawn(async move { write(&mut client, &vec![7; 2 * CAPACITY]).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(server);
    assert_eq!(writer.await.unwrap(), Err(ErrorKind::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_listener_is_refused_at_once() {
    let network = Network::default();
    let other = host(&network, OTHER);
    let before = tokio::time::Instant::now();
    assert!(refused(&other, "10.244.0.2:80").await);
    let listener = host(&network, POD).listen(address("0.0.0.0:80")).unwrap();
    assert!(!refused(&other, "10.244.0.2:80").await);
    assert!(refused(&other, "10.244.0.2:81").await);
    drop(listener);
    assert!(refused(&other, "10.244.0.2:80").await);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_listener_resets_what_it_had_not_accepted() {
    let network = Network::default();
    let listener = host(&network, POD).listen(address("[::]:80")).unwrap();
    let mut client = host(&network, POD)
        .connect(address("127.0.0.1:80"))
        .await
        .unwrap();
    drop(listener);
    assert_eq!(read(&mut client).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn accepted_connections_outlive_their_listener() {
    let (listener, mut client, mut server) = connected().await;
    drop(listener);
    client.write_all(b"still here").await.unwrap();
    assert_eq!(read(&mut server).await.unwrap(), b"still here");
}

#[tokio::test(start_paused = true)]
async fn a_full_backlog_makes_clients_wait() {
    let network = Network::default();
    let mut listener = host(&network, POD).listen(address("[::]:80")).unwrap();
    let client = host(&network, OTHER);
    let mut held = Vec::new();
    for _ in 0..BACKLOG {
        held.push(client.connect(address("10.244.0.2:80")).await.unwrap());
    }
    let late = || {
        timeout(
            Duration::from_secs(1),
            client.connect(address("10.244.0.2:80")),
        )
    };
    assert!(late().await.is_err(), "the backlog must be bounded");
    listener.accept().await.unwrap();
    assert!(late().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn addresses_in_use_are_found_by_overlap() {
    let check = async |first: &str, second: &str, expected: Option<ErrorKind>| {
        let network = Network::default();
        let pod = host(&network, POD);
        let _held = pod.listen(address(first)).unwrap();
        let found = pod.listen(address(second)).err().map(|error| error.kind());
        assert_eq!(found, expected, "{first} then {second}");
    };
    check("[::]:80", "[::]:80", Some(ErrorKind::AddrInUse)).await;
    check("[::]:80", "0.0.0.0:80", Some(ErrorKind::AddrInUse)).await;
    check("0.0.0.0:80", "127.0.0.1:80", Some(ErrorKind::AddrInUse)).await;
    check("127.0.0.1:80", "[::]:80", Some(ErrorKind::AddrInUse)).await;
    check("10.244.0.2:80", "127.0.0.1:80", None).await;
    check("0.0.0.0:80", "[::1]:80", None).await;
    check("[::]:80", "[::]:81", None).await;
    check(
        "[::]:80",
        "10.244.0.3:80",
        Some(ErrorKind::AddrNotAvailable),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_address_is_free_again_once_its_listener_is_gone() {
    let network = Network::default();
    let pod = host(&network, POD);
    drop(pod.listen(address("[::]:80")).unwrap());
    assert!(pod.listen(address("[::]:80")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn port_zero_picks_a_free_port() {
    let network = Network::default();
    let pod = host(&network, POD);
    let first = pod.listen(address("127.0.0.1:0")).unwrap();
    let second = pod.listen(address("127.0.0.1:0")).unwrap();
    assert_ne!(first.local().port(), 0);
    assert_ne!(first.local(), second.local());
    assert!(pod.connect(second.local()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn every_host_has_a_loopback_of_its_own() {
    let network = Network::default();
    let (pod, other) = (host(&network, POD), host(&network, OTHER));
    let mut listener = pod.listen(address("127.0.0.1:18080")).unwrap();
    let client = pod.connect(address("127.0.0.1:18080")).await.unwrap();
    assert_eq!(listener.accept().await.unwrap().peer(), client.local());
    assert!(client.local().ip().is_loopback());
    assert!(refused(&other, "127.0.0.1:18080").await);
    assert!(refused(&other, "10.244.0.2:18080").await);
    assert!(refused(&pod, "10.244.0.2:18080").await);
}

#[tokio::test(start_paused = true)]
async fn an_unspecified_address_covers_pod_and_loopback() {
    let check = async |listen: &str, connect: &str, expected: bool| {
        let network = Network::default();
        let pod = host(&network, POD);
        let _listener = pod.listen(address(listen)).unwrap();
        assert_eq!(
            !refused(&pod, connect).await,
            expected,
            "{listen} from {connect}"
        );
    };
    check("[::]:80", "10.244.0.2:80", true).await;
    check("[::]:80", "127.0.0.1:80", true).await;
    check("[::]:80", "[::1]:80", true).await;
    check("[::]:80", "0.0.0.0:80", true).await;
    check("0.0.0.0:80", "10.244.0.2:80", true).await;
    check("0.0.0.0:80", "[::1]:80", false).await;
    check("10.244.0.2:80", "127.0.0.1:80", false).await;
}

#[tokio::test(start_paused = true)]
async fn networks_side_by_side_do_not_meet() {
    let networks: Vec<_> = (0..50).map(|_| Network::default()).collect();
    let mut listeners = Vec::new();
    for network in &networks {
        listeners.push(host(network, POD).listen(address("[::]:80")).unwrap());
    }
    listeners.pop();
    for (number, network) in networks.iter().enumerate() {
        let found = refused(&host(network, OTHER), "10.244.0.2:80").await;
        assert_eq!(found, number == 49);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_uses_its_backends_in_turn() {
    let network = Network::default();
    let service = address("10.96.0.7:80");
    let mut first = host(&network, POD).listen(address("[::]:8080")).unwrap();
    let mut second = host(&network, OTHER).listen(address("[::]:8080")).unwrap();
    let client = host(&network, "10.244.0.9");
    assert!(refused(&client, "10.96.0.7:80").await);

    network.route(
        service,
        vec![address("10.244.0.2:8080"), address("10.244.0.3:8080")],
    );
    for _ in 0..2 {
        let stream = client.connect(service).await.unwrap();
        assert_eq!(stream.peer(), service);
        assert_eq!(
            first.accept().await.unwrap().local(),
            address("10.244.0.2:8080")
        );
        client.connect(service).await.unwrap();
        assert_eq!(
            second.accept().await.unwrap().local(),
            address("10.244.0.3:8080")
        );
    }
    drop(first);
    assert!(
        refused(&client, "10.96.0.7:80").await,
        "a backend that refuses is seen"
    );
    assert!(!refused(&client, "10.96.0.7:80").await);
}

#[tokio::test(start_paused = true)]
async fn a_service_uses_its_backends_at_random_if_it_is_told_to() {
    let network = Network::default();
    network.choose_backends_by(fastrand::Rng::with_seed(1));
    let service = address("10.96.0.7:80");
    let mut first = host(&network, POD).listen(address("[::]:8080")).unwrap();
    let mut second = host(&network, OTHER).listen(address("[::]:8080")).unwrap();
    network.route(
        service,
        vec![address("10.244.0.2:8080"), address("10.244.0.3:8080")],
    );
    let client = host(&network, "10.244.0.9");
    let mut chosen = String::new();
    for _ in 0..40 {
        client.connect(service).await.unwrap();
        tokio::select! {
            _ = first.accept() => chosen.push('1'),
            _ = second.accept() => chosen.push('2'),
        }
    }
    let count = chosen.matches('1').count();
    assert!((10..=30).contains(&count), "{chosen}");
    assert!(
        ["11", "22", "12", "21"]
            .iter()
            .all(|pair| chosen.contains(pair)),
        "{chosen}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_answers_nothing_until_its_address_is_taken_again() {
    let network = Network::default();
    let client = host(&network, OTHER);
    let answered = async || {
        let connect = client.connect(address("10.244.0.2:80"));
        let answer = tokio::time::timeout(Duration::from_hours(1), connect).await;
        answer.map(|connected| connected.is_ok()).ok()
    };
    assert_eq!(answered().await, Some(false));
    network.silence(POD.parse().unwrap());
    assert_eq!(answered().await, None);
    network.unsilence(POD.parse().unwrap());
    let _listener = host(&network, POD).listen(address("[::]:80")).unwrap();
    assert_eq!(answered().await, Some(true));
}

#[tokio::test(start_paused = true)]
async fn connections_through_a_service_survive_its_routes() {
    let network = Network::default();
    let service = address("10.96.0.7:80");
    let mut listener = host(&network, POD).listen(address("[::]:8080")).unwrap();
    network.route(service, vec![address("10.244.0.2:8080")]);
    let client = host(&network, OTHER);
    let mut stream = client.connect(service).await.unwrap();
    let mut server = listener.accept().await.unwrap();

    network.route(service, vec![]);
    stream.write_all(b"established").await.unwrap();
    assert_eq!(read(&mut server).await.unwrap(), b"established");
    assert!(refused(&client, "10.96.0.7:80").await);
}

#[tokio::test(start_paused = true)]
async fn hyper_speaks_over_it() {
    let (_listener, client, server) = connected().await;
    let answer = service_fn(async |request: Request<hyper::body::Incoming>| {
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response::new(Full::new(body)))
    });
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), answer);
    let serving = tokio::spawn(serving);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);

    for size in [0, 10, 5 * CAPACITY] {
        let sent = Bytes::from(vec![b'x'; size]);
        let request = Request::post("/").body(Full::new(sent.clone())).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            sent
        );
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn addresses_are_open_while_they_accept_connections() {
    let network = Network::default();
    let mut changes = network.changes();
    let pod = host(&network, POD);
    let listener = pod.listen(address("[::]:80")).unwrap();
    let own = pod.listen(address("127.0.0.1:81")).unwrap();
    let service = address("10.96.0.2:80");
    network.route(service, vec![address("10.244.0.2:80")]);
    let open = |network: &Network| Vec::from_iter(network.open());
    assert_eq!(open(&network), [service, address("10.244.0.2:80")]);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    drop((listener, own));
    assert!(changes.has_changed().unwrap());
    network.route(service, Vec::new());
    assert!(open(&network).is_empty());
}
