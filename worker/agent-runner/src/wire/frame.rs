//! Frames on the control socket: `length: u32 | kind: u8 | payload`, big endian.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Largest message. Prompts and file contents travel as data, so messages stay small.
const MESSAGE_BYTES: usize = 256 * 1024;
/// Largest piece of data in one frame.
pub const DATA_BYTES: usize = 64 * 1024;
const DATA_HEADER: usize = 5;

const KIND_MESSAGE: u8 = 0;
const KIND_DATA: u8 = 1;

/// Standard output, or the body of a question or answer.
pub const CHANNEL_MAIN: u8 = 0;
/// Standard error of a program.
pub const CHANNEL_ERROR: u8 = 1;

/// One frame, either way.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame<M> {
    Message(M),
    Data { id: u32, channel: u8, bytes: Bytes },
}

/// Reads the next frame; `None` at the end of the stream.
///
/// # Errors
///
/// `InvalidData` for a frame that is too large or makes no sense: the connection is useless from there on.
pub async fn read<M, R>(stream: &mut R) -> io::Result<Option<Frame<M>>>
where
    M: DeserializeOwned,
    R: AsyncRead + Unpin,
{
    let length = match stream.read_u32().await {
        Ok(length) => length as usize,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let kind = stream.read_u8().await?;
    let bound = if kind == KIND_DATA {
        DATA_BYTES + DATA_HEADER
    } else {
        MESSAGE_BYTES
    };
    if length > bound {
        return Err(invalid(format!(
            "a frame of {length} bytes; at most {bound} are allowed"
        )));
    }
    let mut payload = BytesMut::zeroed(length);
    stream.read_exact(&mut payload).await?;
    match kind {
        KIND_MESSAGE => serde_json::from_slice(&payload)
            .map(Frame::Message)
            .map(Some)
            .map_err(invalid),
        KIND_DATA if length >= DATA_HEADER => {
            let id = payload.get_u32();
            let channel = payload.get_u8();
            Ok(Some(Frame::Data {
                id,
                channel,
                bytes: payload.freeze(),
            }))
        }
        other => Err(invalid(format!("a frame of unknown kind {other}"))),
    }
}

/// Writes one frame. Data longer than [`DATA_BYTES`] must be split by the caller.
///
/// # Errors
///
/// `InvalidData` for a frame above the bound, else what the stream said.
pub async fn write<M, W>(stream: &mut W, frame: &Frame<M>) -> io::Result<()>
where
    M: Serialize + Sync,
    W: AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::new();
    match frame {
        Frame::Message(message) => {
            let json = serde_json::to_vec(message).map_err(invalid)?;
            if json.len() > MESSAGE_BYTES {
                return Err(invalid(format!(
                    "a message of {} bytes; at most {MESSAGE_BYTES}",
                    json.len()
                )));
            }
            put_head(&mut buffer, json.len(), KIND_MESSAGE)?;
            buffer.extend_from_slice(&json);
        }
        Frame::Data { id, channel, bytes } => {
            if bytes.len() > DATA_BYTES {
                return Err(invalid(format!(
                    "a data frame of {} bytes; at most {DATA_BYTES}",
                    bytes.len()
                )));
            }
            put_head(&mut buffer, bytes.len() + DATA_HEADER, KIND_DATA)?;
            buffer.put_u32(*id);
            buffer.put_u8(*channel);
            buffer.extend_from_slice(bytes);
        }
    }
    stream.write_all(&buffer).await
}

fn put_head(buffer: &mut BytesMut, length: usize, kind: u8) -> io::Result<()> {
    buffer.put_u32(u32::try_from(length).map_err(invalid)?);
    buffer.put_u8(kind);
    Ok(())
}

fn invalid(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Ask, FromAgent, ToAgent};

    #[tokio::test]
    async fn frames_come_out_as_they_went_in() {
        let (mut near, mut far) = tokio::io::duplex(64);
        let ask = ToAgent::Ask {
            id: 7,
            ask: Ask::Stop { grace_ms: 5 },
        };
        let data = Frame::Data {
            id: 7,
            channel: CHANNEL_ERROR,
            bytes: Bytes::from_static(b"oh"),
        };
        tokio::spawn(async move {
            write(&mut near, &Frame::Message(ask)).await.expect("a pipe");
            write::<ToAgent, _>(&mut near, &data).await.expect("a pipe");
        });
        let first = read::<ToAgent, _>(&mut far).await.expect("a frame");
        assert!(matches!(
            first,
            Some(Frame::Message(ToAgent::Ask {
                id: 7,
                ask: Ask::Stop { grace_ms: 5 }
            }))
        ));
        let second = read::<ToAgent, _>(&mut far).await.expect("a frame");
        assert!(matches!(
            second,
            Some(Frame::Data { id: 7, channel: CHANNEL_ERROR, bytes }) if &bytes[..] == b"oh"
        ));
        assert!(read::<ToAgent, _>(&mut far).await.expect("an end").is_none());
    }

    #[tokio::test]
    async fn a_giant_frame_is_refused_before_it_is_read() {
        let mut head: &[u8] = &[0xff, 0xff, 0xff, 0xff, KIND_DATA];
        let error = read::<FromAgent, _>(&mut head).await.expect_err("too large");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
