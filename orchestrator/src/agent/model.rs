//! Models and their prices.

use url::Url;

use crate::actor::words;

/// A model of the catalogue. Profiles name models; only the catalogue knows hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    pub model: String,
    pub api: Api,
    /// Base URL of the provider's API.
    pub base_url: String,
    /// Millionths of a US dollar per million tokens; none where unknown.
    pub input_micro_usd: Option<i64>,
    pub cached_input_micro_usd: Option<i64>,
    pub output_micro_usd: Option<i64>,
}

/// What a model's host speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// The Responses API, which Codex speaks: `POST <base URL>/responses`.
    #[default]
    Responses,
    /// The Messages API, which Claude Code speaks: `POST <base URL>/messages`.
    Messages,
}

words!(Api: Responses = "responses", Messages = "messages");

/// Tokens of some requests. Cached ones are part of the input, reasoning ones part of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: i64,
    pub cached_input: i64,
    pub output: i64,
}

/// Checks where a model's API is: a plain address that requests are made below. A key is kept for its place alone, so an
/// address that moves takes no key along.
///
/// # Errors
///
/// What an address looks like.
pub fn check_base_url(base_url: &str) -> Result<(), String> {
    let url: Url = base_url
        .parse()
        .map_err(|_| format!("base_url: {base_url:?} is no address; write https://host/path"))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        Ok(())
    } else {
        Err("base_url: write https://host/path, without a user, a query or a fragment".to_owned())
    }
}

/// What the tokens cost in millionths of a US dollar, rounded up; none if a price that is needed is unknown.
pub fn cost_micro_usd(model: &Model, tokens: Tokens) -> Option<i64> {
    let cached = tokens.cached_input.clamp(0, tokens.input.max(0));
    let fresh = tokens.input.max(0) - cached;
    // A provider without a price for cached input takes the full one.
    let cached_price = model.cached_input_micro_usd.or(model.input_micro_usd);
    let parts = [
        part(fresh, model.input_micro_usd)?,
        part(cached, cached_price)?,
        part(tokens.output.max(0), model.output_micro_usd)?,
    ];
    let millionths: i128 = parts.into_iter().sum();
    i64::try_from((millionths + 999_999) / 1_000_000).ok()
}

fn part(tokens: i64, price: Option<i64>) -> Option<i128> {
    if tokens == 0 {
        Some(0)
    } else {
        price.map(|price| i128::from(tokens) * i128::from(price))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::nothing(Tokens::default(), Some(0))]
    #[case::all_parts(Tokens { input: 1_000_000, cached_input: 400_000, output: 100_000 }, Some(750_000 + 50_000 + 1_000_000))]
    #[case::rounds_up(Tokens { input: 1, cached_input: 0, output: 0 }, Some(2))]
    #[case::more_cached_than_input(Tokens { input: 1_000_000, cached_input: 9_000_000, output: 0 }, Some(125_000))]
    #[case::overflow(Tokens { input: i64::MAX, cached_input: 0, output: i64::MAX }, None)]
    fn costs(#[case] tokens: Tokens, #[case] expected: Option<i64>) {
        assert_eq!(cost_micro_usd(&model(), tokens), expected);
    }

    #[rstest::rstest]
    #[case("https://api.example.com/v1", true)]
    #[case("http://vllm.models.svc:8000/v1", true)]
    #[case("https://user:pass@api.example.com", false)]
    #[case("https://api.example.com/v1?key=x", false)]
    #[case("https://api.example.com/v1#x", false)]
    #[case("file:///etc/passwd", false)]
    #[case("data:text/plain,x", false)]
    #[case("api.example.com", false)]
    fn a_models_address_is_plain(#[case] base_url: &str, #[case] fine: bool) {
        assert_eq!(check_base_url(base_url).is_ok(), fine);
    }

    #[test]
    fn an_unknown_price_is_no_price() {
        let unpriced = Model {
            output_micro_usd: None,
            ..model()
        };
        assert_eq!(
            cost_micro_usd(
                &unpriced,
                Tokens {
                    output: 1,
                    ..Tokens::default()
                }
            ),
            None
        );
        assert_eq!(
            cost_micro_usd(
                &unpriced,
                Tokens {
                    input: 8,
                    ..Tokens::default()
                }
            ),
            Some(10)
        );
    }

    fn model() -> Model {
        Model {
            model: "m".into(),
            api: Api::Responses,
            base_url: "https://models.example".into(),
            input_micro_usd: Some(1_250_000),
            cached_input_micro_usd: Some(125_000),
            output_micro_usd: Some(10_000_000),
        }
    }
}
