//! What a tool is, and the one catalogue of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use contract::schema;
use orchestrator::actor::{Actor, RunSide};
use orchestrator::credential::TokenOrigin;
use orchestrator::id::TokenId;
use orchestrator::postgres::listen::{Subscription, Topic};
use orchestrator::project::access::Operation;
use orchestrator::trace::TraceParent;
use orchestrator::{Error, Orchestrator, Result};
use rmcp::ErrorData;
use rmcp::handler::server::router::tool::{ToolRoute, ToolRouter};
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, JsonObject, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::failure;
use crate::narrow::Toolset;
use crate::server::{Caller, Server, caller};
use crate::{tools, version};

/// One operation of the platform. A tool that names no operation does not compile.
pub(crate) trait Tool: 'static {
    /// `<noun>_<verb>`.
    const NAME: &'static str;
    /// For people, in lists.
    const TITLE: &'static str;
    /// For the model that chooses: what it does, what asking twice does.
    const ABOUT: &'static str;
    /// The right of the access matrix it needs.
    const OPERATION: Operation;
    /// Who finds it in the list.
    const SIDES: &'static [Side];
    const EFFECT: Effect;
    /// It reads or writes at the code host.
    const OPEN_WORLD: bool = false;
    /// An agent may call it only so often.
    const PACED: bool = false;
    /// It begins a run: a client that knows tasks gets one.
    const TASK: bool = false;
    /// What the answer's text says, where a copy of the data would be too large.
    const SAID: Option<&'static str> = None;

    type Ask: DeserializeOwned + JsonSchema + Send;
    type Answer: Serialize + JsonSchema;

    /// Unpacks, delegates, shows.
    fn call(call: &Call<'_>, ask: Self::Ask) -> impl Future<Output = Result<Self::Answer>> + Send;
}

/// The kinds of principals that tools are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// People and service tokens.
    Staff,
    Supervisor,
    Agent,
}

impl Side {
    /// The side of an actor; the platform itself calls no tools.
    pub(crate) fn of(actor: &Actor) -> Option<Self> {
        match actor {
            Actor::Person { .. } | Actor::Service { .. } | Actor::Platform { .. } => Some(Self::Staff),
            Actor::Run(run) => Some(match run.side {
                RunSide::Supervisor => Self::Supervisor,
                RunSide::Agent => Self::Agent,
            }),
            Actor::System(_) => None,
        }
    }
}

/// What a call does to the world: the tool's annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Changes nothing.
    Read,
    /// Adds something; asking twice may add it twice unless a key is given.
    Add,
    /// Sets something: asking twice changes nothing more.
    Set,
    /// Ends something.
    End,
}

/// Everything a tool may use.
pub(crate) struct Call<'a> {
    pub(crate) orchestrator: &'a Orchestrator,
    pub(crate) actor: &'a Actor,
    pub(crate) config: &'a Config,
    /// The caller's trace.
    pub(crate) trace: &'a TraceParent,
    /// Texts of people without write permission are left out, whatever the project says.
    pub(crate) lockdown: bool,
    server: &'a Server,
    caller: &'a Caller,
    /// The process ends: who waits answers what is there.
    stop: &'a CancellationToken,
}

impl Call<'_> {
    /// The audience of this endpoint's tokens.
    pub(crate) fn audience(&self) -> &str {
        self.config.audience()
    }

    /// The token this was called with.
    pub(crate) fn token_id(&self) -> TokenId {
        self.caller.token_id
    }

    /// What the token of a person was made from.
    pub(crate) fn origin(&self) -> Option<&TokenOrigin> {
        self.caller.origin.as_ref()
    }

    /// The tools that the caller may call, listed or not.
    pub(crate) async fn visible_tools(&self) -> Result<Vec<&rmcp::model::Tool>> {
        let tools = self.server.visible(self.caller).await;
        tools.map_err(|error| Error::Unavailable(error.message.into_owned()))
    }

    /// Begins a long poll: listen first, then read, then wait for [`Poll::again`].
    pub(crate) fn poll(&self, topic: Topic, key: Uuid, patience: Duration) -> Poll<'_> {
        Poll {
            ear: self.orchestrator.notices().subscribe(),
            topic,
            key: key.to_string(),
            deadline: Instant::now() + patience,
            stop: self.stop,
        }
    }

    /// Waits until the process ends: nobody should wait longer.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

/// A caller that waits for news.
pub(crate) struct Poll<'a> {
    ear: Subscription,
    topic: Topic,
    key: String,
    deadline: Instant,
    stop: &'a CancellationToken,
}

impl Poll<'_> {
    /// Waits until there may be news; `false` when time is up, or the process ends.
    pub(crate) async fn again(&mut self) -> bool {
        tokio::select! {
            news = self.ear.changed(self.topic, &self.key, self.deadline) => news,
            () = self.stop.cancelled() => false,
        }
    }
}

