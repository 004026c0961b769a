//! The log of a container, which the node keeps after its end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::Clock;

/// Takes what a container's main process writes and keeps it after its end. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContainerLog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The time of lines; without it, none has one.
    clock: Option<Clock>,
    kept: Mutex<Kept>,
    /// Told of every change of the log.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    /// Number of bytes of all lines.
    size: usize,
    /// Number of lines that are no longer kept.
    dropped: usize,
    ended: bool,
}

/// A line of a log; the last one may be unfinished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// When it was begun.
    pub(crate) time: Timestamp,
    /// Its bytes, with the newline.
    pub(crate) text: Vec<u8>,
}

/// Number of bytes of the log that a termination message may have.
///
/// Rule: `pkg/kubelet/container/runtime.go`, `MaxContainerTerminationMessageLogLength`.
const MESSAGE_LIMIT: usize = 2048;

/// Number of bytes kept of the log. A node keeps 10 MiB, then begins another file.
const LOG_LIMIT: usize = 256 * 1024;

impl ContainerLog {
    /// The log of a process that is about to start.
    pub(crate) fn new(clock: Clock) -> Self {
        let clock = Some(clock);
        Self(Arc::new(Shared {
            clock,
            ..Shared::default()
        }))
    }

    /// Appends to the container's log: stdout and stderr in the order written.
    pub(crate) fn append(&self, bytes: &[u8]) {
        let clock = self.0.clock.as_ref();
        let time = clock.map_or(Timestamp::UNIX_EPOCH, |clock| clock.exact_time().0);
        let mut kept = self.kept();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            kept.append(time, part);
        }
        drop(kept);
        self.0.changed.send_replace(());
    }

    /// Says that nothing more will be written.
    pub(crate) fn end(&self) {
        self.kept().ended = true;
        self.0.changed.send_replace(());
    }

    /// The end of the log, as a termination message may have it.
    pub(crate) fn end_of_log(&self) -> String {
        let kept = self.kept();
        let mut end: VecDeque<u8> = VecDeque::new();
        for line in kept.lines.iter().rev() {
            let room = MESSAGE_LIMIT - end.len();
            let text = &line.text[line.text.len().saturating_sub(room)..];
            text.iter().rev().for_each(|byte| end.push_front(*byte));
        }
        String::from_utf8_lossy(end.make_contiguous()).into_owned()
    }

    /// The kept lines from the one with this number on, the number of the line after them, and
    /// whether more may come. The last line may be unfinished; it is left out if more may come.
    pub(crate) fn lines_from(&self, number: usize) -> (Vec<LogLine>, usize, bool) {
        let kept = self.kept();
        let skipped = number.saturating_sub(kept.dropped);
        let is_whole = |line: &&LogLine| kept.ended || line.text.ends_with(b"\n");
        let lines = kept.lines.iter().skip(skipped).filter(is_whole).cloned();
        let lines: Vec<LogLine> = lines.collect();
        let next = number.max(kept.dropped) + lines.len();
        (lines, next, !kept.ended)
    }

    /// A receiver that is told of every change from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Appends a line or a part of one.
    fn append(&mut self, time: Timestamp, part: &[u8]) {
        self.size += part.len();
        match self.lines.back_mut() {
            Some(last) if !last.text.ends_with(b"\n") => last.text.extend_from_slice(part),
            _ => self.lines.push_back(LogLine {
                time,
                text: part.to_vec(),
            }),
        }
        while self.size > LOG_LIMIT && self.lines.len() > 1 {
            let oldest = self.lines.pop_front();
            self.size -= oldest.map_or(0, |line| line.text.len());
            self.dropped += 1;
        }
        // A line without an end.
        if let Some(line) = self.lines.front_mut()
            && self.size > LOG_LIMIT
        {
            line.text.drain(..self.size - LOG_LIMIT);
            self.size = LOG_LIMIT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[LogLine]) -> String {
        let texts = lines.iter().map(|line| String::from_utf8_lossy(&line.text));
        texts.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_line_is_shown_once_it_is_whole_or_the_last() {
        let log = ContainerLog::default();
        log.append(b"one\ntw");
        let (lines, next, more) = log.lines_from(0);
        assert_eq!((texts(&lines).as_str(), next, more), ("one\n", 1, true));
        log.append(b"o\nthree");
        assert_eq!(texts(&log.lines_from(next).0), "two\n");
        log.end();
        let (lines, next, more) = log.lines_from(1);
        assert_eq!(
            (texts(&lines).as_str(), next, more),
            ("two\n|three", 3, false)
        );
    }

    #[test]
    fn a_long_log_loses_its_oldest_lines() {
        let log = ContainerLog::default();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        for _ in 0..300 {
            log.append(&line);
        }
        let (lines, next, _) = log.lines_from(0);
        assert_eq!((lines.len(), next), (256, 300));
        assert_eq!(log.lines_from(299).0.len(), 1);
        assert_eq!(log.end_of_log().len(), MESSAGE_LIMIT);
        log.append(&vec![b'y'; 2 * LOG_LIMIT]);
        log.end();
        let (lines, _, _) = log.lines_from(0);
        assert_eq!((lines.len(), lines[0].text.len()), (1, LOG_LIMIT));
    }

    #[test]
    fn the_end_of_a_log_crosses_lines() {
        let log = ContainerLog::default();
        log.append(b"one\ntwo\nthree");
        assert_eq!(log.end_of_log(), "one\ntwo\nthree");
    }
}
