//! Starts of a container: the boot number, faults of selected boots, and flips that are kept.

use super::others::Printed;
use super::*;

/// A [`Folder`] that fails to write once it is set to.
#[derive(Default)]
struct Brittle {
    folder: Folder,
    broken: Mutex<bool>,
}

impl Files for Brittle {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.folder.read(path)
    }

    fn replace(&self, path: &str, contents: &[u8]) -> io::Result<()> {
        if *self.broken.lock().unwrap() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.folder.replace(path, contents)
    }
}

/// A start that fails: its exit code and its messages.
async fn refused(arguments: &[&str], files: Arc<dyn Files>) -> String {
    let printed = Printed::default();
    let mut process = process(&Memory::default(), arguments, std::future::pending());
    process.files = files;
    process.errors = Box::new(printed.clone());
    let code = crate::run(process).await.code();
    format!("exit {code}: {}", printed.take())
}

/// Several starts of one container, each ended by SIGTERM: the boot that each shows, and the status
/// of `/x`.
async fn boots(count: usize, arguments: &[&str], files: &Arc<Folder>) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..count {
        let site = Site::start_with(arguments, files.clone()).await;
        told.push(site.shown("/x").await);
        assert_eq!(site.terminate().await.code(), 0);
    }
    told
}

impl Site {
    /// The status and boot header of a path, and the boot in the control API's header and state.
    async fn shown(&self, path: &str) -> String {
        let mut story = String::new();
        for (port, target) in [(8080, path), (18_080, "/v1/state")] {
            let mut connection = self.connect(port).await;
            let request =
                format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            let status = &answer["HTTP/1.1 ".len()..][..3];
            let header = answer
                .lines()
                .find(|line| line.starts_with("probeflip-boot"));
            write!(story, "{status} {}, ", header.unwrap_or("no header")).unwrap();
        }
        let (_, state) = self.control("GET", "/v1/state", "").await;
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        story + &state["boot"].to_string()
    }
}

const STATE: &[&str] = &["--state-dir", "/state"];

