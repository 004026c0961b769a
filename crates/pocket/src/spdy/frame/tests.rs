//! What kubectl sends, whole, in pieces and damaged.

use super::*;
use crate::spdy::inflate::tests::unhex;

/// What kubectl sent for two requests through one port-forward, up to its end.
fn kubectl() -> Vec<u8> {
    let recorded = include_str!("../../../../../tests/recordings/kubectl-port-forward-1.32.4.hex");
    unhex(&recorded.replace('\n', ""))
}

/// The frames of bytes that arrive in pieces of this size.
fn frames(bytes: &[u8], size: usize) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.extend(piece);
        while let Some(frame) = decoder.next()? {
            frames.push(frame);
        }
        assert!(decoder.received.len() < 8 + MAX_CONTROL);
    }
    Ok(frames)
}

fn headers(kind: &str, request: &str) -> Headers {
    let headers = [
        ("streamtype", kind),
        ("port", "8080"),
        ("requestid", request),
    ];
    headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn open(stream: u32, kind: &str, request: &str) -> Frame {
    let headers = headers(kind, request);
    Frame::Open {
        stream,
        headers,
        fin: false,
    }
}

fn data(stream: u32, text: &str, fin: bool) -> Frame {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Frame::Data { stream, bytes, fin }
}

/// The frames of [`kubectl`].
fn of_kubectl() -> Vec<Frame> {
    let request = |path| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n");
        head + "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
    };
    vec![
        open(1, "error", "0"),
        data(1, "", true),
        open(3, "data", "0"),
        data(3, &request("/a"), false),
        data(3, "", true),
        open(5, "error", "1"),
        data(5, "", true),
        open(7, "data", "1"),
        data(7, &request("/b"), false),
        data(7, "", true),
        Frame::GoAway,
    ]
}

#[test]
fn kubectl_is_understood() {
    assert_eq!(frames(&kubectl(), 1 << 16), Ok(of_kubectl()));
}

#[test]
fn frames_may_arrive_in_any_pieces() {
    let bytes = kubectl();
    for size in 1..=bytes.len() {
        let mut whole: Vec<Frame> = Vec::new();
        for frame in frames(&bytes, size).unwrap() {
            match (whole.last_mut(), frame) {
                // Pieces of one frame.
                (
                    Some(Frame::Data {
                        stream,
                        bytes,
                        fin: false,
                    }),
                    Frame::Data {
                        stream: next,
                        bytes: more,
                        fin,
                    },
                ) if *stream == next && !more.is_empty() => {
                    *bytes = [&bytes[..], &more].concat().into();
                    assert!(!fin);
                }
                (_, frame) => whole.push(frame),
            }
        }
        assert_eq!(whole, of_kubectl(), "in pieces of {size}");
    }
}

#[test]
fn damaged_frames_are_errors_or_other_frames() {
    let bytes = kubectl();
    for at in 0..bytes.len() {
        for change in [1, 0x10, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            drop(frames(&damaged, 7));
        }
    }
}

#[test]
fn a_large_data_frame_is_passed_on_in_pieces() {
    let bytes = [&[0, 0, 0, 9, 1, 0, 0x30, 0][..], &[7; 0x3000]].concat();
    let sizes = |size| -> Vec<(usize, bool)> {
        let frames = frames(&bytes, size).unwrap().into_iter();
        let sizes = frames.map(|frame| match frame {
            Frame::Data { bytes, fin, .. } => (bytes.len(), fin),
            other => panic!("{other:?}"),
        });
        sizes.collect()
    };
    assert_eq!(
        sizes(bytes.len()),
        [(MAX_PIECE, false), (MAX_PIECE, false), (MAX_PIECE, true)]
    );
    assert_eq!(sizes(0x2008).last(), Some(&(MAX_PIECE, true)));
}

