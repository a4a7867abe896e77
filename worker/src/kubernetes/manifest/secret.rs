use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use orchestrator::ports::cluster::{RunnerKey, RunnerSecret};
use secrecy::ExposeSecret as _;

use super::metadata;
use crate::kubernetes::names::{Names, runner_name};

/// Files of the Secret, as the supervisor looks for them.
pub const SUPERVISOR_TOKEN_FILE: &str = "supervisor-token";
pub const AGENT_TOKEN_FILE: &str = "agent-token";
pub const MODEL_KEY_FILE: &str = "model-key";
/// The only place the key may be sent to.
pub const MODEL_HOST_FILE: &str = "model-key-host";

/// What only the supervisor mounts. The Job owns it, so that nothing secret outlives the runner.
pub(in crate::kubernetes) fn secret(
    names: &Names,
    key: &RunnerKey,
    job_uid: &str,
    files: &RunnerSecret,
) -> Secret {
    let name = runner_name(key);
    let owner = OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        name: name.clone(),
        uid: job_uid.to_owned(),
        controller: Some(true),
        // Deleting the Job in the foreground then waits for the Secret too.
        block_owner_deletion: Some(true),
    };
    let mut metadata = metadata(&names.namespace(&key.project), &name, names.runner_labels(key));
    metadata.owner_references = Some(vec![owner]);
    let bytes = |text: &secrecy::SecretString| ByteString(text.expose_secret().as_bytes().to_vec());
    Secret {
        metadata,
        type_: Some("Opaque".to_owned()),
        data: Some(
            files
                .iter()
                .map(|(file, text)| (file.clone(), bytes(text)))
                .collect(),
        ),
        ..Secret::default()
    }
}
