//! The platform itself: its settings, its workers, its queue.

use contract::bounded::Text;
use contract::operations::{
    JobList, JobPage, JobRetry, JobView, PlatformAct, PlatformState, SettingList, SettingSet, SettingView,
    Settings, WorkerList, WorkerView, Workers,
};
use orchestrator::project::access::Operation;
use orchestrator::project::{self, Platform, Setting};
use orchestrator::queue::look::{self, Filter, JobSeen};
use orchestrator::{Error, Result, workers};

use super::{STAFF, count, idempotency_key, page, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<SettingsList>()
        .with::<SettingsSet>()
        .with::<Pause>()
        .with::<Resume>()
        .with::<WorkersList>()
        .with::<JobsList>()
        .with::<JobsRetry>()
}

struct SettingsList;

impl Tool for SettingsList {
    const NAME: &'static str = "setting_list";
    const TITLE: &'static str = "List settings";
    const ABOUT: &'static str = "Lists the settings of the whole platform with their values and what they do. A project's own limits are shown by \
         project_get.";
    const OPERATION: Operation = Operation::SettingRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = SettingList;
    type Answer = Settings;

    async fn call(call: &Call<'_>, _ask: SettingList) -> Result<Settings> {
        settings(&project::platform(call.orchestrator, call.actor).await?)
    }
}

struct SettingsSet;

impl Tool for SettingsSet {
    const NAME: &'static str = "setting_set";
    const TITLE: &'static str = "Set a setting";
    const ABOUT: &'static str =
        "Sets one setting of the whole platform; it acts at once, in every process. Answers all settings.";
    const OPERATION: Operation = Operation::SettingSet;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = SettingSet;
    type Answer = Settings;

    async fn call(call: &Call<'_>, ask: SettingSet) -> Result<Settings> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let name = written_word(ask.name)?;
        let setting =
            Setting::parse(&name).ok_or_else(|| Error::internal("a setting of the contract is none"))?;
        let value = ask.value.get().cast_signed();
        settings(&project::set_setting(call.orchestrator, call.actor, setting, value, key).await?)
    }
}

struct Pause;

impl Tool for Pause {
    const NAME: &'static str = "platform_pause";
    const TITLE: &'static str = "Pause the platform";
    const ABOUT: &'static str = "Lets no run of any project start until platform_resume: for maintenance, or when something is wrong everywhere. \
         Runs that live go on. One project is paused by project_pause.";
    const OPERATION: Operation = Operation::PlatformPause;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = PlatformAct;
    type Answer = PlatformState;

    async fn call(call: &Call<'_>, ask: PlatformAct) -> Result<PlatformState> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let now = project::set_platform_paused(call.orchestrator, call.actor, true, key).await?;
        Ok(PlatformState {
            paused_at: now.paused_at,
        })
    }
}

struct Resume;

impl Tool for Resume {
    const NAME: &'static str = "platform_resume";
    const TITLE: &'static str = "Resume the platform";
    const ABOUT: &'static str =
        "Lets runs start again after platform_pause. Projects paused by themselves stay so.";
    const OPERATION: Operation = Operation::PlatformPause;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = PlatformAct;
    type Answer = PlatformState;

    async fn call(call: &Call<'_>, ask: PlatformAct) -> Result<PlatformState> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let now = project::set_platform_paused(call.orchestrator, call.actor, false, key).await?;
        Ok(PlatformState {
            paused_at: now.paused_at,
        })
    }
}

struct WorkersList;

impl Tool for WorkersList {
    const NAME: &'static str = "worker_list";
    const TITLE: &'static str = "List workers";
    const ABOUT: &'static str = "Lists the workers with their versions and when each last said that it is there. Without a present one nothing \
         starts and nothing is written to GitHub.";
    const OPERATION: Operation = Operation::WorkerRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = WorkerList;
    type Answer = Workers;

    async fn call(call: &Call<'_>, _ask: WorkerList) -> Result<Workers> {
        let found = workers::list(call.orchestrator, call.actor).await?;
        let show = |worker: workers::Worker| WorkerView {
            worker: worker.worker,
            version: worker.version,
            started_at: worker.started_at,
            seen_at: worker.seen_at,
            is_present: worker.is_present,
        };
        Ok(Workers {
            workers: found.into_iter().map(show).collect(),
        })
    }
}

struct JobsList;

impl Tool for JobsList {
    const NAME: &'static str = "job_list";
    const TITLE: &'static str = "List jobs";
    const ABOUT: &'static str = "Lists the jobs of the queue, newest first: all that are not completed, or those in one state. A discarded one was \
         given up; job_retry tries it again. Why a run waits is told by run_explain.";
    const OPERATION: Operation = Operation::JobRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = JobList;
    type Answer = JobPage;

    async fn call(call: &Call<'_>, ask: JobList) -> Result<JobPage> {
        let filter = Filter {
            state: ask.state.map(written_word).transpose()?,
            kind: ask.kind.map(Text::into_inner),
        };
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let found = look::list(call.orchestrator, call.actor, &filter, page).await?;
        Ok(JobPage {
            jobs: found.items.into_iter().map(show).collect::<Result<_>>()?,
            next_cursor: found.next_cursor,
        })
    }
}

struct JobsRetry;

impl Tool for JobsRetry {
    const NAME: &'static str = "job_retry";
    const TITLE: &'static str = "Retry a job";
    const ABOUT: &'static str = "Makes a job that is not running due now; one that used all its attempts gets one more. A job whose world moved on \
         does nothing.";
    const OPERATION: Operation = Operation::JobRetry;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = JobRetry;
    type Answer = JobView;

    async fn call(call: &Call<'_>, ask: JobRetry) -> Result<JobView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let id = ask.job_id.get().cast_signed();
        show(look::retry(call.orchestrator, call.actor, id, key).await?)
    }
}

fn settings(platform: &Platform) -> Result<Settings> {
    let show = |setting: &Setting| {
        Ok(SettingView {
            name: word(setting.as_str())?,
            value: count(platform.value(*setting)),
            about: setting.about().to_owned(),
        })
    };
    Ok(Settings {
        settings: Setting::ALL.iter().map(show).collect::<Result<_>>()?,
        paused_at: platform.paused_at,
    })
}

fn show(job: JobSeen) -> Result<JobView> {
    Ok(JobView {
        job_id: count(job.job_id),
        kind: job.kind,
        queue: job.queue,
        state: word(&job.state)?,
        arguments: job.arguments,
        attempt: count(job.attempt),
        max_attempts: count(job.max_attempts),
        failures: count(job.failures),
        scheduled_at: job.scheduled_at,
        created_at: job.created_at,
        attempted_at: job.attempted_at,
        ended_at: job.ended_at,
    })
}