#[test]
fn other_control_frames_are_taken_as_their_type_says() {
    let check = |bytes: &str, expected| {
        let found = frames(&unhex(bytes), 99).map(|frames| frames[0].clone());
        assert_eq!(found, expected, "{bytes}");
    };
    check("800300060000000400000003", Ok(Frame::Ping(3)));
    let reset = Ok(Frame::Reset { stream: 5 });
    check("80030003000000080000000500000001", reset);
    check("8003000400000004000000ff", Ok(Frame::Ignored));
    check("80030009000000080000000500010000", Ok(Frame::Ignored));
    check("800300090000000400000005", Err(FrameError::Length(4)));
    check("80030006000000050000000300", Err(FrameError::Length(5)));
    check(
        "8003000100000009000000010000000000",
        Err(FrameError::Length(9)),
    );
    check("8003000a00000000", Err(FrameError::Type(10)));
    check("8003000500000000", Err(FrameError::Type(5)));
    check("8002000600000000", Err(FrameError::Version(2)));
    check("8003000600004001", Err(FrameError::Length(MAX_CONTROL + 1)));
    check("0000000000000000", Err(FrameError::StreamZero));
    check(
        "80030003000000080000000000000001",
        Err(FrameError::StreamZero),
    );
}

#[test]
fn headers_are_names_with_values() {
    let read = |text: &[u8]| {
        let mut block = vec![0x78, 0x01, 0];
        let length = u16::try_from(text.len()).unwrap();
        block.extend(length.to_le_bytes());
        block.extend((!length).to_le_bytes());
        block.extend(text);
        headers::read(&mut Inflater::default(), &block)
    };
    let check = |text: &[u8], expected: Result<&[(&str, &str)], HeadersError>| {
        let expected = expected.map(|expected| {
            let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
            expected.iter().map(owned).collect()
        });
        assert_eq!(read(text), expected, "{text:?}");
    };
    check(b"\0\0\0\0", Ok(&[]));
    check(b"\0\0\0\x01\0\0\0\x01a\0\0\0\x01b", Ok(&[("a", "b")]));
    check(b"\0\0\0", Err(HeadersError::Truncated));
    check(b"\xff\xff\xff\xff\0\0\0\x01a", Err(HeadersError::Truncated));
    check(b"\0\0\0\x01\xff\xff\xff\xffa", Err(HeadersError::Truncated));
    let no_text = read(b"\0\0\0\x01\0\0\0\x01\xff\0\0\0\0");
    assert!(
        matches!(no_text, Err(HeadersError::Encoding(_))),
        "{no_text:?}"
    );
    let twice = b"\0\0\0\x02\0\0\0\x01a\0\0\0\0\0\0\0\x01a\0\0\0\0";
    check(twice, Err(HeadersError::Duplicate));
}

#[test]
fn a_servers_frames_are_what_a_client_reads() {
    let mut writer = HeaderWriter::default();
    let first = syn_reply(&mut writer, 1);
    let second = syn_reply(&mut writer, 3);
    let mut inflater = Inflater::default();
    for (reply, stream) in [(first, 1), (second, 3)] {
        assert_eq!(reply[..4], [0x80, 3, 0, 2]);
        assert_eq!(reply[8..12], [0, 0, 0, stream]);
        assert_eq!(
            headers::read(&mut inflater, &reply[12..]),
            Ok(Headers::new())
        );
    }
    assert_eq!(
        super::data(3, b"hi", true)[..],
        *b"\0\0\0\x03\x01\0\0\x02hi"
    );
    let reset = rst_stream(3, ResetStatus::Cancel);
    assert_eq!(reset[..], *b"\x80\x03\0\x03\0\0\0\x08\0\0\0\x03\0\0\0\x05");
    assert_eq!(ping(7)[..], *b"\x80\x03\0\x06\0\0\0\x04\0\0\0\x07");
    assert_eq!(
        goaway(3)[..],
        *b"\x80\x03\0\x07\0\0\0\x08\0\0\0\x03\0\0\0\x01"
    );
}
