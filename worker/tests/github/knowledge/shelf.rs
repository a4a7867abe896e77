//! A repository that is written to, and the worker that reads it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use orchestrator::knowledge::jobs::{EmbedChunks, IndexSource};
use orchestrator::knowledge::{agree_on, models_at_work};
use orchestrator::ports::code_host::{CodeHost, HostToken, TokenAccess};
use orchestrator::ports::{Embedder, EmbedderError, EmbeddingModel};
use orchestrator::queue::{Done, Perform};
use secrecy::ExposeSecret;
use worker::Hands;

use crate::git::Checkout;
use crate::hands::{ATTEMPT, Platform};
use crate::world::REPOSITORY;

/// What the embedder does not like.
pub(crate) const UNSPEAKABLE: &str = "unspeakable";

pub(crate) struct Shelf {
    pub(crate) platform: Platform,
    pub(crate) checkout: Checkout,
    pub(crate) embedder: Arc<Counting>,
    token: HostToken,
}

impl Shelf {
    pub(crate) async fn new() -> Self {
        let mut platform = Platform::new().await;
        let embedder = Arc::new(Counting::default());
        platform.hands.embedder = Some(embedder.clone());
        let (host, at) = (&platform.world.host, platform.world.at());
        let token = host
            .repository_token(&at, TokenAccess::Write)
            .await
            .expect("a token");
        let clone_url = format!("{}/{REPOSITORY}.git", platform.world.sim.url());
        let checkout = Checkout::clone(&clone_url, &token).await.expect("a clone");
        Self {
            platform,
            checkout,
            embedder,
            token,
        }
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let place = self.checkout.path().join(path);
        std::fs::create_dir_all(place.parent().expect("in the checkout")).expect("ours");
        std::fs::write(place, content).expect("ours");
    }

    /// Pushes all that changed to the default branch.
    pub(crate) async fn push(&self) -> String {
        let commit = self.checkout.commit_all().await;
        self.checkout.push("main", &self.token).await.expect("a push");
        commit
    }

    /// The token a worker reads with.
    pub(crate) async fn reader(&self) -> String {
        let (host, at) = (&self.platform.world.host, self.platform.world.at());
        let token = host
            .repository_token(&at, TokenAccess::Read)
            .await
            .expect("a token");
        token.token.expose_secret().to_owned()
    }

    /// Another worker.
    pub(crate) fn hands_of(&self, name: &str) -> Hands {
        Hands {
            mirrors: self.platform.world.mirrors_of(name),
            name: name.to_owned(),
            ..self.platform.hands.clone()
        }
    }

    /// Works the job until it is done.
    pub(crate) async fn index(&self) {
        let repository_id = self.platform.project.repository_id;
        loop {
            let job = IndexSource { repository_id };
            let done = Perform::<IndexSource>::perform(&self.platform.hands, job, ATTEMPT).await;
            match done.expect("indexed") {
                Done::Done => return,
                Done::Later(after) => tokio::time::sleep(after).await,
            }
        }
    }

    pub(crate) async fn embed(&self) {
        self.embed_with(&self.platform.hands).await;
    }

    pub(crate) async fn embed_with(&self, hands: &Hands) {
        let orchestrator = &self.platform.orchestrator;
        let wanted = hands.embedder.as_deref().map(Embedder::model);
        agree_on(orchestrator, wanted).await.expect("agreed");
        for model in models_at_work(orchestrator).await.expect("models") {
            let model_id = model.model_id;
            let job = || EmbedChunks { model_id };
            while Perform::<EmbedChunks>::perform(hands, job(), ATTEMPT)
                .await
                .expect("embedded")
                != Done::Done
            {}
        }
    }

    /// The commit the index stands at.
    pub(crate) async fn commit(&self) -> String {
        let commit = "SELECT coalesce(commit_sha, '') FROM knowledge_sources";
        self.platform.db.texts(commit).await.concat()
    }

    pub(crate) async fn number(&self, query: &'static str) -> usize {
        let found = self.platform.db.texts(query).await.concat();
        found.parse().expect("one number")
    }

    pub(crate) async fn end(self) {
        self.platform.world.end().await;
        self.platform.db.done().await;
    }
}

/// An embedder that says how much it was asked, and that refuses whole batches for one text that it does not like. The model is not ours: texts with the same words get about the same vector.
pub(crate) struct Counting {
    model: EmbeddingModel,
    asked: Mutex<usize>,
}

impl Default for Counting {
    fn default() -> Self {
        let model = EmbeddingModel {
            name: "counting".to_owned(),
            dims: 16,
            checksum: "00".to_owned(),
            is_external: false,
        };
        Self {
            model,
            asked: Mutex::default(),
        }
    }
}

impl Counting {
    /// Texts so far.
    pub(crate) fn asked(&self) -> usize {
        *self.asked.lock().expect("no panic")
    }
}

#[async_trait]
impl Embedder for Counting {
    fn model(&self) -> &EmbeddingModel {
        &self.model
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedderError> {
        *self.asked.lock().expect("no panic") += texts.len();
        if texts.iter().any(|text| text.contains(UNSPEAKABLE)) {
            let message = "400: it says a word".to_owned();
            return Err(EmbedderError::Refused { message });
        }
        let vector = |text: &String| {
            let mut vector = [0.1_f32; 16];
            for word in text.split_whitespace() {
                vector[word.len() % 16] += 1.0;
            }
            let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
            vector.iter().map(|number| number / length).collect()
        };
        Ok(texts.iter().map(vector).collect())
    }
}
