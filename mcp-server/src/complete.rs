//! Completion: the ids a caller may see, of what it has begun to type.

use rmcp::RoleServer;
use rmcp::model::{CompleteRequestParams, CompletionInfo, ErrorData, Reference};
use rmcp::service::RequestContext;
use serde_json::{Value, json};

use crate::mirror::Nothing;
use crate::resource::object;
use crate::server::Server;
use crate::{prompt, resource};

/// Of these, the newest, the fitting ones are offered.
const LOOKED_AT: u32 = 100;

impl Server {
    pub(crate) async fn completion(
        &self,
        context: &RequestContext<RoleServer>,
        request: &CompleteRequestParams,
    ) -> Result<CompletionInfo, ErrorData> {
        let argument = &request.argument;
        let source = match &request.r#ref {
            Reference::Prompt(of) if prompt::is_completed(&of.name, &argument.name) => {
                Some(("repository_list", "repositories", prompt::REPOSITORY))
            }
            Reference::Resource(of) if argument.name == "id" => resource::list_of(&of.uri),
            _ => None,
        };
        let Some((list, many, id)) = source else {
            return Ok(CompletionInfo::default());
        };
        let page = match self
            .mirror(context, list, object(json!({"limit": LOOKED_AT})))
            .await
        {
            Ok(page) => page,
            Err(Nothing::NotThere) => return Ok(CompletionInfo::default()),
            Err(Nothing::Failed(error)) => return Err(error),
        };
        let fits = |one: &&Value| match id {
            prompt::REPOSITORY => prompt::fits(one, &argument.value),
            _ => one[id].as_str().is_some_and(|id| id.starts_with(&argument.value)),
        };
        let values = page[many].as_array().into_iter().flatten().filter(fits);
        let values = values
            .filter_map(|one| one[id].as_str().map(str::to_owned))
            .take(CompletionInfo::MAX_VALUES)
            .collect();
        let has_more = page["next_cursor"].is_string();
        CompletionInfo::with_pagination(values, None, has_more)
            .map_err(|_| ErrorData::internal_error("internal error", None))
    }
}
