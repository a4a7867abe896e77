//! An agent's container that is not the one it should be: it speaks the protocol, and lies.

use std::path::Path;
use std::time::Duration;

use agent_runner::wire::frame::{self, CHANNEL_MAIN, DATA_BYTES, Frame};
use agent_runner::wire::{
    Ask, Exited, FromAgent, Places, Refusal, Reply, SOCKET_NAME, ToAgent, WIRE_VERSION,
};
use bytes::Bytes;
use contract::runner::Finish;
use tokio::net::UnixStream;

use crate::kit::{World, finish_of};

/// What the liar sends as the bundle.
#[derive(Clone, Copy)]
enum Lie {
    Endless,
    Garbage,
}

async fn connect(socket: &Path) -> UnixStream {
    loop {
        if let Ok(stream) = UnixStream::connect(socket).await {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn play(world: &World, lie: Lie) {
    let mut stream = connect(&world.path("control").join(SOCKET_NAME)).await;
    let places = Places {
        home: "/home/agent".into(),
        workspace: "/workspace".into(),
    };
    let hello = FromAgent::Hello {
        version: WIRE_VERSION,
        nonce: None,
        terminating: false,
        places,
    };
    frame::write(&mut stream, &Frame::Message(hello))
        .await
        .expect("sent");
    while let Ok(Some(next)) = frame::read::<ToAgent, _>(&mut stream).await {
        let (id, ask) = match next {
            Frame::Message(ToAgent::Ask { id, ask }) => (id, ask),
            Frame::Message(ToAgent::Exit { .. }) => return,
            _ => continue,
        };
        let reply = match ask {
            Ask::Exec(_) => Reply::Exited(Exited {
                code: Some(0),
                signal: None,
                oom: false,
            }),
            Ask::Commit(_) => Reply::Committed { head: "0".repeat(40) },
            Ask::ReadFile { .. } => Reply::Refused {
                refusal: Refusal::NotFound,
                message: String::new(),
            },
            Ask::Bundle(_) => {
                let pieces = if matches!(lie, Lie::Endless) { 40 } else { 1 };
                for _ in 0..pieces {
                    let bytes = Bytes::from(vec![b'x'; DATA_BYTES]);
                    let data: Frame<FromAgent> = Frame::Data {
                        id,
                        channel: CHANNEL_MAIN,
                        bytes,
                    };
                    frame::write(&mut stream, &data).await.expect("sent");
                }
                Reply::Bundled {
                    head: "1".repeat(40),
                    tree: "2".repeat(40),
                }
            }
            _ => Reply::Done,
        };
        frame::write(&mut stream, &Frame::Message(FromAgent::Reply { id, reply }))
            .await
            .expect("sent");
    }
}

async fn lied_to(lie: Lie) -> Finish {
    let world = World::with("true", |context| context.limits.bundle_bytes = 1_000_000).await;
    let mut supervisor = world.start_supervisor();
    play(&world, lie).await;
    supervisor.wait().await.expect("it ends");
    let bundles = std::fs::read_dir(world.path("private"))
        .expect("readable")
        .flatten();
    let left = bundles
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "bundle"))
        .count();
    assert_eq!(left, 0, "what was refused is not kept");
    finish_of(&world.platform)
}

#[tokio::test]
async fn more_bytes_than_allowed_are_not_taken() {
    assert_eq!(
        lied_to(Lie::Endless).await.sub_reason.as_deref(),
        Some("bundle_too_large")
    );
}

#[tokio::test]
async fn a_bundle_that_is_none_is_refused() {
    assert_eq!(
        lied_to(Lie::Garbage).await.sub_reason.as_deref(),
        Some("bundle_refused")
    );
}
