//! The hands at work between the ledger and the simulator: what goes wrong in between is settled by looking.

use std::sync::Arc;

use github_sim::{Effect as Harm, Fault};
use jiff::SignedDuration;
use orchestrator::credential::MasterKey;
use orchestrator::effect::domain::marked;
use orchestrator::effect::jobs::ApplyEffect;
use orchestrator::effect::{self, Claim, Claimed, Effect, EffectState, Outcome};
use orchestrator::page::PageAsk;
use orchestrator::ports::code_host::{CodeHost, HostToken, PullRequestDraft, TokenAccess};
use orchestrator::queue::{Attempt, Concurrency, Done, Perform};
use orchestrator::repository::{self, NewRepository};
use orchestrator::run::jobs::Finalise;
use orchestrator::run::{self, FinishReport, Run, RunState};
use orchestrator::testing::{AUDIENCE, Seeded, TestDb, admit_and_run, seed, supervisor_of};
use orchestrator::{Actor, Clock, Orchestrator};
use worker::Hands;

use crate::git::Checkout;
use crate::nowhere::Nowhere;
use crate::world::{ISSUE, REPOSITORY, World};

const PULLS: &str = "/repos/*/*/pulls";
pub(crate) const ATTEMPT: Attempt = Attempt {
    number: 1,
    last: false,
};

/// A platform whose one repository is the simulator's.
pub(crate) struct Platform {
    pub(crate) db: TestDb,
    clock: Clock,
    pub(crate) orchestrator: Orchestrator,
    pub(crate) cluster: Arc<Nowhere>,
    pub(crate) hands: Hands,
    pub(crate) project: Seeded,
    pub(crate) world: World,
}

/// A run that pushed and asked for its pull request.
pub(crate) struct Pushed {
    pub(crate) run: Run,
    sha: String,
    checkout: Checkout,
    token: HostToken,
    pub(crate) wanted: Effect,
}

impl Platform {
    pub(crate) async fn new() -> Self {
        let (world, db, clock) = (World::new().await, TestDb::new().await, Clock::default());
        let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
        let mut project = seed(&orchestrator, "alpha", 1, 1).await.expect("seeded");
        let at = world.at();
        let new = NewRepository {
            project_id: project.project_id,
            github_repository_id: at.github_repository_id,
            installation_id: at.installation_id,
            owner: at.owner,
            name: at.name,
            default_branch: "main".into(),
            clone_url: format!("{}/{REPOSITORY}.git", world.sim.url()),
            agent_image: None,
        };
        let attached = repository::attach(&orchestrator, &Actor::System("test"), new).await;
        project.repository_id = attached.expect("attached").repository_id;
        let cluster = Arc::new(Nowhere::default());
        let hands = Hands {
            orchestrator: orchestrator.clone(),
            cluster: cluster.clone(),
            code_host: world.host.clone(),
            embedder: None,
            mirrors: world.mirrors_of("worker-1"),
            audience: AUDIENCE.into(),
            model_key: None,
            name: "worker-1".into(),
            concurrency: Concurrency::each(1),
        };
        Self {
            db,
            clock,
            orchestrator,
            cluster,
            hands,
            project,
            world,
        }
    }

    /// Tokens whose bearers are shown reads alone.
    pub(crate) async fn narrowed_tokens(&self) -> i64 {
        let count = "SELECT count(*) FROM access_tokens WHERE read_only";
        let count = sqlx::query_scalar(count).fetch_one(self.db.pool()).await;
        count.expect("counted")
    }

    pub(crate) async fn pushed(&self) -> Pushed {
        self.project
            .start(&self.orchestrator, Some(ISSUE))
            .await
            .expect("started");
        let run = admit_and_run(&self.orchestrator).await.expect("it runs");
        let (host, at) = (&self.world.host, self.world.at());
        let token = host.repository_token(&at, TokenAccess::Write).await;
        let token = token.expect("a token");
        let clone_url = host.repository(&at).await.expect("it is there").clone_url;
        let checkout = Checkout::clone(&clone_url, &token).await.expect("a clone");
        let sha = checkout.commit("price.txt", "2").await;
        checkout.push(&run.branch, &token).await.expect("a push");
        let supervisor = supervisor_of(&run);
        let wanted = effect::open_pull_request(
            &self.orchestrator,
            &supervisor,
            None,
            None,
            Some(sha.clone()),
            None,
        )
        .await;
        Pushed {
            run,
            sha,
            checkout,
            token,
            wanted: wanted.expect("it may be opened"),
        }
    }

