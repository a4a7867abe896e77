use clap::Args;
use orchestrator::agent::{self, Api, Model};

use crate::me;
use crate::memory::Memory;

#[derive(Debug, Args)]
pub(crate) struct AddModel {
    #[command(flatten)]
    memory: Memory,
    /// The name that the provider knows it by
    model: String,
    /// What the provider speaks: `responses` as Codex does, `messages` as Claude Code does
    #[arg(long, default_value = "responses", value_parser = api)]
    api: Api,
    /// Base URL of the provider's API: `https://api.openai.com/v1`, `https://api.anthropic.com/v1`
    #[arg(long)]
    base_url: String,
    /// Price of a million input tokens, in millionths of a US dollar
    #[arg(long)]
    input_micro_usd: Option<i64>,
    /// As the input's price, for what the provider had cached
    #[arg(long)]
    cached_input_micro_usd: Option<i64>,
    /// Price of a million output tokens, in millionths of a US dollar
    #[arg(long)]
    output_micro_usd: Option<i64>,
}

impl AddModel {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let model = Model {
            model: self.model,
            api: self.api,
            base_url: self.base_url,
            input_micro_usd: self.input_micro_usd,
            cached_input_micro_usd: self.cached_input_micro_usd,
            output_micro_usd: self.output_micro_usd,
        };
        let mut tx = orchestrator.begin("cli.model").await?;
        agent::set_model(&mut tx, &me(), &model).await?;
        tx.commit().await?;
        println!("model {} at {}: in the catalogue", model.model, model.base_url);
        Ok(())
    }
}

fn api(word: &str) -> Result<Api, String> {
    Api::parse(word).ok_or_else(|| "use responses or messages".to_owned())
}
