//! What the Responses API says of an answer's cost.

use serde::Deserialize;

use crate::supervisor::usage::Tokens;

#[derive(Deserialize)]
struct Event {
    response: Option<Answer>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Answer {
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: u64,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: u64,
}

/// Reads an event, or a whole answer; none if it does not say the cost.
pub(super) fn tokens(json: &str) -> Option<Tokens> {
    let event: Event = serde_json::from_str(json).ok()?;
    let usage = event.response.and_then(|answer| answer.usage).or(event.usage)?;
    Some(Tokens {
        input: usage.input_tokens,
        cached_input: usage
            .input_tokens_details
            .map_or(0, |details| details.cached_tokens),
        output: usage.output_tokens,
        reasoning: usage
            .output_tokens_details
            .map_or(0, |details| details.reasoning_tokens),
    })
}
