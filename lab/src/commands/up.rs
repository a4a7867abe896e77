//! Starting and stopping a lab.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lab::{Endpoints, Lab, Lock};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use telemetry::Shutdown;

use super::{LabArgs, doctor, log};

/// A lab that was told to end has this long.
const GRACE: Duration = Duration::from_mins(1);

pub(crate) fn up(args: &LabArgs) -> anyhow::Result<ExitCode> {
    let missing = doctor::missing();
    if !missing.is_empty() {
        for fix in &missing {
            eprintln!("{fix}");
        }
        return Ok(ExitCode::FAILURE);
    }
    // Before its log is begun anew.
    refuse_second(&args.dir)?;
    log::init(&args.dir)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let began = Instant::now();
            let shutdown = Shutdown::on_signals()?;
            let mut config = args.config()?;
            let folder = config.dir.clone();
            config.console = Some(tokio::task::spawn_blocking(move || lab::console(&folder)).await??);
            let mut starting = std::pin::pin!(Lab::start(config));
            let lab = tokio::select! {
                lab = &mut starting => lab?,
                () = shutdown.begun() => return Ok(ExitCode::FAILURE),
            };
            println!("{}", notice(&lab.endpoints, &args.dir, began.elapsed()));
            println!("{}", next(&lab.endpoints));
            shutdown.begun().await;
            lab.stop().await?;
            Ok(ExitCode::SUCCESS)
        })
}

fn refuse_second(dir: &Path) -> anyhow::Result<()> {
    if Lock::holder(dir).is_some() {
        bail!(
            "a lab runs in {} already; stop it with `make down`, or choose LAB_DIR and LAB_PORT",
            dir.display()
        );
    }
    Ok(())
}

/// What this is, and where everything is.
pub(super) fn notice(endpoints: &Endpoints, dir: &Path, took: Duration) -> String {
    let isolation = match endpoints.isolation.as_str() {
        "None" => "NO ISOLATION: this host does not let the lab keep agents apart".to_owned(),
        kind => format!("containers are kept apart by namespaces ({kind})"),
    };
    let internal = endpoints
        .internal_url
        .as_deref()
        .unwrap_or("each program has its own (LAB_SPLIT=1)");
    let mut tokens = String::new();
    for (role, token) in &endpoints.tokens {
        let _ = write!(tokens, "\n  {role:<18} {token}");
    }
    let Endpoints {
        gateway_url,
        github_url,
        login_url,
        mcp_url,
        webhook_url,
        model_url,
        kubeconfig,
        ..
    } = endpoints;
    format!(
        "
DEMO. Everything here is simulated but the platform itself; nothing listens beyond this machine.
up after {:.1} s; {isolation}

  console            {gateway_url}
  GitHub simulator   {}
  sign in            {login_url} (open the GitHub simulator first: it gives this browser the lab's key)
  tools (MCP)        {mcp_url}
  webhooks           {webhook_url}
  scripted model     {model_url}
  cluster            kubectl --kubeconfig {}
  health, metrics    {internal}
  for scripts        {} (all of this, and the key of {github_url}/_sim/)
  log                {}

Service tokens for the tools, one per role, good for this lab only:
{tokens}
",
        took.as_secs_f64(),
        endpoints.page("issues"),
        kubeconfig.display(),
        Endpoints::file(dir).display(),
        log::file(dir).display(),
    )
}

fn next(endpoints: &Endpoints) -> String {
    format!(
        "Next: open {} and set the label run:dev, or run `make demo` in another terminal.\nStop with Ctrl-C.",
        endpoints.page("issues/1")
    )
}

pub(crate) fn down(args: &LabArgs) -> anyhow::Result<ExitCode> {
    if stop(&args.dir)? {
        println!("stopped");
    } else {
        println!("no lab runs in {}", args.dir.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends the lab that runs in this folder; answers whether there was one.
fn stop(dir: &Path) -> anyhow::Result<bool> {
    let Some(holder) = Lock::holder(dir) else {
        return Ok(false);
    };
    let pid = Pid::from_raw(i32::try_from(holder)?);
    kill(pid, Signal::SIGTERM).context("telling the lab to end")?;
    let began = Instant::now();
    while Lock::holder(dir) == Some(holder) {
        if began.elapsed() > GRACE {
            bail!("the lab (process {pid}) did not end within {} s", GRACE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(true)
}

/// Stops the lab, if one runs, and forgets what it kept.
pub(crate) fn reset(args: &LabArgs) -> anyhow::Result<ExitCode> {
    let known = args.dir.join("secrets").is_dir() || args.dir.join("postgres").is_dir();
    if args.dir.exists() && !known {
        bail!(
            "{} does not look like a lab's folder; not removing it",
            args.dir.display()
        );
    }
    stop(&args.dir)?;
    if args.dir.exists() {
        std::fs::remove_dir_all(&args.dir).with_context(|| format!("removing {}", args.dir.display()))?;
    }
    println!("forgotten");
    Ok(ExitCode::SUCCESS)
}

/// Shows the end of the log, and what comes while the lab runs.
pub(crate) fn logs(args: &LabArgs) -> anyhow::Result<ExitCode> {
    log::follow(&args.dir, || Lock::holder(&args.dir).is_some())?;
    Ok(ExitCode::SUCCESS)
}
