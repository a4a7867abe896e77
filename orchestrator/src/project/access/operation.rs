//! The rights of the matrix, in a person's words, and what follows from each.

use crate::actor::words;

/// One right of the matrix; every tool names the one it needs. What each means is said by [`Operation::about`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    RunRead,
    RunLogRead,
    RunPromptRead,
    RunStart,
    RunStartElevated,
    RunCancel,
    RunRetry,
    RunLimitRaise,
    WaitRead,
    QuestionAnswer,
    EffectRead,
    RepositoryRead,
    RepositoryAttach,
    RepositoryUpdate,
    RepositoryDetach,
    RepositoryPreflight,
    SlotRead,
    SlotRelease,
    SlotExtend,
    SlotLimitSet,
    EnvironmentRead,
    EnvironmentLogRead,
    EnvironmentDelete,
    DeliveryRead,
    DeliveryPayloadRead,
    DeliveryReplay,
    IssueRead,
    IssueWrite,
    IssueCreate,
    PullRequestRead,
    PullRequestOpen,
    KnowledgeRead,
    KnowledgeReindex,
    KnowledgeSet,
    KnowledgeConsent,
    AgentRead,
    AgentDraft,
    AgentPublish,
    PromptRead,
    PromptDraft,
    PromptPublish,
    ModelRead,
    ModelSet,
    TriggerRead,
    TriggerSet,
    TriggerTest,
    ProjectRead,
    ProjectCreate,
    ProjectUpdate,
    ProjectLimitSet,
    ProjectPause,
    ProjectDelete,
    StatsRead,
    MemberRead,
    MemberSet,
    SecretRead,
    SecretSet,
    ServiceTokenRead,
    ServiceTokenSet,
    TokenRead,
    TokenCreate,
    TokenRevoke,
    SessionRead,
    SessionRevoke,
    InboxRead,
    AuditReadOwn,
    AuditRead,
    AuditVerify,
    UserRead,
    UserInvite,
    UserDisable,
    SettingRead,
    SettingSet,
    WorkerRead,
    JobRead,
    JobRetry,
    PlatformPause,
    AccessExplain,
    PrincipalRead,
    SupervisorTurn,
    AgentTurn,
}

words!(Operation:
    RunRead = "run_read",
    RunLogRead = "run_log_read",
    RunPromptRead = "run_prompt_read",
    RunStart = "run_start",
    RunStartElevated = "run_start_elevated",
    RunCancel = "run_cancel",
    RunRetry = "run_retry",
    RunLimitRaise = "run_limit_raise",
    WaitRead = "wait_read",
    QuestionAnswer = "question_answer",
    EffectRead = "effect_read",
    RepositoryRead = "repository_read",
    RepositoryAttach = "repository_attach",
    RepositoryUpdate = "repository_update",
    RepositoryDetach = "repository_detach",
    RepositoryPreflight = "repository_preflight",
    SlotRead = "slot_read",
    SlotRelease = "slot_release",
    SlotExtend = "slot_extend",
    SlotLimitSet = "slot_limit_set",
    EnvironmentRead = "environment_read",
    EnvironmentLogRead = "environment_log_read",
    EnvironmentDelete = "environment_delete",
    DeliveryRead = "delivery_read",
    DeliveryPayloadRead = "delivery_payload_read",
    DeliveryReplay = "delivery_replay",
    IssueRead = "issue_read",
    IssueWrite = "issue_write",
    IssueCreate = "issue_create",
    PullRequestRead = "pull_request_read",
    PullRequestOpen = "pull_request_open",
    KnowledgeRead = "knowledge_read",
    KnowledgeReindex = "knowledge_reindex",
    KnowledgeSet = "knowledge_set",
    KnowledgeConsent = "knowledge_consent",
    AgentRead = "agent_read",
    AgentDraft = "agent_draft",
    AgentPublish = "agent_publish",
    PromptRead = "prompt_read",
    PromptDraft = "prompt_draft",
    PromptPublish = "prompt_publish",
    ModelRead = "model_read",
    ModelSet = "model_set",
    TriggerRead = "trigger_read",
    TriggerSet = "trigger_set",
    TriggerTest = "trigger_test",
    ProjectRead = "project_read",
    ProjectCreate = "project_create",
    ProjectUpdate = "project_update",
    ProjectLimitSet = "project_limit_set",
    ProjectPause = "project_pause",
    ProjectDelete = "project_delete",
    StatsRead = "stats_read",
    MemberRead = "member_read",
    MemberSet = "member_set",
    SecretRead = "secret_read",
    SecretSet = "secret_set",
    ServiceTokenRead = "service_token_read",
    ServiceTokenSet = "service_token_set",
    TokenRead = "token_read",
    TokenCreate = "token_create",
    TokenRevoke = "token_revoke",
    SessionRead = "session_read",
    SessionRevoke = "session_revoke",
    InboxRead = "inbox_read",
    AuditReadOwn = "audit_read_own",
    AuditRead = "audit_read",
    AuditVerify = "audit_verify",
    UserRead = "user_read",
    UserInvite = "user_invite",
    UserDisable = "user_disable",
    SettingRead = "setting_read",
    SettingSet = "setting_set",
    WorkerRead = "worker_read",
    JobRead = "job_read",
    JobRetry = "job_retry",
    PlatformPause = "platform_pause",
    AccessExplain = "access_explain",
    PrincipalRead = "principal_read",
    SupervisorTurn = "supervisor_turn",
    AgentTurn = "agent_turn");