    /// Lets the worker do a write, as soon as it is due.
    pub(crate) async fn apply(&self, wanted: &Effect) -> Effect {
        self.clock.advance(SignedDuration::from_mins(30));
        let effect_id = wanted.effect_id;
        let done = self.hands.perform(ApplyEffect { effect_id }, ATTEMPT).await;
        done.expect("settled");
        let system = Actor::System("test");
        let now = effect::get(&self.orchestrator, &system, effect_id).await;
        now.expect("it is there")
    }

    async fn claim(&self, wanted: &Effect) -> Claim {
        let claimed = effect::claim(&self.orchestrator, wanted.effect_id, "worker-1").await;
        match claimed.expect("an answer") {
            Claimed::Yes(claim) => *claim,
            other => panic!("{wanted:?} is due: {other:?}"),
        }
    }

    /// The pull request is opened, and the ledger does not hear of it.
    async fn opened_unnoticed(&self, pushed: &Pushed) -> (Claim, i64) {
        let claim = self.claim(&pushed.wanted).await;
        let key = claim.effect.effect_key.clone().expect("a key");
        let draft = draft(&pushed.run.branch, &marked("The work.", &key));
        let opened = self.world.host.open_pull_request(&self.world.at(), &draft).await;
        (claim, opened.expect("opened").number)
    }

    async fn finish(&self, pushed: &Pushed) {
        let report = FinishReport {
            head_sha: Some(pushed.sha.clone()),
            ..FinishReport::default()
        };
        let supervisor = supervisor_of(&pushed.run);
        let finished = run::finish(&self.orchestrator, &supervisor, report).await;
        assert_eq!(finished.expect("finished"), RunState::Finishing);
    }

    /// Lets the worker prove the result; answers the run as it is then.
    async fn prove(&self, run: &Run) -> (Done, Run) {
        let job = Finalise { run_id: run.run_id };
        let done = self.hands.perform(job, ATTEMPT).await.expect("looked");
        let system = Actor::System("test");
        let run = run::get(&self.orchestrator, &system, run.run_id).await;
        (done, run.expect("it is there"))
    }

    fn pull_requests(&self) -> usize {
        self.world.sim.pull_requests(REPOSITORY).expect("a list").len()
    }

    pub(crate) async fn end(self) {
        self.world.end().await;
        self.db.done().await;
    }
}

fn draft(branch: &str, body: &str) -> PullRequestDraft {
    PullRequestDraft {
        title: "A wish".into(),
        body: body.into(),
        head_branch: branch.into(),
        base_branch: "main".into(),
    }
}

/// The answer is lost, the next look is too early, and the second try is told that there is one.
#[tokio::test]
async fn a_pull_request_that_was_opened_is_found_although_nothing_shows_it_at_first() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    let sim = &platform.world.sim;
    sim.add_fault(Fault::once("POST", PULLS, Harm::ErrorAfter { status: 502 }));
    sim.add_fault(Fault {
        skip: 1,
        ..Fault::once("GET", PULLS, Harm::StaleRead)
    });
    let lost = platform.apply(&pushed.wanted).await;
    assert_eq!(lost.state, EffectState::Ready, "{:?}", lost.reason);
    let found = platform.apply(&pushed.wanted).await;
    assert_eq!(found.state, EffectState::Applied, "{:?}", found.reason);
    assert_eq!(platform.pull_requests(), 1);
    platform.finish(&pushed).await;
    let (_, ended) = platform.prove(&pushed.run).await;
    assert_eq!(ended.state, RunState::Succeeded);
    assert_eq!(ended.pull_request_number, found.result.and_then(|it| it.number));
    platform.end().await;
}

