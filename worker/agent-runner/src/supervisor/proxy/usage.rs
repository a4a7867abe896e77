//! Reads what an answer of the Responses API cost, as it passes through.

use serde::Deserialize;

use crate::supervisor::log::Lines;
use crate::supervisor::usage::Tokens;

/// Largest event read whole: it repeats the request's instructions, so it can be larger than a request may be.
const EVENT_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of text a token stands for, where the provider's own count is missing.
const BYTES_PER_TOKEN: u64 = 4;

/// Reads one answer, in either form the API has.
pub(super) struct Reader {
    form: Form,
    tokens: Option<Tokens>,
    bytes: u64,
}

enum Form {
    Events(Lines),
    /// One JSON text, in whatever layout.
    Whole(Vec<u8>),
}

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

impl Reader {
    pub(super) fn events() -> Self {
        Self::of(Form::Events(Lines::with_limit(EVENT_BYTES)))
    }

    pub(super) fn whole() -> Self {
        Self::of(Form::Whole(Vec::new()))
    }

    fn of(form: Form) -> Self {
        Self {
            form,
            tokens: None,
            bytes: 0,
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let tokens = &mut self.tokens;
        match &mut self.form {
            Form::Events(lines) => lines.take(bytes, |line| look(line, tokens)),
            Form::Whole(text) => text.extend(&bytes[..bytes.len().min(EVENT_BYTES - text.len())]),
        }
    }

    /// Returns the tokens; without the provider's count, an estimate from the bytes both ways, so that cutting an
    /// answer short is not a way around the budget.
    pub(super) fn end(mut self, request_bytes: u64) -> Tokens {
        let tokens = &mut self.tokens;
        match &mut self.form {
            Form::Events(lines) => lines.end(|line| look(line, tokens)),
            Form::Whole(text) => look(&String::from_utf8_lossy(text), tokens),
        }
        self.tokens.unwrap_or(Tokens {
            input: request_bytes / BYTES_PER_TOKEN,
            output: self.bytes / BYTES_PER_TOKEN,
            ..Tokens::default()
        })
    }
}

/// A text is an SSE field, or the JSON of an answer that is not streamed.
fn look(line: &str, tokens: &mut Option<Tokens>) {
    let json = line.strip_prefix("data:").unwrap_or(line).trim();
    if !json.starts_with('{') || !json.contains("\"usage\"") {
        return;
    }
    let Ok(event) = serde_json::from_str::<Event>(json) else {
        return;
    };
    let Some(usage) = event.response.and_then(|answer| answer.usage).or(event.usage) else {
        return;
    };
    *tokens = Some(Tokens {
        input: usage.input_tokens,
        cached_input: usage
            .input_tokens_details
            .map_or(0, |details| details.cached_tokens),
        output: usage.output_tokens,
        reasoning: usage
            .output_tokens_details
            .map_or(0, |details| details.reasoning_tokens),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETED: &str = r#"data: {"type":"response.completed","response":{"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}}}"#;
    const COUNTED: Tokens = Tokens {
        input: 10,
        cached_input: 4,
        output: 5,
        reasoning: 2,
    };

    #[test]
    fn usage_is_found_however_the_stream_is_cut() {
        let stream =
            format!("event: response.created\ndata: {{\"response\":{{\"usage\":null}}}}\n\n{COMPLETED}\n\n");
        for size in [1, 7, 1000] {
            let mut reader = Reader::events();
            stream
                .as_bytes()
                .chunks(size)
                .for_each(|piece| reader.take(piece));
            assert_eq!(reader.end(0), COUNTED);
        }
    }

    #[test]
    fn an_answer_that_is_not_streamed_counts_too() {
        let one_line = r#"{"object":"response","usage":{"input_tokens":3,"output_tokens":1}}"#;
        let laid_out = "{\n  \"object\": \"response\",\n  \"usage\": {\n    \"input_tokens\": 3,\n    \"output_tokens\": 1\n  }\n}";
        for (mut reader, text) in [
            (Reader::events(), one_line),
            (Reader::whole(), one_line),
            (Reader::whole(), laid_out),
        ] {
            text.as_bytes().chunks(7).for_each(|piece| reader.take(piece));
            assert_eq!(
                reader.end(0),
                Tokens {
                    input: 3,
                    output: 1,
                    ..Tokens::default()
                }
            );
        }
    }

    #[test]
    fn an_answer_without_a_count_is_estimated() {
        let mut reader = Reader::events();
        reader.take(b"data: {\"type\":\"response.created\"}\n\n");
        assert_eq!(
            reader.end(400),
            Tokens {
                input: 100,
                output: 8,
                ..Tokens::default()
            }
        );
    }
}
