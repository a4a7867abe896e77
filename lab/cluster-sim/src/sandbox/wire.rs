//! A document with its length before it, so that the reader takes no byte of what follows.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::spec::Report;

/// The longest document; a container's whole environment stands in it.
const LONGEST: u32 = 8 << 20;

/// Gives standard input without a buffer.
pub(super) fn input() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::Error::other("the container's spec is larger than 8 MiB"));
    }
    let mut document = vec![0; length as usize];
    input.read_exact(&mut document)?;
    Ok(serde_json::from_slice(&document)?)
}

pub(crate) fn encode(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(document)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(body);
    Ok(bytes)
}

/// Tells the kubelet; it is no error if nobody listens any more.
pub(super) fn report(report: &Report) {
    report_to(&mut io::stdout(), report);
}

/// Tells the kubelet through a copy of standard output.
pub(super) fn report_to(output: &mut impl Write, report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        output.write_all(&line).and_then(|()| output.flush()).ok();
    }
}
