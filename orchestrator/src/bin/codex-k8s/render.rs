use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use orchestrator::stack::{self, Stack, Values};

#[derive(Debug, Args)]
pub(crate) struct Render {
    /// The stack's file; manifests are found from its folder
    #[arg(long, default_value = "services.yaml", value_name = "FILE")]
    file: PathBuf,
    #[arg(long, default_value = "production")]
    environment: String,
    /// YAML file that maps names to values: images by digest, settings of this installation
    #[arg(long, value_name = "FILE")]
    values: Option<PathBuf>,
    /// One more value; it wins over the file. Never a secret: those are in Secrets
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

impl Render {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let stack = Stack::parse(&read(&self.file)?).with_context(|| self.file.display().to_string())?;
        let mut values = match &self.values {
            None => Values::new(),
            Some(file) => {
                serde_saphyr::from_str(&read(file)?).with_context(|| format!("{}", file.display()))?
            }
        };
        values.extend(self.set);
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let rendered = stack::render(&stack, &self.environment, &values, |path| {
            read(&folder.join(path)).map_err(|error| format!("{error:#}"))
        })
        .context("cannot render")?;
        print!("{rendered}");
        Ok(())
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