#[tokio::test]
async fn what_github_shows_counts_more_than_what_the_ledger_fears() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    let (claim, _) = platform.opened_unnoticed(&pushed).await;
    let refused = effect::settle(&platform.orchestrator, &claim, Outcome::Rejected("422".into())).await;
    assert_eq!(refused.expect("settled"), EffectState::Failed);
    platform.finish(&pushed).await;
    let (_, ended) = platform.prove(&pushed.run).await;
    assert_eq!(ended.state, RunState::Succeeded);
    platform.end().await;
}

#[tokio::test]
async fn a_commit_on_top_of_the_runs_own_harms_nothing() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    platform.apply(&pushed.wanted).await;
    pushed.checkout.commit("format.txt", "tidy").await;
    let branch = &pushed.run.branch;
    pushed.checkout.push(branch, &pushed.token).await.expect("a push");
    platform.finish(&pushed).await;
    let (_, ended) = platform.prove(&pushed.run).await;
    assert_eq!(ended.state, RunState::Succeeded);
    platform.end().await;
}

#[tokio::test]
async fn work_that_was_merged_meanwhile_is_done() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    // The worker that opened it died before it could say so.
    let (_, number) = platform.opened_unnoticed(&pushed).await;
    platform.world.merge(number).await;
    let branch = &pushed.run.branch;
    pushed
        .checkout
        .delete(branch, &pushed.token)
        .await
        .expect("deleted");
    platform.finish(&pushed).await;
    let (_, ended) = platform.prove(&pushed.run).await;
    assert_eq!(ended.state, RunState::Succeeded);
    assert_eq!(ended.pull_request_number, Some(number));
    platform.end().await;
}

#[tokio::test]
async fn a_branch_without_the_commit_is_looked_at_for_some_minutes() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    let branch = &pushed.run.branch;
    pushed
        .checkout
        .delete(branch, &pushed.token)
        .await
        .expect("deleted");
    platform.finish(&pushed).await;
    let (done, waiting) = platform.prove(&pushed.run).await;
    assert!(matches!(done, Done::Later(_)), "{done:?}");
    assert_eq!(waiting.state, RunState::Finishing);
    platform.clock.advance(SignedDuration::from_mins(6));
    let (_, ended) = platform.prove(&pushed.run).await;
    let RunState::Failed(failure) = ended.state else {
        panic!("{}", ended.state)
    };
    assert_eq!(failure.to_string(), "output_invalid: branch_without_commit");
    platform.end().await;
}

/// SIGSTOP between taking the write in hand and sending it: by the time the worker wakes, another may hold the lane.
#[tokio::test]
async fn a_worker_that_stood_still_after_its_claim_sends_nothing() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    let orchestrator = &platform.orchestrator;
    let page = PageAsk::new(None, None).expect("a page");
    let staged = effect::list(orchestrator, &Actor::System("test"), None, page).await;
    for staged in staged.expect("a list").items {
        platform.clock.advance(SignedDuration::from_mins(1));
        let claim = platform.claim(&staged).await;
        platform.clock.advance(SignedDuration::from_secs(26));
        platform.hands.apply(&claim).await.expect("settled");
    }
    assert_eq!((platform.pull_requests(), platform.world.comments()), (0, 0));
    let woken = platform.apply(&pushed.wanted).await;
    assert_eq!(woken.state, EffectState::Applied, "a fresh claim may write");
    platform.end().await;
}

/// A pull request of an older run of the same branch is not this run's, once it is closed.
#[tokio::test]
async fn an_older_runs_closed_pull_request_is_not_taken_for_this_runs() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    let draft = draft(&pushed.run.branch, "Of another run.");
    let at = platform.world.at();
    let older = platform.world.host.open_pull_request(&at, &draft).await;
    let number = u64::try_from(older.expect("opened").number).expect("positive");
    let closed = platform.world.sim.set_open(REPOSITORY, number, false, "olga");
    closed.expect("closed");
    let opened = platform.apply(&pushed.wanted).await;
    assert_eq!(opened.state, EffectState::Applied);
    assert_eq!(platform.pull_requests(), 2);
    platform.end().await;
}
