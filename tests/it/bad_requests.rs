//! Requests that an API server refuses: pocket answers each of them as a node answered it.
//!
//! The requests stand in the recording, with the node's answers: code, reason, message and details.
//! A line with `differs` says why pocket answers otherwise.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{on_a_port::Served, program::cluster, tidy::root};

/// A request, and how a node answered it.
#[derive(Serialize, Deserialize)]
struct Recorded {
    /// Method and path.
    request: String,
    /// `Content-Type`, if it is not JSON.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accept: Option<String>,
    /// A text is sent as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    /// Why pocket answers otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    differs: Option<String>,
    answer: Value,
}

fn recording() -> PathBuf {
    root().join("tests/recordings/bad-requests-1.36.3.jsonl")
}

fn read() -> Vec<Recorded> {
    let text = fs::read_to_string(recording()).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn pocket_refuses_what_a_node_refuses_in_its_words() {
    let served = Served::start();
    let mut wrong = Vec::new();
    let mut refused = 0;
    for recorded in read() {
        let found = recorded.ask(served.server).unwrap();
        refused += usize::from(recorded.answer["code"].as_u64() >= Some(400));
        let (request, expected) = (recorded.shown(), &recorded.answer);
        match (&recorded.differs, found == *expected) {
            (None, false) => wrong.push(format!(
                "{request}\n  node:   {expected}\n  pocket: {found}"
            )),
            (Some(_), true) => wrong.push(format!("{request}\n  no longer differs")),
            _ => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} of them",
        wrong.join("\n"),
        wrong.len()
    );
    assert!(refused >= 150, "{refused}");
}

/// Sends the requests to the cluster that `PROBEFLIP_TEST_KUBECONFIG` names, through `kubectl
/// proxy`, and writes its answers. The cluster must be new.
#[test]
#[ignore = "writes the recording: `just bad-requests`"]
fn a_node_is_recorded() {
    let cluster = cluster("a_node_is_recorded").expect("PROBEFLIP_TEST_KUBECONFIG must be set");
    let mut command = Command::new("kubectl");
    command.args(["proxy", "--port=0", "--reject-methods=", "--reject-paths="]);
    command.args(["--accept-paths=.*", "--disable-filter=true"]);
    command.env("KUBECONFIG", &cluster.kubeconfig);
    let mut proxy = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(proxy.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let server = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
    let mut text = String::new();
    for mut recorded in read() {
        recorded.answer = recorded.ask(server).unwrap();
        text += &serde_json::to_string(&recorded).unwrap();
        text.push('\n');
    }
    fs::write(recording(), text).unwrap();
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}

impl Recorded {
    /// The request as a message shows it.
    fn shown(&self) -> String {
        let media_type = self.media_type.as_deref().unwrap_or_default();
        let body = self.body.as_ref().map(Value::to_string);
        format!("{} {media_type} {}", self.request, body.unwrap_or_default())
    }

    /// Sends the request, and returns the answer without what differs between clusters.
    fn ask(&self, server: SocketAddr) -> io::Result<Value> {
        let body = match &self.body {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(object) => object.to_string(),
        };
        let media_type = self.media_type.as_deref().unwrap_or("application/json");
        let accept = self.accept.as_deref().unwrap_or("application/json");
        let length = body.len();
        let mut stream = TcpStream::connect(server)?;
        // HTTP/1.0, so that no answer is in chunks.
        write!(
            stream,
            "{} HTTP/1.0\r\nHost: {server}\r\nUser-Agent: bad-requests\r\nAccept: {accept}\r\n\
             Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}",
            self.request
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Ok(answer(head[9..12].parse().unwrap(), body))
    }
}

fn answer(code: u16, body: &str) -> Value {
    if code < 300 {
        return json!({"code": code});
    }
    let Ok(status) = serde_json::from_str::<Value>(body) else {
        return json!({"code": code, "text": body});
    };
    let mut answer = json!({"code": code});
    for field in ["reason", "message", "details"] {
        if let Some(value) = status.get(field) {
            answer[field] = value.clone();
        }
    }
    normalize(&mut answer);
    answer
}

/// Replaces UIDs and versions, which differ between clusters.
fn normalize(value: &mut Value) {
    match value {
        Value::String(text) => *text = normalized(text),
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::Object(fields) => {
            // An empty group is left out by Go.
            fields.retain(|name, value| name != "group" || *value != "");
            fields.values_mut().for_each(normalize);
        }
        _ => {}
    }
}

fn normalized(text: &str) -> String {
    let ends = ['(', ')', '"', ' '];
    let is_uid = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let pieces = text.split_inclusive(ends).map(|piece| {
        let word = piece.trim_end_matches(ends);
        let end = &piece[word.len()..];
        if is_uid(word) {
            format!("UID{end}")
        } else {
            piece.to_owned()
        }
    });
    let mut result: String = pieces.collect();
    for before in ["current: ", "in record ("] {
        if let Some((head, tail)) = result.split_once(before) {
            let rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
            result = format!("{head}{before}{rest}");
        }
    }
    result
}
