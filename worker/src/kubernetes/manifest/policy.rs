//! The admission policy of `deploy/base/policy`, evaluated: it lets through what the worker writes, and nothing else.

use cel::{Context, Program, Value as Cel};
use serde_json::{Value, json};

use super::tests::{a_config, a_key, a_pod};
use super::*;
use crate::kubernetes::config::Account;
use crate::kubernetes::names::Names;

const POLICY: &str = include_str!("../../../../deploy/base/policy/worker.yaml");

/// Words that name no variable in a cluster: CEL's keywords and reserved words (cel-spec, "Syntax"). The evaluator here
/// knows fewer of them.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// A write, as the policy sees it.
struct Write {
    operation: &'static str,
    group: &'static str,
    resource: &'static str,
    object: Value,
    old: Value,
}

impl Write {
    fn create(group: &'static str, resource: &'static str, object: &impl serde::Serialize) -> Self {
        let object = serde_json::to_value(object).expect("an object");
        Self {
            operation: "CREATE",
            group,
            resource,
            object,
            old: Value::Null,
        }
    }

    fn request(&self) -> Value {
        let subject = if self.object.is_null() {
            &self.old
        } else {
            &self.object
        };
        json!({
            "operation": self.operation,
            "resource": {"group": self.group, "version": "v1", "resource": self.resource},
            "name": subject["metadata"]["name"],
            "namespace": subject["metadata"].get("namespace").cloned().unwrap_or_default(),
            "userInfo": {"username": "system:serviceaccount:codex-k8s:worker"},
        })
    }

    fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, field) = pointer.rsplit_once('/').expect("a path");
        self.object.pointer_mut(parent).expect("the parent is there")[field.replace("~1", "/")] = value;
        self
    }
}

/// The message of the first rule that refuses, as the cluster would answer; an error refuses too.
fn verdict(write: &Write) -> Option<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(POLICY).expect("a policy");
    let spec = &documents[0]["spec"];
    let mut context = Context::default();
    context
        .add_variable("request", write.request())
        .expect("a request");
    context
        .add_variable("object", write.object.clone())
        .expect("an object");
    context
        .add_variable("oldObject", write.old.clone())
        .expect("an object");
    let condition = spec["matchConditions"][0]["expression"]
        .as_str()
        .expect("a condition");
    assert_eq!(
        evaluate(&context, condition),
        Ok(Cel::Bool(true)),
        "the policy is about this account"
    );
    let mut variables = json!({});
    for variable in spec["variables"].as_array().expect("variables") {
        context
            .add_variable("variables", variables.clone())
            .expect("variables");
        let (name, text) = (variable["name"].as_str(), variable["expression"].as_str());
        let value = evaluate(&context, text.expect("an expression"))
            .expect("a value")
            .json()
            .expect("plain");
        variables[name.expect("a name")] = value;
    }
    context.add_variable("variables", variables).expect("variables");
    let mut rules = spec["validations"].as_array().expect("validations").iter();
    let refuses = |rule: &&Value| {
        let text = rule["expression"].as_str().expect("an expression");
        evaluate(&context, text) != Ok(Cel::Bool(true))
    };
    rules
        .find(refuses)
        .map(|rule| rule["message"].as_str().expect("a message").to_owned())
}

fn evaluate(context: &Context, text: &str) -> Result<Cel, String> {
    let program = Program::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    program.execute(context).map_err(|error| error.to_string())
}

/// The API server's own checks of a policy, which no evaluation shows.
#[test]
fn a_cluster_takes_the_policy() {
    let documents: Vec<Value> = serde_saphyr::from_multiple(POLICY).expect("a policy");
    let spec = &documents[0]["spec"];
    for rule in spec["matchConstraints"]["resourceRules"]
        .as_array()
        .expect("rules")
    {
        for (field, all) in [("apiGroups", "*"), ("apiVersions", "*"), ("resources", "*/*")] {
            let listed = rule[field].as_array().expect("a list");
            assert_eq!(*listed, [json!(all)], "{field}: a wildcard stands alone");
        }
    }
    for variable in spec["variables"].as_array().expect("variables") {
        let name = variable["name"].as_str().expect("a name");
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(
            name.chars().all(inner) && !name.starts_with(|c: char| c.is_ascii_digit()),
            "{name}"
        );
        assert!(!RESERVED.contains(&name), "{name} is reserved");
    }
}

fn names() -> Names {
    Names::new("codexk8s")
}

fn a_namespace() -> Write {
    Write::create("", "namespaces", &namespace(&names(), "shop"))
}

fn a_job() -> Write {
    Write::create("batch", "jobs", &job(&names(), &a_config(), &a_pod()))
}

fn a_secret() -> Write {
    Write::create("", "secrets", &secret(&names(), &a_key(), "uid", &[].into()))
}

