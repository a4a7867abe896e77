//! A cluster that answers by script: what the adapter asks, and what it makes of each answer.

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use orchestrator::Clock;
use orchestrator::ports::cluster::{Cluster, ClusterError, OwnedKind, OwnedObject};
use serde_json::{Value, json};
use tower_test::mock::{self, Handle};

use super::manifest::tests::{a_config, a_key, a_pod};
use super::names::{Names, runner_name};
use super::{Kubernetes, SUPERVISOR_TOKEN_FILE};

type Server = Handle<Request<Body>, Response<Body>>;

/// The adapter, and the other end of its calls. Its watches go to a cluster of their own, which says nothing.
fn scripted() -> (Kubernetes, Server) {
    let (service, server) = mock::pair();
    let (silent, _) = mock::pair::<Request<Body>, Response<Body>>();
    let calls = Client::new(service, "default");
    let cluster = Kubernetes::new(
        calls,
        Client::new(silent, "default"),
        a_config(),
        Clock::default(),
    );
    (cluster, server)
}

/// What was asked: method, path with query, and the body as JSON.
type Asked = (Method, String, Value);

/// Answers the next call.
async fn answer(server: &mut Server, code: u16, body: Value) -> Asked {
    let (request, respond) = server.next_request().await.expect("a call");
    let (head, asked) = request.into_parts();
    let asked = asked.collect_bytes().await.expect("a body");
    let response = Response::builder()
        .status(code)
        .body(Body::from(body.to_string().into_bytes()));
    respond.send_response(response.expect("a response"));
    (
        head.method,
        head.uri.to_string(),
        serde_json::from_slice(&asked).unwrap_or(Value::Null),
    )
}

fn failure(code: u16, reason: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": format!("because {reason}"),
    })
}

fn a_job(suspended: bool) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": runner_name(&a_key()), "namespace": "codexk8s-shop-runners", "uid": "job-uid",
            "labels": Names::new("codexk8s").runner_labels(&a_key()),
        },
        "spec": {"suspend": suspended, "template": {}},
    })
}

fn no_pods() -> Value {
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}, "items": []})
}

fn files() -> orchestrator::ports::cluster::RunnerSecret {
    [(SUPERVISOR_TOKEN_FILE.to_owned(), "t0ken".into())].into()
}

#[tokio::test]
async fn the_secret_follows_the_job_and_names_its_uid() {
    let (cluster, mut server) = scripted();
    let script = async {
        let (method, path, body) = answer(&mut server, 201, a_job(true)).await;
        assert_eq!(method, Method::POST);
        assert!(
            path.starts_with("/apis/batch/v1/namespaces/codexk8s-shop-runners/jobs?"),
            "{path}"
        );
        assert!(path.contains("fieldManager=codex-k8s"), "{path}");
        assert_eq!(body["spec"]["suspend"], true);
        let (method, path, body) = answer(&mut server, 200, json!({"metadata": {}})).await;
        assert_eq!(method, Method::PATCH);
        assert!(
            path.contains("force=true") && path.contains("fieldManager=codex-k8s"),
            "{path}"
        );
        assert_eq!(body["metadata"]["ownerReferences"][0]["uid"], "job-uid");
    };
    let (pod, files) = (a_pod(), files());
    let (done, ()) = tokio::join!(cluster.prepare_runner(&pod, &files), script);
    done.expect("prepared");
}

#[tokio::test]
async fn preparing_again_never_suspends_a_runner_that_runs() {
    let (cluster, mut server) = scripted();
    let script = async {
        answer(&mut server, 409, failure(409, "AlreadyExists")).await;
        let (method, ..) = answer(&mut server, 200, a_job(false)).await;
        assert_eq!(method, Method::GET);
        let (_, path, _) = answer(&mut server, 200, json!({"metadata": {}})).await;
        assert!(
            path.contains("/secrets/"),
            "only the Secret is written again: {path}"
        );
    };
    let (pod, files) = (a_pod(), files());
    let (done, ()) = tokio::join!(cluster.prepare_runner(&pod, &files), script);
    done.expect("prepared");
}

