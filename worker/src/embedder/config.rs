//! Which embedder, and where it is.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

/// What makes vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmbedderKind {
    /// all-MiniLM-L6-v2 on this machine: no text leaves it.
    Local,
    /// A service that speaks `/v1/embeddings`.
    #[value(name = "openai")]
    OpenAi,
    /// Search knows words alone.
    None,
}

/// The part of the worker's configuration that concerns vectors. It holds no secret: the key is read from a file.
#[derive(Clone, Debug, Args)]
pub struct EmbedderConfig {
    /// What makes vectors: the local model, a service, or nothing.
    #[arg(long, env = "CODEXK8S_EMBEDDER", value_enum, default_value = "local")]
    pub embedder: EmbedderKind,
    /// Folder with the files of the local model.
    #[arg(
        long,
        env = "CODEXK8S_EMBEDDER_WEIGHTS",
        default_value = "/usr/local/share/codexk8s/all-MiniLM-L6-v2"
    )]
    pub embedder_weights: PathBuf,
    /// The program that holds the local model; else it lies beside this one.
    #[arg(long, env = "CODEXK8S_EMBEDDER_PROGRAM")]
    pub embedder_program: Option<PathBuf>,
    /// Address of the service; requests go to `/embeddings` beneath it.
    #[arg(
        long,
        env = "CODEXK8S_EMBEDDER_URL",
        default_value = "https://api.openai.com/v1",
        value_parser = address
    )]
    pub embedder_url: Url,
    /// The service's name of the model.
    #[arg(
        long,
        env = "CODEXK8S_EMBEDDER_MODEL",
        default_value = "text-embedding-3-small"
    )]
    pub embedder_model: String,
    /// Numbers in a vector of that model.
    #[arg(long, env = "CODEXK8S_EMBEDDER_DIMS", default_value = "1536", value_parser = clap::value_parser!(i16).range(1..=4000))]
    pub embedder_dims: i16,
    /// File with the service's key. It is read anew for each request, so that a rotated key is the next one's.
    #[arg(long, env = "CODEXK8S_EMBEDDER_KEY_FILE")]
    pub embedder_key_file: Option<PathBuf>,
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if plain {
        return Ok(url);
    }
    Err("give an address of http or https alone, without user, query or fragment".to_owned())
}
