//! kubectl, as people use it.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{ChildStdout, Command, Output, Stdio};

use serde_json::Value;

use crate::world::{IMAGE, World};

/// The oldest minor version of kubectl that is tested.
const OLDEST: u64 = 28;

struct Kubectl<'a> {
    kubeconfig: &'a Path,
    namespace: &'a str,
    home: &'a Path,
}

impl Kubectl<'_> {
    fn call(&self, arguments: &[&str]) -> Output {
        Command::new("kubectl")
            .args(["--kubeconfig"])
            .arg(self.kubeconfig)
            .args(["-n", self.namespace, "--request-timeout=20s"])
            .args(arguments)
            .env("HOME", self.home)
            .output()
            .expect("kubectl can be started")
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.call(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("kubectl prints text")
    }
}

/// Tells whether a kubectl is here that is young enough, and says so if not.
fn is_usable() -> bool {
    let output = Command::new("kubectl")
        .args(["version", "--client", "-o", "json"])
        .output();
    let version: Option<Value> = output
        .ok()
        .and_then(|output| serde_json::from_slice(&output.stdout).ok());
    let minor = version.and_then(|version| {
        let digits: String = version["clientVersion"]["minor"]
            .as_str()?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<u64>().ok()
    });
    if minor.is_none_or(|minor| minor < OLDEST) {
        eprintln!("skipped: no kubectl 1.{OLDEST} or newer here (found minor version {minor:?})");
        return false;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_commands_work() {
    if !is_usable() {
        return;
    }
    let world = World::new().await;
    let folder = world.folder.path();
    let kubectl = Kubectl {
        kubeconfig: &world.kubeconfig,
        namespace: &world.namespace,
        home: folder,
    };
    let manifest = folder.join("job.yaml");
    let content = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{word: hello}}\n---\n\
         apiVersion: batch/v1\nkind: Job\nmetadata: {{name: work}}\nspec:\n  backoffLimit: 0\n  template:\n    spec:\n      \
         restartPolicy: Never\n      containers:\n      - name: main\n        image: {IMAGE}\n        \
         command: [/bin/sh, -c, 'echo $WORD; sleep 1']\n        env:\n        - name: WORD\n          valueFrom: \
         {{configMapKeyRef: {{name: settings, key: word}}}}\n"
    );
    std::fs::write(&manifest, content).expect("the manifest is written");
    let file = manifest.to_str().expect("a path");
    assert!(
        kubectl
            .run(&["apply", "-f", file])
            .contains("job.batch/work created")
    );
    assert!(kubectl.run(&["apply", "-f", file]).contains("unchanged"));
    kubectl.run(&["wait", "--for=condition=complete", "job/work", "--timeout=20s"]);
    assert!(kubectl.run(&["logs", "job/work"]).starts_with("hello"));
    let table = kubectl.run(&["get", "jobs,pods,configmaps"]);
    for wanted in ["COMPLETIONS", "1/1", "Completed", "configmap/settings"] {
        assert!(table.contains(wanted), "{wanted} is missing in\n{table}");
    }
    let described = kubectl.run(&["describe", "job/work"]);
    for wanted in ["Created pod", "1 Succeeded"] {
        assert!(described.contains(wanted), "{wanted} is missing in\n{described}");
    }
    assert!(
        kubectl
            .run(&["describe", "pods"])
            .contains("Started container main")
    );
    assert!(
        kubectl
            .run(&["apply", "--server-side", "--force-conflicts", "-f", file])
            .contains("serverside-applied")
    );
    kubectl.run(&["label", "configmap/settings", "color=blue"]);
    assert!(
        kubectl
            .run(&["get", "cm", "-l", "color=blue", "-o", "name"])
            .contains("configmap/settings")
    );
    assert!(kubectl.run(&["get", "all"]).contains("job.batch/work"));
    assert!(kubectl.run(&["delete", "-f", file]).contains("deleted"));
    let refused = kubectl.call(&["get", "job", "work"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("NotFound"));
    watch_prints_rows(&kubectl);
    world.close().await;
}

fn watch_prints_rows(kubectl: &Kubectl<'_>) {
    let make = |name: &str| {
        let manifest = kubectl.home.join("map.yaml");
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
        std::fs::write(&manifest, text).expect("written");
        kubectl.run(&["create", "-f", manifest.to_str().expect("a path")]);
    };
    make("settled");
    let mut child = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubectl.kubeconfig)
        .args(["-n", kubectl.namespace, "get", "configmaps", "-w"])
        .env("HOME", kubectl.home)
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl can be started");
    let mut rows = BufReader::new(child.stdout.take().expect("its output")).lines();
    // It prints what is there, and watches from there on: nothing is lost between the two.
    let seen = |name: &str, rows: &mut Lines<BufReader<ChildStdout>>| {
        let found = rows
            .by_ref()
            .map_while(Result::ok)
            .any(|row| row.starts_with(name));
        assert!(found, "kubectl shows {name}");
    };
    seen("settled", &mut rows);
    make("later");
    seen("later", &mut rows);
    child.kill().expect("it still runs");
    child.wait().expect("it ended");
}
