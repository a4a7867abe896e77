//! Something in the place of the tools that sends piece by piece, and notices who listens.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use url::Url;

pub(crate) struct Upstream {
    pub(crate) url: Url,
    /// The head of each request, as it came.
    pub(crate) heads: mpsc::Receiver<String>,
    /// Sends one event to whoever listens now.
    pub(crate) say: mpsc::Sender<&'static str>,
    /// Says that the listener went.
    pub(crate) gone: mpsc::Receiver<()>,
}

impl Upstream {
    /// Answers one request with an endless stream of events.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let (tell_head, heads) = mpsc::channel(8);
        let (say, said) = mpsc::channel(8);
        let (tell_gone, gone) = mpsc::channel(8);
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, tell_head, said, tell_gone).await;
        });
        Self {
            url,
            heads,
            say,
            gone,
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    tell_head: mpsc::Sender<String>,
    mut said: mpsc::Receiver<&'static str>,
    tell_gone: mpsc::Sender<()>,
) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "a whole head");
        head.extend_from_slice(&piece[..read]);
    }
    tell_head
        .send(String::from_utf8_lossy(&head).to_lowercase())
        .await
        .unwrap();
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
                  set-cookie: mine=1\r\n\r\n";
    stream.write_all(answer.as_bytes()).await.unwrap();
    let mut rest = [0; 1024];
    loop {
        tokio::select! {
            event = said.recv() => {
                let Some(event) = event else { return };
                let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                stream.write_all(chunk.as_bytes()).await.unwrap();
            }
            read = stream.read(&mut rest) => {
                if matches!(read, Ok(0) | Err(_)) {
                    let _ = tell_gone.send(()).await;
                    return;
                }
            }
        }
    }
}
