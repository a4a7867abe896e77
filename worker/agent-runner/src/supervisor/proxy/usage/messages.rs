//! What Anthropic's Messages API says of an answer's cost.
//!
//! It says the input when an answer begins and the output when it ends. What is written to its cache costs more than other
//! input, so it counts as the input that would cost the same.

use serde::Deserialize;

use crate::supervisor::usage::Tokens;

#[derive(Deserialize)]
struct Event {
    r#type: String,
    message: Option<Message>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Message {
    usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    output_tokens_details: Option<OutputDetails>,
    /// Where the provider sampled more than once, the sum above leaves some out.
    iterations: Option<Vec<Usage>>,
}

#[derive(Deserialize)]
struct CacheCreation {
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

/// What was said of one answer so far.
#[derive(Default)]
pub(super) struct Count {
    tokens: Option<Tokens>,
    whole: bool,
}

impl Count {
    /// Reads an event, or a whole answer. Later counts go on from earlier ones and are never smaller.
    pub(super) fn take(&mut self, json: &str) {
        let Ok(event) = serde_json::from_str::<Event>(json) else {
            return;
        };
        let usage = match event.r#type.as_str() {
            "message_start" => event.message.and_then(|message| message.usage),
            "message_delta" | "message" => event.usage,
            _ => None,
        };
        let Some(usage) = usage else { return };
        self.whole |= event.r#type != "message_start";
        self.tokens = Some(at_least(self.tokens.unwrap_or_default(), usage.tokens()));
    }

    /// The tokens of the answer. Of one that broke off only the input is known, so its output is estimated.
    pub(super) fn end(self, estimate: Tokens) -> Tokens {
        match self.tokens {
            Some(tokens) if self.whole => tokens,
            Some(tokens) => Tokens {
                output: tokens.output.max(estimate.output),
                ..tokens
            },
            None => estimate,
        }
    }
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let fresh = self.input_tokens.unwrap_or(0);
        let cached_input = self.cache_read_input_tokens.unwrap_or(0);
        let written = self.cache_creation_input_tokens.unwrap_or(0);
        let for_an_hour = self
            .cache_creation
            .as_ref()
            .and_then(|cache| cache.ephemeral_1h_input_tokens)
            .unwrap_or(0);
        let for_minutes = written.saturating_sub(for_an_hour);
        // One and a quarter times the price of input, for an hour twice.
        let writing = for_minutes
            .saturating_add(for_minutes.div_ceil(4))
            .saturating_add(for_an_hour.saturating_mul(2));
        let own = Tokens {
            input: fresh.saturating_add(cached_input).saturating_add(writing),
            cached_input,
            output: self.output_tokens.unwrap_or(0),
            reasoning: self
                .output_tokens_details
                .as_ref()
                .and_then(|details| details.thinking_tokens)
                .unwrap_or(0),
        };
        let parts = self.iterations.iter().flatten().map(Self::tokens);
        at_least(own, parts.fold(Tokens::default(), sum))
    }
}

fn at_least(one: Tokens, other: Tokens) -> Tokens {
    each(one, other, u64::max)
}

fn sum(one: Tokens, other: Tokens) -> Tokens {
    each(one, other, u64::saturating_add)
}

fn each(one: Tokens, other: Tokens, of: impl Fn(u64, u64) -> u64) -> Tokens {
    Tokens {
        input: of(one.input, other.input),
        cached_input: of(one.cached_input, other.cached_input),
        output: of(one.output, other.output),
        reasoning: of(one.reasoning, other.reasoning),
    }
}
