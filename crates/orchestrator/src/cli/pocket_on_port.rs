//! Options of `probeflip pocket`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cluster::Latencies;

/// `probeflip pocket`
#[derive(Debug, Args)]
pub struct Pocket {
    /// The port of 127.0.0.1 to listen on [default: a free one]
    #[arg(long, value_name = "N", value_parser = port)]
    pub port: Option<u16>,
    /// Where to write the kubeconfig; the file is removed at the end [default: a file named after
    /// the port, in the user's directory for running programs or that for temporary files]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,
    /// The seed of all random choices [default: another each time]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What chance decides on the cluster
    #[arg(long, value_enum, default_value_t = Latencies::Node)]
    pub latencies: Latencies,
}

/// Parses a port, with or without the only address that the API listens on.
fn port(text: &str) -> Result<u16, String> {
    let (address, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
    if !["127.0.0.1", "localhost"].contains(&address) {
        return Err(
            "pocket listens on 127.0.0.1 alone: its API asks for no password, and every program \
             that reaches it may do everything; expected a port"
                .to_owned(),
        );
    }
    port.parse()
        .map_err(|_not_a_number| "expected a port, 1 to 65535, or 0 for a free one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::port;

    #[test]
    fn the_api_listens_on_loopback_alone() {
        assert_eq!(port("8001"), Ok(8001));
        assert_eq!(port("127.0.0.1:8001"), Ok(8001));
        assert_eq!(port("localhost:0"), Ok(0));
        for address in ["0.0.0.0:8001", ":8001", "[::]:8001", "192.0.2.1:8001"] {
            let why = port(address).unwrap_err();
            assert!(why.contains("127.0.0.1 alone"), "{address}: {why}");
        }
        for number in ["", "65536", "-1", "http"] {
            let why = port(number).unwrap_err();
            assert!(why.starts_with("expected a port"), "{number}: {why}");
        }
    }
}
