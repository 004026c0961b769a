//! The doubles as one static program of a real node, which runs what its name says.

use std::{env, process::ExitCode, sync::Arc};

use doubles::{on_node::Linux, programs};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words = env::args_os().map(|word| word.to_string_lossy().into_owned());
    let code = programs::main(Arc::new(Linux::default()), words.collect()).await;
    ExitCode::from(u8::try_from(code).unwrap_or(255))
}
