//! What a probe depends on besides its own container: another host, or what its path names.
//!
//! A guess from the manifest. What a program asks by itself when it is probed is not in there.

use super::inventory::{ContainerFacts, Handler, ProbeFacts, is_own_host};

/// What a probe depends on, in words; none if it seems to ask its own container alone.
pub(super) fn of_probe(container: &ContainerFacts, probe: &ProbeFacts) -> Option<String> {
    let handler = probe.handler.as_ref()?;
    if let Some(host) = handler.host() {
        return (!is_own_host(host)).then(|| host.to_owned());
    }
    match handler {
        Handler::Http { path, .. } => of_path(path, container).map(|word| format!("the {word}")),
        Handler::Exec(command) => of_command(command),
        Handler::Tcp { .. } | Handler::Grpc { .. } => None,
    }
}

/// Words of a path that name what a program depends on.
const DEPENDENCIES: [&str; 22] = [
    "amqp",
    "cassandra",
    "database",
    "db",
    "dependencies",
    "dependency",
    "elasticsearch",
    "kafka",
    "ldap",
    "mariadb",
    "memcached",
    "mongo",
    "mongodb",
    "mysql",
    "nats",
    "postgres",
    "postgresql",
    "rabbitmq",
    "redis",
    "s3",
    "upstream",
    "valkey",
];

/// The word of a path that names a dependency, unless it names the container itself.
fn of_path(path: &str, container: &ContainerFacts) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let image = container.spec.image.as_deref().unwrap_or_default();
    let is_itself = |word: &str| container.name().contains(word) || image.contains(word);
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
    let mut words = words.map(str::to_ascii_lowercase);
    words.find(|word| DEPENDENCIES.contains(&word.as_str()) && !is_itself(word))
}

/// Programs whose `-h` names a host; of others it may mean anything.
pub(crate) const CLIENTS: [&str; 12] = [
    "cqlsh",
    "ldapsearch",
    "mariadb",
    "mariadb-admin",
    "mongo",
    "mongosh",
    "mysql",
    "mysqladmin",
    "pg_isready",
    "psql",
    "redis-cli",
    "valkey-cli",
];

/// Options of any program that name a host, alone or before `=`.
const OPTIONS: [&str; 7] = [
    "--host",
    "--hostname",
    "--addr",
    "-addr",
    "--endpoints",
    "--bootstrap-server",
    "--server",
];

/// The other host that a command names.
pub(crate) fn of_command(command: &[String]) -> Option<String> {
    let splits = |letter: char| letter.is_whitespace() || "\"'();|&<>`".contains(letter);
    let lines = command.iter().flat_map(|word| word.lines());
    let words: Vec<&str> = lines
        .flat_map(|line| without_comment(line).split(splits))
        .filter(|word| !word.is_empty())
        .collect();
    let (mut client, mut fetches) = ("", false);
    let (mut hosts, mut mapped) = (Vec::new(), Vec::new());
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied();
        let program = word.rsplit('/').next().unwrap_or_default();
        if *word == "--resolve" {
            mapped.extend(next.and_then(resolved_here));
        } else if let Some((scheme, _)) = word.split_once("://") {
            let is_path = scheme.starts_with('/');
            hosts.extend((!is_path).then_some(*word));
        } else if fetches && !takes_value(&words[..at]) && has_port(word) {
            hosts.push(*word);
        } else if let Some(rest) = word.strip_prefix("/dev/tcp/") {
            hosts.extend(rest.split('/').next());
        } else if let Some((option, value)) = word.split_once('=') {
            hosts.extend(OPTIONS.contains(&option).then_some(value));
        } else if OPTIONS.contains(word) || *word == "-h" && !client.is_empty() {
            hosts.extend(next);
        } else if CLIENTS.contains(&program) {
            client = program;
        } else if ["curl", "wget"].contains(&program) {
            fetches = true;
        } else if ["nc", "ncat", "netcat"].contains(&program) {
            hosts.extend(netcat_host(&words[at + 1..]));
        }
    }
    let mut hosts = hosts.into_iter().filter_map(other_host);
    hosts.find(|host| !mapped.contains(&host.as_str()))
}

/// A line of a script without its comment.
fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| {
        line[..*at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace)
    };
    let mut marks = line.match_indices('#').map(|(at, _)| at);
    marks.find(begins).map_or(line, |at| &line[..at])
}