fn a_binding() -> Write {
    let account = Account {
        namespace: "codex-k8s".to_owned(),
        name: "worker".to_owned(),
    };
    Write::create(
        "rbac.authorization.k8s.io",
        "rolebindings",
        &role_binding(&names(), &account, "shop"),
    )
}

#[test]
fn all_that_the_worker_writes_is_let_through() {
    let config = a_config();
    let mut released = a_job().with("/spec/suspend", json!(false));
    released.operation = "UPDATE";
    released.old = a_job().object;
    let mut deleted = a_secret();
    deleted.operation = "DELETE";
    deleted.old = deleted.object.take();
    let writes = [
        a_namespace(),
        a_binding(),
        Write::create(
            "networking.k8s.io",
            "networkpolicies",
            &default_deny(&names(), "shop"),
        ),
        Write::create(
            "networking.k8s.io",
            "networkpolicies",
            &runner_egress(&names(), &config.network, "shop"),
        ),
        Write::create("", "resourcequotas", &quota(&names(), &config.sizes, "shop", 2)),
        Write::create("", "limitranges", &limit_range(&names(), &config.sizes, "shop")),
        a_job(),
        released,
        a_secret(),
        deleted,
    ];
    for write in writes {
        assert_eq!(verdict(&write), None, "{} {}", write.operation, write.resource);
    }
}

/// What each write is answered.
fn verdicts(cases: &[(&'static str, Write)]) -> Vec<(&'static str, String)> {
    let answer = |write: &Write| verdict(write).unwrap_or_else(|| "LET THROUGH".to_owned());
    cases.iter().map(|(case, write)| (*case, answer(write))).collect()
}

#[test]
fn what_is_not_the_workers_is_refused() {
    let mut adopted = a_namespace();
    adopted.operation = "UPDATE";
    adopted.old = json!({"metadata": {"name": "codexk8s-shop-runners", "labels": {"team": "shop"}}});
    let role = Write {
        resource: "clusterroles",
        group: "rbac.authorization.k8s.io",
        ..a_namespace()
    };
    let label = "/metadata/labels/codexk8s.dev~1installation";
    insta::assert_yaml_snapshot!(verdicts(&[
        (
            "another kind",
            Write::create("apps", "deployments", &namespace(&names(), "shop"))
        ),
        ("a cluster-scoped kind", role),
        (
            "a pod of its own",
            Write {
                resource: "pods",
                group: "",
                ..a_job()
            }
        ),
        (
            "another namespace",
            a_namespace().with("/metadata/name", json!("kube-system"))
        ),
        (
            "a Secret elsewhere",
            a_secret().with("/metadata/namespace", json!("kube-system"))
        ),
        (
            "the platform's own namespace",
            a_secret().with("/metadata/namespace", json!("codex-k8s"))
        ),
        ("another installation", a_job().with(label, json!("other"))),
        ("a namespace of somebody else", adopted),
    ]));
}

#[test]
fn what_would_give_rights_is_refused() {
    let enforce = "/metadata/labels/pod-security.kubernetes.io~1enforce";
    let token = "kubernetes.io/service-account-token";
    insta::assert_yaml_snapshot!(verdicts(&[
        (
            "weaker pod security",
            a_namespace().with(enforce, json!("privileged"))
        ),
        (
            "another role",
            a_binding().with("/roleRef/name", json!("cluster-admin"))
        ),
        (
            "another subject",
            a_binding().with("/subjects/0/name", json!("somebody"))
        ),
        ("an account's token", a_secret().with("/type", json!(token))),
        (
            "a Secret without owner",
            a_secret().with("/metadata/ownerReferences", json!([]))
        ),
    ]));
}

#[test]
fn a_pod_with_more_than_a_runner_needs_is_refused() {
    let pod = |field: &str, value: Value| a_job().with(&format!("/spec/template/spec/{field}"), value);
    let agent = |field: &str, value: Value| pod(&format!("containers/0/securityContext/{field}"), value);
    let files = json!([{"name": "x", "hostPath": {"path": "/"}}]);
    insta::assert_yaml_snapshot!(verdicts(&[
        (
            "a Job that starts at once",
            a_job().with("/spec/suspend", json!(false))
        ),
        ("the node's network", pod("hostNetwork", json!(true))),
        ("an account", pod("serviceAccountName", json!("admin"))),
        ("a token", pod("automountServiceAccountToken", json!(true))),
        ("a chosen node", pod("nodeName", json!("master"))),
        ("the node's files", pod("volumes", files)),
        ("privilege", agent("privileged", json!(true))),
        ("escalation", agent("allowPrivilegeEscalation", json!(true))),
        (
            "a capability",
            agent("capabilities", json!({"drop": ["ALL"], "add": ["NET_RAW"]}))
        ),
        ("a writable root", agent("readOnlyRootFilesystem", json!(false))),
        (
            "root",
            pod("initContainers/1/securityContext/runAsNonRoot", json!(false))
        ),
    ]));
}