#[tokio::test]
async fn a_quota_refuses_and_a_secret_is_not_quoted() {
    let (cluster, mut server) = scripted();
    let (pod, files) = (a_pod(), files());
    let quota = answer(&mut server, 403, failure(403, "Forbidden"));
    let (refused, _) = tokio::join!(cluster.prepare_runner(&pod, &files), quota);
    assert!(
        matches!(&refused, Err(ClusterError::Refused(text)) if text.contains("because Forbidden")),
        "{refused:?}"
    );
    let script = async {
        answer(&mut server, 201, a_job(true)).await;
        answer(&mut server, 422, failure(422, "Invalid")).await;
    };
    let (refused, ()) = tokio::join!(cluster.prepare_runner(&pod, &files), script);
    assert!(
        matches!(&refused, Err(ClusterError::Refused(text)) if !text.contains("because")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn only_a_404_and_an_empty_list_prove_that_nothing_is_left() {
    let (cluster, mut server) = scripted();
    let key = a_key();
    let script = async {
        answer(&mut server, 404, failure(404, "NotFound")).await;
        let (_, path, _) = answer(&mut server, 200, no_pods()).await;
        assert!(!path.contains("resourceVersion"), "a quorum read: {path}");
    };
    let (gone, ()) = tokio::join!(cluster.runner_gone(&key), script);
    assert!(gone.expect("a proof"));

    let (gone, _) = tokio::join!(cluster.runner_gone(&key), answer(&mut server, 200, a_job(true)));
    assert!(!gone.expect("the Job is there"));

    let script = async {
        answer(&mut server, 404, failure(404, "NotFound")).await;
        let pod = json!({"metadata": {"name": "run-x"}});
        answer(
            &mut server,
            200,
            json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [pod]}),
        )
        .await;
    };
    let (gone, ()) = tokio::join!(cluster.runner_gone(&key), script);
    assert!(!gone.expect("a pod is there"));
}

#[tokio::test]
async fn an_error_is_no_proof() {
    let (cluster, mut server) = scripted();
    let key = a_key();
    for code in [500, 429, 401] {
        let (gone, _) = tokio::join!(
            cluster.runner_gone(&key),
            answer(&mut server, code, failure(code, "Oops"))
        );
        assert!(matches!(gone, Err(ClusterError::Unavailable(_))), "{code}");
    }
    let script = async {
        answer(&mut server, 404, failure(404, "NotFound")).await;
        answer(&mut server, 503, failure(503, "ServiceUnavailable")).await;
    };
    let (gone, ()) = tokio::join!(cluster.runner_gone(&key), script);
    assert!(matches!(gone, Err(ClusterError::Unavailable(_))));
    // A 404 of something that is not this API, such as a proxy on the way, proves nothing either.
    let not_kubernetes = answer(&mut server, 404, Value::String("no such page".to_owned()));
    let (gone, _) = tokio::join!(cluster.runner_gone(&key), not_kubernetes);
    assert!(
        matches!(gone, Err(ClusterError::Refused(_) | ClusterError::Unavailable(_))),
        "{gone:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_cluster_is_not_waited_for() {
    let (cluster, mut server) = scripted();
    server.allow(1);
    let gone = cluster.runner_gone(&a_key()).await;
    assert!(matches!(gone, Err(ClusterError::Unavailable(_))), "{gone:?}");
}

#[tokio::test]
async fn a_release_is_bound_to_the_job_it_saw() {
    let (cluster, mut server) = scripted();
    let key = a_key();
    let script = async {
        answer(&mut server, 200, a_job(true)).await;
        let (method, _, body) = answer(&mut server, 200, a_job(false)).await;
        assert_eq!(method, Method::PATCH);
        assert_eq!(
            body,
            json!({"metadata": {"uid": "job-uid"}, "spec": {"suspend": false}})
        );
    };
    let (done, ()) = tokio::join!(cluster.release_runner(&key), script);
    done.expect("released");

    let (again, _) = tokio::join!(
        cluster.release_runner(&key),
        answer(&mut server, 200, a_job(false))
    );
    again.expect("released already");

    let missing = answer(&mut server, 404, failure(404, "NotFound"));
    let (refused, _) = tokio::join!(cluster.release_runner(&key), missing);
    assert!(matches!(refused, Err(ClusterError::Refused(_))));

    let mut dying = a_job(true);
    dying["metadata"]["deletionTimestamp"] = json!("2026-11-23T12:00:00Z");
    let (refused, _) = tokio::join!(cluster.release_runner(&key), answer(&mut server, 200, dying));
    assert!(matches!(refused, Err(ClusterError::Refused(_))));
}

#[tokio::test]
async fn a_removal_names_the_uid_and_takes_what_the_job_left_behind() {
    let (cluster, mut server) = scripted();
    let key = a_key();
    let script = async {
        answer(&mut server, 200, a_job(true)).await;
        let (method, _, body) = answer(&mut server, 200, a_job(true)).await;
        assert_eq!(method, Method::DELETE);
        assert_eq!(body["preconditions"]["uid"], "job-uid");
        assert_eq!(body["propagationPolicy"], "Foreground");
    };
    let (done, ()) = tokio::join!(cluster.remove_runner(&key), script);
    done.expect("removed");

    let script = async {
        answer(&mut server, 404, failure(404, "NotFound")).await;
        let left = json!({"metadata": {"name": "run-x", "uid": "secret-uid"}});
        let list = json!({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": [left]});
        let (_, path, _) = answer(&mut server, 200, list).await;
        assert!(
            path.contains("labelSelector=") && path.contains("codexk8s.dev%2Ffence%3D7"),
            "{path}"
        );
        let (method, path, body) =
            answer(&mut server, 200, json!({"kind": "Status", "status": "Success"})).await;
        assert_eq!(
            (method, body["preconditions"]["uid"].as_str()),
            (Method::DELETE, Some("secret-uid"))
        );
        assert!(path.contains("/secrets/run-x"), "{path}");
        answer(&mut server, 200, no_pods()).await;
    };
    let (done, ()) = tokio::join!(cluster.remove_runner(&key), script);
    done.expect("removed");
}

#[tokio::test]
async fn the_sweep_touches_only_what_it_saw_and_only_ours() {
    let (cluster, mut server) = scripted();
    let object = OwnedObject {
        kind: OwnedKind::Secret,
        namespace: "codexk8s-shop-runners".to_owned(),
        name: "run-x".to_owned(),
        uid: "old".to_owned(),
        key: None,
        age_seconds: 60,
    };
    for (code, reason) in [(409, "Conflict"), (404, "NotFound")] {
        let (done, asked) = tokio::join!(
            cluster.remove_owned(&object),
            answer(&mut server, code, failure(code, reason))
        );
        assert_eq!(asked.2["preconditions"]["uid"], "old");
        done.expect("that one is gone");
    }
    let elsewhere = OwnedObject {
        namespace: "kube-system".to_owned(),
        ..object
    };
    assert!(matches!(
        cluster.remove_owned(&elsewhere).await,
        Err(ClusterError::Refused(_))
    ));
}

#[tokio::test]
async fn a_namespace_of_somebody_else_is_left_alone() {
    let (cluster, mut server) = scripted();
    let foreign = json!({"metadata": {"name": "codexk8s-shop-runners", "labels": {"team": "shop"}}});
    let (refused, _) = tokio::join!(
        cluster.ensure_project("shop", 2),
        answer(&mut server, 200, foreign)
    );
    assert!(matches!(refused, Err(ClusterError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_project_is_closed_before_anything_is_opened() {
    let (cluster, mut server) = scripted();
    let script = async {
        answer(&mut server, 404, failure(404, "NotFound")).await;
        let mut written = Vec::new();
        for _ in 0..5 {
            let (method, path, body) = answer(&mut server, 200, json!({"metadata": {}})).await;
            assert_eq!(method, Method::PATCH);
            assert!(
                path.contains("force=true") && path.contains("fieldManager=codex-k8s"),
                "{path}"
            );
            written.push(format!(
                "{} {}",
                body["kind"].as_str().unwrap_or(""),
                body["metadata"]["name"].as_str().unwrap_or("")
            ));
        }
        written
    };
    let (done, written) = tokio::join!(cluster.ensure_project("shop", 2), script);
    done.expect("there");
    insta::assert_yaml_snapshot!(written);
}

#[tokio::test]
async fn a_namespace_that_cannot_be_read_hides_no_other() {
    let (cluster, mut server) = scripted();
    let script = async {
        let named = |name: &str| json!({"metadata": {"name": name}});
        let namespaces = json!({
            "kind": "NamespaceList", "apiVersion": "v1", "metadata": {},
            "items": [named("codexk8s-book-runners"), named("codexk8s-shop-runners")],
        });
        answer(&mut server, 200, namespaces).await;
        // The two are read at the same time.
        for _ in 0..3 {
            let (request, respond) = server.next_request().await.expect("a call");
            let path = request.uri().path().to_owned();
            let (code, body) = if path.contains("book") {
                (403, failure(403, "Forbidden"))
            } else if path.ends_with("/jobs") {
                let list = json!({"kind": "JobList", "apiVersion": "batch/v1", "metadata": {}, "items": [a_job(true)]});
                (200, list)
            } else {
                (200, no_pods())
            };
            let response = Response::builder().status(code);
            let response = response.body(Body::from(body.to_string().into_bytes()));
            respond.send_response(response.expect("a response"));
        }
    };
    let (listed, ()) = tokio::join!(cluster.list_runners(), script);
    let keys: Vec<_> = listed
        .expect("what can be seen")
        .into_iter()
        .map(|it| it.key)
        .collect();
    assert_eq!(keys, [a_key()]);
}

#[tokio::test]
async fn whether_the_cluster_knows_us_is_asked_for_one_namespace() {
    let (cluster, mut server) = scripted();
    let none = json!({"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": []});
    let (known, (_, path, _)) = tokio::join!(cluster.check(), answer(&mut server, 200, none));
    known.expect("it does");
    assert!(
        path.starts_with("/api/v1/namespaces?") && path.contains("limit=1"),
        "{path}"
    );
    let (refused, _) = tokio::join!(
        cluster.check(),
        answer(&mut server, 403, failure(403, "Forbidden"))
    );
    assert!(matches!(refused, Err(ClusterError::Refused(_))), "{refused:?}");
}