impl Operation {
    /// What it allows, for the table of rights.
    pub fn about(self) -> &'static str {
        match self {
            Self::RunRead => "Runs: lists, states, timelines, cost, explanations",
            Self::RunLogRead => "Runs: log, conversation, changed paths",
            Self::RunPromptRead => "Runs: the whole prompt with its context",
            Self::RunStart => "Start a run",
            Self::RunStartElevated => "Start a run of a stage that deploys or operates",
            Self::RunCancel => "Cancel a run",
            Self::RunRetry => "Retry a run",
            Self::RunLimitRaise => "Raise the time or money of one run",
            Self::WaitRead => "Questions and requests of runs: read",
            Self::QuestionAnswer => "Answer an agent's question",
            Self::EffectRead => "Outward writes: read",
            Self::RepositoryRead => "Repositories: lists, settings",
            Self::RepositoryAttach => "Bind a repository to the project",
            Self::RepositoryUpdate => "Change a repository's settings",
            Self::RepositoryDetach => "Take a repository off the project",
            Self::RepositoryPreflight => "Look whether a repository is ready for runs",
            Self::SlotRead => "Slots: state, lease, reason",
            Self::SlotRelease => "Give a slot back before its time",
            Self::SlotExtend => "Hold a slot longer",
            Self::SlotLimitSet => "Set how many slots a project has",
            Self::EnvironmentRead => "Environments of slots: pods, events",
            Self::EnvironmentLogRead => "Environments of slots: what their containers print",
            Self::EnvironmentDelete => "Remove what is left of an environment",
            Self::DeliveryRead => "Deliveries: lists, explanations",
            Self::DeliveryPayloadRead => "Deliveries: the payload",
            Self::DeliveryReplay => "Work on a delivery again",
            Self::IssueRead => "Issues: read",
            Self::IssueWrite => "Issues: comment, label",
            Self::IssueCreate => "Issues: create",
            Self::PullRequestRead => "Pull requests: read",
            Self::PullRequestOpen => "Pull requests: open",
            Self::KnowledgeRead => "Knowledge: search, read what is found, state of the index",
            Self::KnowledgeReindex => "Knowledge: read a repository again",
            Self::KnowledgeSet => "Knowledge: what of a repository is indexed, and for whom",
            Self::KnowledgeConsent => "Knowledge: let a repository's text go to an embedder outside",
            Self::AgentRead => "Agent profiles: read",
            Self::AgentDraft => "Agent profiles: edit a draft",
            Self::AgentPublish => "Agent profiles: publish",
            Self::PromptRead => "Prompts: read",
            Self::PromptDraft => "Prompts: edit a draft",
            Self::PromptPublish => "Prompts: publish",
            Self::ModelRead => "Models and prices: read",
            Self::ModelSet => "Models and prices: set",
            Self::TriggerRead => "Trigger rules: read",
            Self::TriggerSet => "Trigger rules: set",
            Self::TriggerTest => "Trigger rules: try one without acting",
            Self::ProjectRead => "Projects: lists, settings",
            Self::ProjectCreate => "Make a project",
            Self::ProjectUpdate => "Change a project's name or how it treats strangers' text",
            Self::ProjectLimitSet => "Set a project's budget and limits",
            Self::ProjectPause => "Pause or resume a project's runs",
            Self::ProjectDelete => "Delete a project, or take that back",
            Self::StatsRead => "Figures of a project: success, time, cost",
            Self::MemberRead => "Members and roles: read",
            Self::MemberSet => "Members and roles: set, remove, block",
            Self::SecretRead => "Secrets: that there is one, its age and last use",
            Self::SecretSet => "Secrets: write or rotate; none is ever read back",
            Self::ServiceTokenRead => "Service tokens of a project: list",
            Self::ServiceTokenSet => "Service tokens of a project: make, revoke",
            Self::TokenRead => "One's own tokens: list",
            Self::TokenCreate => "One's own tokens: make",
            Self::TokenRevoke => "One's own tokens: revoke",
            Self::SessionRead => "One's own sessions: list",
            Self::SessionRevoke => "One's own sessions: end",
            Self::InboxRead => "What waits for oneself: read",
            Self::AuditReadOwn => "Audit: one's own acts",
            Self::AuditRead => "Audit: of the project, and of everything for platform roles",
            Self::AuditVerify => "Audit: prove that nobody changed it",
            Self::UserRead => "People of the platform: list",
            Self::UserInvite => "People of the platform: invite, give a platform role",
            Self::UserDisable => "People of the platform: disable, enable",
            Self::SettingRead => "Settings of the platform: read",
            Self::SettingSet => "Settings of the platform: set",
            Self::WorkerRead => "Workers and other processes: list",
            Self::JobRead => "The queue's jobs: list",
            Self::JobRetry => "The queue's jobs: try one again",
            Self::PlatformPause => "Pause or resume all runs of the platform",
            Self::AccessExplain => "Ask who may do what, and why",
            Self::PrincipalRead => "Who am I",
            Self::SupervisorTurn => "All that the supervisor of a runner says and hears",
            Self::AgentTurn => "What an agent says about its own turn",
        }
    }

    /// The right that shows that the object of this operation exists at all.
    #[must_use]
    pub fn shown_by(self) -> Self {
        match self {
            Self::RunLogRead
            | Self::RunPromptRead
            | Self::RunCancel
            | Self::RunRetry
            | Self::RunLimitRaise
            | Self::WaitRead
            | Self::QuestionAnswer => Self::RunRead,
            Self::RunStart
            | Self::RunStartElevated
            | Self::RepositoryUpdate
            | Self::RepositoryDetach
            | Self::RepositoryPreflight
            | Self::IssueCreate => Self::RepositoryRead,
            Self::RepositoryAttach
            | Self::ProjectCreate
            | Self::ProjectUpdate
            | Self::ProjectLimitSet
            | Self::ProjectPause
            | Self::ProjectDelete
            | Self::StatsRead
            | Self::MemberRead
            | Self::MemberSet
            | Self::SecretRead
            | Self::SecretSet
            | Self::ServiceTokenRead
            | Self::ServiceTokenSet
            | Self::AuditRead
            | Self::AuditVerify => Self::ProjectRead,
            Self::SlotRelease | Self::SlotExtend | Self::SlotLimitSet => Self::SlotRead,
            Self::EnvironmentLogRead | Self::EnvironmentDelete => Self::EnvironmentRead,
            Self::DeliveryPayloadRead | Self::DeliveryReplay => Self::DeliveryRead,
            Self::IssueWrite => Self::IssueRead,
            Self::PullRequestOpen => Self::PullRequestRead,
            Self::KnowledgeReindex | Self::KnowledgeSet | Self::KnowledgeConsent => Self::KnowledgeRead,
            Self::AgentDraft | Self::AgentPublish => Self::AgentRead,
            Self::PromptDraft | Self::PromptPublish => Self::PromptRead,
            Self::ModelSet => Self::ModelRead,
            Self::TriggerSet | Self::TriggerTest => Self::TriggerRead,
            Self::TokenCreate | Self::TokenRevoke => Self::TokenRead,
            Self::SessionRevoke => Self::SessionRead,
            Self::UserInvite | Self::UserDisable => Self::UserRead,
            Self::SettingSet | Self::PlatformPause => Self::SettingRead,
            Self::JobRetry => Self::JobRead,
            alone @ (Self::RunRead
            | Self::EffectRead
            | Self::RepositoryRead
            | Self::SlotRead
            | Self::EnvironmentRead
            | Self::DeliveryRead
            | Self::IssueRead
            | Self::PullRequestRead
            | Self::KnowledgeRead
            | Self::AgentRead
            | Self::PromptRead
            | Self::ModelRead
            | Self::TriggerRead
            | Self::ProjectRead
            | Self::TokenRead
            | Self::SessionRead
            | Self::InboxRead
            | Self::AuditReadOwn
            | Self::UserRead
            | Self::SettingRead
            | Self::WorkerRead
            | Self::JobRead
            | Self::AccessExplain
            | Self::PrincipalRead
            | Self::SupervisorTurn
            | Self::AgentTurn) => alone,
        }
    }

    /// Whether doing it is written to the audit. A turn's own calls are not: its run's events are their record.
    pub fn is_audited(self) -> bool {
        matches!(
            self,
            Self::RunStart
                | Self::RunStartElevated
                | Self::RunCancel
                | Self::RunRetry
                | Self::RunLimitRaise
                | Self::QuestionAnswer
                | Self::RepositoryAttach
                | Self::RepositoryUpdate
                | Self::RepositoryDetach
                | Self::SlotRelease
                | Self::SlotExtend
                | Self::SlotLimitSet
                | Self::EnvironmentDelete
                | Self::DeliveryPayloadRead
                | Self::DeliveryReplay
                | Self::IssueWrite
                | Self::IssueCreate
                | Self::PullRequestOpen
                | Self::KnowledgeReindex
                | Self::KnowledgeSet
                | Self::KnowledgeConsent
                | Self::AgentDraft
                | Self::AgentPublish
                | Self::PromptDraft
                | Self::PromptPublish
                | Self::ModelSet
                | Self::TriggerSet
                | Self::ProjectCreate
                | Self::ProjectUpdate
                | Self::ProjectLimitSet
                | Self::ProjectPause
                | Self::ProjectDelete
                | Self::MemberSet
                | Self::SecretSet
                | Self::ServiceTokenSet
                | Self::TokenCreate
                | Self::TokenRevoke
                | Self::SessionRevoke
                | Self::UserInvite
                | Self::UserDisable
                | Self::SettingSet
                | Self::JobRetry
                | Self::PlatformPause
        )
    }

    /// Whether it belongs to a turn, and to no person.
    #[cfg(feature = "postgres")]
    pub(super) fn is_of_a_turn(self) -> bool {
        matches!(self, Self::SupervisorTurn | Self::AgentTurn)
    }
}
