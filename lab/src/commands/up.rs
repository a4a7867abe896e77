//! Starting and stopping a lab.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lab::{Endpoints, Lab};
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
    if Endpoints::read(&args.dir).is_ok_and(|there| is_alive(there.pid)) {
        bail!(
            "a lab runs in {} already; stop it with `make down`, or choose LAB_DIR and LAB_PORT",
            args.dir.display()
        );
    }
    log::init(&args.dir)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let began = Instant::now();
            let shutdown = Shutdown::on_signals()?;
            let config = args.config()?;
            let mut starting = std::pin::pin!(Lab::start(config));
            let lab = tokio::select! {
                lab = &mut starting => lab?,
                () = shutdown.begun() => return Ok(ExitCode::FAILURE),
            };
            println!("{}", notice(&lab.endpoints, &args.dir, began.elapsed()));
            shutdown.begun().await;
            lab.stop().await?;
            Ok(ExitCode::SUCCESS)
        })
}

fn notice(endpoints: &Endpoints, dir: &Path, took: Duration) -> String {
    let isolation = match endpoints.isolation.as_str() {
        "None" => "NO ISOLATION: this host does not let the lab keep agents apart".to_owned(),
        kind => format!("containers are kept apart by namespaces ({kind})"),
    };
    let internal = endpoints
        .internal_url
        .as_deref()
        .unwrap_or("each program has its own (LAB_SPLIT=1)");
    let Endpoints {
        github_url,
        mcp_url,
        webhook_url,
        model_url,
        kubeconfig,
        repository,
        ..
    } = endpoints;
    format!(
        "
DEMO. Everything here is simulated but the platform itself; nothing listens beyond this machine.
up after {:.1} s; {isolation}

  GitHub simulator   {github_url}/{repository}/issues
  tools (MCP)        {mcp_url}
  webhooks           {webhook_url}
  scripted model     {model_url}
  cluster            kubectl --kubeconfig {}
  health, metrics    {internal}
  for scripts        {} (addresses and one service token per role)
  log                {}

Next: open {github_url}/{repository}/issues/1 and set the label run:dev, or run `make demo` in another terminal.
Stop with Ctrl-C.
",
        took.as_secs_f64(),
        kubeconfig.display(),
        Endpoints::file(dir).display(),
        log::file(dir).display(),
    )
}

pub(crate) fn down(args: &LabArgs) -> anyhow::Result<ExitCode> {
    let endpoints = Endpoints::read(&args.dir)?;
    if !is_alive(endpoints.pid) {
        println!("the lab has ended already");
        return Ok(ExitCode::SUCCESS);
    }
    let pid = Pid::from_raw(i32::try_from(endpoints.pid)?);
    kill(pid, Signal::SIGTERM).context("telling the lab to end")?;
    let began = Instant::now();
    while is_alive(endpoints.pid) {
        if began.elapsed() > GRACE {
            bail!("the lab (process {pid}) did not end within {} s", GRACE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("stopped");
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn reset(args: &LabArgs) -> anyhow::Result<ExitCode> {
    if Endpoints::read(&args.dir).is_ok_and(|there| is_alive(there.pid)) {
        bail!(
            "a lab runs in {}; stop it first with `make down`",
            args.dir.display()
        );
    }
    let known = args.dir.join("secrets").is_dir() || args.dir.join("postgres").is_dir();
    if args.dir.exists() && !known {
        bail!(
            "{} does not look like a lab's folder; not removing it",
            args.dir.display()
        );
    }
    if args.dir.exists() {
        std::fs::remove_dir_all(&args.dir).with_context(|| format!("removing {}", args.dir.display()))?;
    }
    println!("forgotten");
    Ok(ExitCode::SUCCESS)
}

/// Shows the end of the log, and what comes while the lab runs.
pub(crate) fn logs(args: &LabArgs) -> anyhow::Result<ExitCode> {
    let running = || Endpoints::read(&args.dir).is_ok_and(|there| is_alive(there.pid));
    log::follow(&args.dir, running)?;
    Ok(ExitCode::SUCCESS)
}

fn is_alive(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None).is_ok())
}
