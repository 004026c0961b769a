//! pocket on a port with the doubles as its images: `pocket-with-doubles KUBECONFIG`.

use std::{env, error::Error, fs, io};

use doubles::{
    in_pocket::{agnhost, busybox, pause},
    system::now,
};
use k8s_openapi::jiff::Timestamp;
use pocket::{Latencies, Pocket, net::Loopback};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1);
    let path = path.ok_or_else(|| io::Error::other("usage: pocket-with-doubles KUBECONFIG"))?;
    let loopback = Loopback::claim(|note| drop(writeln_error(&note)))?;
    let seconds = i64::try_from(now().as_secs())?;
    let epoch = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let pocket = Pocket::builder()
        .seed(u64::from(std::process::id()))
        .epoch(epoch)
        .latencies(Latencies::Node)
        .system_objects()
        .loopback(loopback)
        .image("agnhost", agnhost())
        .image("busybox", busybox())
        .image("pause", pause())
        .start();
    let address = pocket.listen(0)?;
    fs::write(path, kubeconfig(&address.to_string()))?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn kubeconfig(address: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: pocket\n\
         contexts: [{{name: pocket, context: {{cluster: pocket, user: pocket}}}}]\n\
         clusters: [{{name: pocket, cluster: {{server: \"http://{address}\"}}}}]\n\
         users: [{{name: pocket, user: {{}}}}]\n"
    )
}

fn writeln_error(note: &str) -> io::Result<()> {
    use io::Write;
    writeln!(io::stderr(), "{note}")
}