/// Who may see a tool, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) operation: Operation,
    pub(crate) sides: &'static [Side],
    pub(crate) toolset: Toolset,
    pub(crate) effect: Effect,
    pub(crate) paced: bool,
    pub(crate) task: bool,
    /// In the list of staff who named no toolsets.
    pub(crate) usual: bool,
}

/// All tools, made once and shared by all requests.
#[derive(Default)]
pub(crate) struct Catalogue {
    router: ToolRouter<Server>,
    access: HashMap<Cow<'static, str>, Access>,
    /// In the order of their names.
    listed: Vec<rmcp::model::Tool>,
    /// Of the tools that come next.
    toolset: Toolset,
}

impl Catalogue {
    /// The tools that come next belong to this set.
    pub(crate) fn of(self, toolset: Toolset) -> Self {
        Self { toolset, ..self }
    }

    pub(crate) fn with<T: Tool>(self) -> Self {
        let route = ToolRoute::new_dyn(describe::<T>(), |context| Box::pin(invoke::<T>(context)));
        let access = Access {
            operation: T::OPERATION,
            sides: T::SIDES,
            toolset: self.toolset,
            effect: T::EFFECT,
            paced: T::PACED,
            task: T::TASK,
            usual: tools::is_usual(T::NAME),
        };
        self.with_route(route, access)
    }

    pub(crate) fn with_route(mut self, route: ToolRoute<Server>, access: Access) -> Self {
        let name = route.attr.name.clone();
        let before = self.access.insert(name.clone(), access);
        assert!(before.is_none(), "two tools are named {name}");
        self.router.add_route(route);
        self.listed = self.router.list_all();
        self
    }

    pub(crate) fn router(&self) -> &ToolRouter<Server> {
        &self.router
    }

    pub(crate) fn access(&self, name: &str) -> Option<Access> {
        self.access.get(name).copied()
    }

    pub(crate) fn listed(&self) -> &[rmcp::model::Tool] {
        &self.listed
    }
}

fn describe<T: Tool>() -> rmcp::model::Tool {
    let annotations = ToolAnnotations::from_raw(
        Some(T::TITLE.to_owned()),
        Some(T::EFFECT == Effect::Read),
        Some(T::EFFECT == Effect::End),
        Some(T::EFFECT != Effect::Add),
        Some(T::OPEN_WORLD),
    );
    let mut input = schema::input::<T::Ask>();
    if T::SIDES == [Side::Supervisor] {
        let fields = input
            .entry("properties")
            .or_insert_with(|| Value::Object(JsonObject::new()));
        if let Some(fields) = fields.as_object_mut() {
            fields.entry(version::FIELD).or_insert_with(version::schema);
        }
    }
    rmcp::model::Tool::new(T::NAME, T::ABOUT, input)
        .with_title(T::TITLE)
        .with_raw_output_schema(schema::output::<T::Answer>().into())
        .with_annotations(annotations)
}

async fn invoke<T: Tool>(context: ToolCallContext<'_, Server>) -> Result<CallToolResponse, ErrorData> {
    let caller = caller(&context.request_context)?;
    let known = context.service.known_fields(T::NAME);
    let arguments = context.arguments.unwrap_or_default();
    let ask = match unpack::<T::Ask>(arguments, &caller.actor, known) {
        Ok(ask) => ask,
        Err(error) => return failure::refuse(&error),
    };
    let call = Call {
        orchestrator: context.service.orchestrator(),
        actor: &caller.actor,
        config: context.service.config(),
        trace: &caller.trace,
        lockdown: caller.lockdown,
        server: context.service,
        caller: &caller,
        stop: context.service.stop(),
    };
    match T::call(&call, ask).await {
        Ok(answer) => match serde_json::to_value(answer) {
            Ok(value) => Ok(complete(value, T::SAID).into()),
            Err(error) => failure::refuse(&Error::internal(error)),
        },
        Err(error) => failure::refuse(&error),
    }
}

/// Data with its copy as text, or with a text in the copy's place.
fn complete(value: Value, said: Option<&str>) -> CallToolResult {
    let Some(said) = said else {
        return CallToolResult::structured(value);
    };
    let mut answer = CallToolResult::success(vec![ContentBlock::text(said)]);
    answer.structured_content = Some(value);
    answer
}

/// Reads the arguments. A supervisor may be one version ahead: what we do not know of it is left out.
fn unpack<A: DeserializeOwned>(
    mut arguments: JsonObject,
    actor: &Actor,
    known: Option<&JsonObject>,
) -> Result<A> {
    if Side::of(actor) == Some(Side::Supervisor) {
        version::check(&arguments)?;
        arguments.retain(|name, _| known.is_some_and(|known| known.contains_key(name)));
    }
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner();
        Error::Invalid(if path == "." {
            problem.to_string()
        } else {
            format!("{path}: {problem}")
        })
    })
}
