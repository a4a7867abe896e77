//! Reads what an answer of a model cost, as it passes through.

mod messages;
mod responses;

use contract::runner::Api;

use crate::supervisor::log::Lines;
use crate::supervisor::usage::Tokens;

/// Largest event read whole: it repeats the request's instructions, so it can be larger than a request may be.
const EVENT_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of text a token stands for, where the provider's own count is missing.
const BYTES_PER_TOKEN: u64 = 4;

/// Reads one answer, in either form the APIs have.
pub(super) struct Reader {
    form: Form,
    count: Count,
    bytes: u64,
}

enum Form {
    Events(Lines),
    /// One JSON text, in whatever layout.
    Whole(Vec<u8>),
}

/// What the answer says of its cost.
enum Count {
    Responses(Option<Tokens>),
    Messages(messages::Count),
}

impl Reader {
    pub(super) fn events(api: Api) -> Self {
        Self::of(api, Form::Events(Lines::with_limit(EVENT_BYTES)))
    }

    pub(super) fn whole(api: Api) -> Self {
        Self::of(api, Form::Whole(Vec::new()))
    }

    fn of(api: Api, form: Form) -> Self {
        let count = match api {
            Api::Responses => Count::Responses(None),
            Api::Messages => Count::Messages(messages::Count::default()),
        };
        Self {
            form,
            count,
            bytes: 0,
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let count = &mut self.count;
        match &mut self.form {
            Form::Events(lines) => lines.take(bytes, |line| count.look(line)),
            Form::Whole(text) => text.extend(&bytes[..bytes.len().min(EVENT_BYTES - text.len())]),
        }
    }

    /// Returns the tokens; without the provider's count, an estimate from the bytes both ways, so that cutting an
    /// answer short is not a way around the budget.
    pub(super) fn end(mut self, request_bytes: u64) -> Tokens {
        let count = &mut self.count;
        match &mut self.form {
            Form::Events(lines) => lines.end(|line| count.look(line)),
            Form::Whole(text) => count.look(&String::from_utf8_lossy(text)),
        }
        let estimate = Tokens {
            input: request_bytes / BYTES_PER_TOKEN,
            output: self.bytes / BYTES_PER_TOKEN,
            ..Tokens::default()
        };
        match self.count {
            Count::Responses(tokens) => tokens.unwrap_or(estimate),
            Count::Messages(count) => count.end(estimate),
        }
    }
}

impl Count {
    /// A text is an SSE field, or the JSON of an answer that is not streamed.
    fn look(&mut self, line: &str) {
        let json = line.strip_prefix("data:").unwrap_or(line).trim();
        if !json.starts_with('{') || !json.contains("\"usage\"") {
            return;
        }
        match self {
            Self::Responses(tokens) => *tokens = responses::tokens(json).or(*tokens),
            Self::Messages(count) => count.take(json),
        }
    }
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
            let mut reader = Reader::events(Api::Responses);
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
            (Reader::events(Api::Responses), one_line),
            (Reader::whole(Api::Responses), one_line),
            (Reader::whole(Api::Responses), laid_out),
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
        let mut reader = Reader::events(Api::Responses);
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

    const START: &str = r#"data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":10,"cache_creation_input_tokens":8,"cache_read_input_tokens":4,"output_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":4}}}}"#;
    const DELTA: &str = r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":50,"output_tokens_details":{"thinking_tokens":20}}}"#;
    /// Ten fresh, four read from the cache, four written to it for minutes and four for an hour.
    const INPUT: u64 = 10 + 4 + 5 + 8;

    fn messages(pieces: &[&str]) -> Tokens {
        let mut reader = Reader::events(Api::Messages);
        pieces
            .join("\n\n")
            .as_bytes()
            .chunks(7)
            .for_each(|piece| reader.take(piece));
        reader.end(400)
    }

    #[test]
    fn the_begin_and_the_end_of_a_message_make_its_count() {
        let counted = Tokens {
            input: INPUT,
            cached_input: 4,
            output: 50,
            reasoning: 20,
        };
        assert_eq!(messages(&["event: message_start", START, DELTA, ""]), counted);
        // What stands in a text is no count.
        let text = r#"data: {"type":"content_block_delta","delta":{"text":"\"usage\""},"usage":{"output_tokens":9000}}"#;
        assert_eq!(messages(&[START, text, DELTA]), counted);
        let compacted = r#"data: {"type":"message_delta","usage":{"output_tokens":50,"iterations":[{"output_tokens":50},{"output_tokens":70}]}}"#;
        assert_eq!(messages(&[START, compacted]).output, 120);
    }

    #[test]
    fn a_message_that_breaks_off_is_estimated() {
        let long = format!(
            "data: {{\"type\":\"content_block_delta\",\"delta\":\"{}\"}}",
            "x".repeat(4000)
        );
        let cut = messages(&[START, &long]);
        assert_eq!((cut.input, cut.cached_input), (INPUT, 4));
        assert!(cut.output > 1000, "{cut:?}");
        let nothing = messages(&["data: {\"type\":\"ping\"}"]);
        assert_eq!((nothing.input, nothing.output), (100, 5));
    }

    #[test]
    fn a_message_that_is_not_streamed_counts_too() {
        let one_line = r#"{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":1}}"#;
        let laid_out = "{\n  \"type\": \"message\",\n  \"usage\": {\n    \"input_tokens\": 3,\n    \"output_tokens\": 1\n  }\n}";
        for (mut reader, text) in [
            (Reader::events(Api::Messages), one_line),
            (Reader::whole(Api::Messages), one_line),
            (Reader::whole(Api::Messages), laid_out),
        ] {
            text.as_bytes().chunks(7).for_each(|piece| reader.take(piece));
            let tokens = reader.end(0);
            assert_eq!((tokens.input, tokens.output), (3, 1), "{text}");
        }
    }
}
