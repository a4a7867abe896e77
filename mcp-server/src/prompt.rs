//! Prompts: what the agent of a stage is told, for a person who wants to do the stage in their own client.

use orchestrator::agent;
use orchestrator::project::access::Operation;
use rmcp::RoleServer;
use rmcp::model::{
    CacheScope, ErrorData, GetPromptRequestParams, GetPromptResult, ListPromptsResult, Prompt,
    PromptArgument, PromptMessage, Role,
};
use rmcp::service::RequestContext;
use serde_json::Value;
use uuid::Uuid;

use crate::failure;
use crate::server::{Server, caller};

const TTL_MS: u64 = 60_000;
pub(crate) const REPOSITORY: &str = "repository_id";
const INSTRUCTION: &str = "instruction";
/// Bytes of an instruction, as for a run.
const INSTRUCTION_BYTES: usize = 16 * 1024;

impl Server {
    pub(crate) async fn prompts(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let shown = self.shows_prompts(context).await?;
        let prompts = agent::STAGES.iter().filter(|_| shown).map(|stage| {
            let arguments = vec![
                PromptArgument::new(REPOSITORY)
                    .with_title("Repository")
                    .with_description("The id of a bound repository: repository_list answers them.")
                    .with_required(true),
                PromptArgument::new(INSTRUCTION)
                    .with_title("Instruction")
                    .with_description("What is asked for, in your own words.")
                    .with_required(false),
            ];
            let about = Some(first_sentence(stage.tasks.work));
            Prompt::new(stage.name, about, Some(arguments)).with_title(format!("Stage {}", stage.name))
        });
        let list = ListPromptsResult::with_all_items(prompts.collect());
        Ok(list.with_ttl_ms(TTL_MS).with_cache_scope(CacheScope::Private))
    }

    pub(crate) async fn prompt(
        &self,
        context: &RequestContext<RoleServer>,
        request: &GetPromptRequestParams,
    ) -> Result<GetPromptResult, ErrorData> {
        let stage = agent::stage(&request.name).ok_or_else(unknown)?;
        if !self.shows_prompts(context).await? {
            return Err(unknown());
        }
        let said = |name: &str| {
            let value = request.arguments.as_ref()?.get(name)?.as_str();
            value.filter(|text| !text.is_empty())
        };
        let id = said(REPOSITORY).and_then(|id| Uuid::try_parse(id).ok());
        let id = id.ok_or_else(|| {
            ErrorData::invalid_params(
                "repository_id: give the id of a repository of repository_list",
                None,
            )
        })?;
        let instruction = said(INSTRUCTION);
        if instruction.is_some_and(|text| text.len() > INSTRUCTION_BYTES) {
            let text = format!("instruction: at most {INSTRUCTION_BYTES} bytes");
            return Err(ErrorData::invalid_params(text, None));
        }
        let caller = caller(context)?;
        let rendered = agent::show_prompt(
            self.orchestrator(),
            &caller.actor,
            id.into(),
            stage.name,
            instruction,
        );
        let text = rendered.await.map_err(|error| failure::protocol(&error))?;
        let message = PromptMessage::new_text(Role::User, text);
        Ok(GetPromptResult::new(vec![message]).with_description(first_sentence(stage.tasks.work)))
    }

    /// Prompts are for those who may read the prompt of a run.
    async fn shows_prompts(&self, context: &RequestContext<RoleServer>) -> Result<bool, ErrorData> {
        self.may(&*caller(context)?, Operation::RunPromptRead).await
    }
}

fn unknown() -> ErrorData {
    ErrorData::invalid_params("prompt not found", None)
}

fn first_sentence(text: &str) -> String {
    let end = text.find(". ").map_or(text.len(), |end| end + 1);
    text[..end].to_owned()
}

/// What a prompt's argument may be completed with.
pub(crate) fn is_completed(prompt: &str, argument: &str) -> bool {
    agent::stage(prompt).is_some() && argument == REPOSITORY
}

/// Whether an entry of `repository_list` fits what was typed: its id, or its name.
pub(crate) fn fits(repository: &Value, typed: &str) -> bool {
    let field = |name: &str| repository[name].as_str().unwrap_or_default();
    let name = format!("{}/{}", field("owner"), field("name")).to_lowercase();
    field(REPOSITORY).starts_with(typed) || name.contains(&typed.to_lowercase())
}