/// The name that curl's `--resolve NAME:PORT:ADDRESS` takes for the container itself.
fn resolved_here(mapping: &str) -> Option<&str> {
    let (name, rest) = mapping.split_once(':')?;
    let (_, address) = rest.split_once(':')?;
    is_own_host(address.trim_matches(['[', ']'])).then_some(name)
}

/// Whether the last word is an option of curl or wget whose value looks like a host and port.
fn takes_value(words: &[&str]) -> bool {
    let options = [
        "-u",
        "--user",
        "-U",
        "--proxy-user",
        "--connect-to",
        "-d",
        "--data",
        "-H",
    ];
    words.last().is_some_and(|word| options.contains(word))
}

/// Whether a word is a host and port, with a path or without.
fn has_port(word: &str) -> bool {
    let authority = word.split('/').next().unwrap_or_default();
    authority.split_once(':').is_some_and(|(host, port)| {
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        !host.is_empty() && !host.starts_with('-') && is_number
    })
}

/// The first word after netcat that is neither an option nor the number of one.
fn netcat_host<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut words = words.iter().copied();
    words.find(|word| !word.starts_with('-') && !word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The host of an authority or address, if it is another than the container itself.
fn other_host(text: &str) -> Option<String> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = text.split(['/', '?', '#', ',']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        // More than one colon is an IPv6 address without brackets.
        None if authority.matches(':').count() > 1 => authority,
        None => authority.split(':').next().unwrap_or_default(),
    };
    // A variable may hold any host, and is the Pod's own address more often than not.
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
    let is_plain = !host.is_empty() && host.chars().all(is_host);
    (is_plain && !is_own_host(host)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &[&str], expected: Option<&str>) {
        let command: Vec<String> = command.iter().map(ToString::to_string).collect();
        assert_eq!(of_command(&command).as_deref(), expected, "{command:?}");
    }

    #[test]
    fn a_host_in_a_command_is_a_dependency() {
        let db = Some("orders-db.prod.svc");
        check(
            &["pg_isready", "-h", "orders-db.prod.svc", "-p", "5432"],
            db,
        );
        check(
            &["sh", "-c", "redis-cli -h 'redis' ping | grep PONG"],
            Some("redis"),
        );
        check(&["mysqladmin", "--host=mysql", "ping"], Some("mysql"));
        check(
            &["curl", "-fs", "http://u@auth.example.com:80/x"],
            Some("auth.example.com"),
        );
        check(&["sh", "-c", "nc -z -w 2 db 5432"], Some("db"));
        check(&["bash", "-c", "</dev/tcp/db/5432"], Some("db"));
        check(&["grpc_health_probe", "-addr=other:9090"], Some("other"));
        check(
            &["sh", "-c", "curl -fsS -u a:1 auth:8080/health"],
            Some("auth"),
        );
        check(
            &["curl", "--resolve", "x:80:127.0.0.1", "http://y/"],
            Some("y"),
        );
        check(
            &["etcdctl", "--endpoints", "https://[2001:db8::1]:2379"],
            Some("2001:db8::1"),
        );
    }

    #[test]
    fn a_command_that_asks_its_own_container_is_none() {
        check(&["redis-cli", "ping"], None);
        check(&["redis-cli", "-p", "26379", "ping"], None);
        check(&["mysql", "-h", "127.0.0.1", "-e", "SELECT 1"], None);
        check(&["curl", "-f", "http://localhost:8080/healthz"], None);
        check(&["grpc_health_probe", "-addr=:9090"], None);
        check(&["grpc_health_probe", "-addr=[::1]:9090"], None);
        check(&["sh", "-c", "pg_isready -h $POD_IP"], None);
        check(&["pg_isready", "-h", "/var/run/postgresql"], None);
        check(&["df", "-h", "data"], None);
        check(&["cat", "/tmp/healthy"], None);
        check(&["sh", "-c", "nc -z localhost 11211"], None);
        check(&["curl", "localhost:80/health"], None);
        check(&["curl", "https://127.1/"], None);
        check(&["curl", "--resolve", "x:80:127.0.0.1", "http://x/"], None);
        check(&["cat", "/etc/http://foo"], None);
        check(&["sh", "-c", "true # see http://docs.example.com"], None);
        check(&["sh", "-c", "# http://docs.example.com\ntrue"], None);
    }
}