#[test]
fn boots_are_counted_and_shown_everywhere() {
    run(async {
        let files = Arc::new(Folder::default());
        expect![[r#"
            200 probeflip-boot: 1, 200 probeflip-boot: 1, 1
            200 probeflip-boot: 2, 200 probeflip-boot: 2, 2
            200 probeflip-boot: 3, 200 probeflip-boot: 3, 3"#]]
        .assert_eq(&boots(3, STATE, &files).await.join("\n"));
        let without = boots(1, &[], &files).await;
        expect!["200 no header, 200 no header, null"].assert_eq(&without.concat());
    });
}

#[test]
fn containers_that_share_a_directory_count_for_themselves() {
    run(async {
        let files = Arc::new(Folder::default());
        boots(2, STATE, &files).await;
        let other = [
            "--port=8080",
            "--control=127.0.0.1:19090",
            "--state-dir=/state",
        ];
        let said = refused(&[&other[..], &["--port=0"]].concat(), files.clone()).await;
        assert!(said.starts_with("exit 2"), "{said}");
        let printed = Printed::default();
        let mut process = process(&Memory::default(), &other, std::future::ready(()));
        (process.files, process.errors) = (files.clone(), Box::new(printed.clone()));
        assert_eq!(crate::run(process).await.code(), 0);
        let said = "http on 8080; control on 127.0.0.1:19090; boot 1\n";
        assert_eq!(printed.take(), said);
        assert!(boots(1, STATE, &files).await[0].ends_with(" 3"));
    });
}

#[test]
fn the_base_may_depend_on_the_boot() {
    run(async {
        let files = Arc::new(Folder::default());
        let plan = r#"{"ports":{"8080":{"routes":{"/x":{"status":201}}}},
            "boots":{"1-3":{"8080/x":{"status":401}},"2":{"/x":{"status":402}},"4-":{"8080":{"state":"open"}}}}"#;
        files.replace("/plan", plan.as_bytes()).unwrap();
        let arguments = [STATE, &["--plan=/plan", "--route=/x=405@5"]].concat();
        let told = boots(6, &arguments, &files).await;
        let statuses: Vec<_> = told.iter().map(|told| &told[..3]).collect();
        assert_eq!(statuses, ["401", "402", "401", "201", "405", "201"]);
    });
}

#[test]
fn the_plan_of_a_boot_starts_another_target_as_this_one_is() {
    run(async {
        let files = Arc::new(Folder::default());
        let arguments = [STATE, &["--route=/x=503@1", "--route=/y=404"]].concat();
        let site = Site::start_with(&arguments, files.clone()).await;
        let (_, plan) = site.control("GET", "/v1/plan", "").await;
        expect![[r#"
            {"ports":{"8080":{"protocol":"http","routes":{"/x":{"status":503},"/y":{"status":404}},"state":"open"}}}
        "#]].assert_eq(&plan);
    });
}

#[test]
fn what_cannot_be_counted_ends_the_start() {
    run(async {
        let brittle = Arc::new(Brittle::default());
        *brittle.broken.lock().unwrap() = true;
        let mut story = refused(STATE, brittle).await;
        let files = Arc::new(Folder::default());
        for damage in [
            "",
            "{\"boot\":0}",
            "{\"boot\":1,\"flips\":{\"8080/x\":{\"status\":1}}}",
        ] {
            files
                .replace("/state/18080.json", damage.as_bytes())
                .unwrap();
            story += &refused(STATE, files.clone()).await;
            assert_eq!(files.read("/state/18080.json").unwrap(), damage.as_bytes());
        }
        let plan = r#"{"boots":{"2":{"9000":{"state":"closed"}}}}"#;
        files.replace("/plan", plan.as_bytes()).unwrap();
        story += &refused(&["--plan=/plan"], files.clone()).await;
        story += &refused(&["--plan=/plan", "--state-dir=/s"], files.clone()).await;
        expect![[r#"
            exit 1: error: cannot count boots: /state/18080.json cannot be written: no storage space
            exit 1: error: cannot count boots: /state/18080.json is damaged, remove it to begin with 1 again: not valid JSON: EOF while parsing a value at line 1 column 0
            exit 1: error: cannot count boots: /state/18080.json is damaged, remove it to begin with 1 again: `boot`: must be a whole number, at least 1, not 0
            exit 1: error: cannot count boots: /state/18080.json is damaged, remove it to begin with 1 again: `flips.8080/x.status`: must be a status from 200 to 999, not 1
            exit 2: error: `--state-dir`: must be given to count boots, as --route, --process or --plan names some
            hint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options
            exit 2: error: `boots.2.9000`: 9000 is none of the ports
            hint: `probe-target --help` lists the commands, `probe-target COMMAND --help` their options
        "#]].assert_eq(&story);
    });
}

#[test]
fn flips_are_kept_that_only_a_change_ends() {
    run(async {
        let files = Arc::new(Folder::default());
        let arguments = [
            STATE,
            &["--keep", "--port=8080", "--port=8081", "--route=/x=404"],
        ]
        .concat();
        let site = Site::start_with(&arguments, files.clone()).await;
        site.put("/v1/lease", r#"{"for":"30s"}"#).await;
        for (call, flip) in [
            ("8080/routes/x", r#"{"status":503,"agent":"kube-probe/"}"#),
            ("8080/routes/for", r#"{"status":503,"for":"1h"}"#),
            ("8080/routes/count", r#"{"status":503,"count":9}"#),
            ("8080/routes/after", r#"{"status":503,"after":"1s"}"#),
            ("8080/routes/leased", r#"{"status":503,"leased":true}"#),
            ("8080/routes/healed", r#"{"status":503}"#),
            ("8081", r#"{"state":"closed"}"#),
            ("9000", r#"{"state":"open"}"#),
        ] {
            site.put(&format!("/v1/ports/{call}"), flip).await;
        }
        site.control("DELETE", "/v1/ports/8080/routes/healed", "")
            .await;
        let kept = files.read("/state/18080.json").unwrap();
        expect![[r#"{"boot":1,"flips":{"8080/x":{"agent":"kube-probe/","status":503},"8081":{"state":"closed"},"9000":{"state":"open"}}}"#]].assert_eq(&String::from_utf8(kept).unwrap());
        let (_, ports) = site.ports().await;
        assert_eq!(site.terminate().await.code(), 0);

        let site = Site::start_with(&arguments, files.clone()).await;
        let (revision, again) = site.ports().await;
        assert_eq!(revision, 0);
        for place in [
            "/8080/routes/~1x/flip/set",
            "/8080/routes/~1x/base/set",
            "/8081/flip/set",
            "/9000/flip/set",
        ] {
            assert_eq!(again.pointer(place), ports.pointer(place), "{place}");
            assert!(again.pointer(place).is_some(), "{place}");
        }
        assert_eq!(again.pointer("/8081/listening"), Some(&false.into()));
        for ended in ["for", "count", "after", "leased", "healed"] {
            let place = format!("/8080/routes/~1{ended}");
            assert_eq!(again.pointer(&place), None, "{place}");
        }
        site.control("POST", "/v1/heal", "").await;
        assert_eq!(site.terminate().await.code(), 0);
        let kept = files.read("/state/18080.json").unwrap();
        assert_eq!(kept, br#"{"boot":2,"flips":{}}"#);
    });
}

#[test]
fn what_fails_from_sigterm_on_is_not_kept() {
    run(async {
        let files = Arc::new(Folder::default());
        let sigterm = ["--process", "sigterm delay=10s fail=/readyz,8080"];
        let mut site =
            Site::start_with(&[STATE, &["--keep"], &sigterm].concat(), files.clone()).await;
        site.put("/v1/ports/8080/routes/x", r#"{"status":503}"#)
            .await;
        site.end.take().map(|end| end.send(()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (_, ports) = site.ports().await;
        assert_eq!(ports.pointer("/8080/state"), Some(&"closed".into()));
        site.put("/v1/lease", r#"{"for":"30s"}"#).await;
        let kept = files.read("/state/18080.json").unwrap();
        expect![[r#"{"boot":1,"flips":{"8080/x":{"status":503}}}"#]]
            .assert_eq(&String::from_utf8(kept).unwrap());
    });
}

#[test]
fn a_flip_that_cannot_be_kept_is_said_so() {
    run(async {
        let files = Arc::new(Brittle::default());
        let site = Site::start_with(&[STATE, &["--keep"]].concat(), files.clone()).await;
        *files.broken.lock().unwrap() = true;
        let route = "/v1/ports/8080/routes/x";
        let (status, said) = site.control("PUT", route, r#"{"status":503}"#).await;
        assert_eq!(status, 409);
        expect![[r#"
            {"error":"in force, but not kept: no storage space","instance":"i1","revision":1}
        "#]]
        .assert_eq(&said);
        assert!(site.shown("/x").await.starts_with("503"));
    });
}

impl Site {
    /// The revision and the ports of the state.
    async fn ports(&self) -> (u64, serde_json::Value) {
        let (_, state) = self.control("GET", "/v1/state", "").await;
        let mut state: serde_json::Value = serde_json::from_str(&state).unwrap();
        (state["revision"].as_u64().unwrap(), state["ports"].take())
    }
}
