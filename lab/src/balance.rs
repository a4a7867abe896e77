//! One address before several replicas, as a Service is in a cluster: each connection goes to the next that answers.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// A replica that is being started again does not answer at once.
const CONNECT: Duration = Duration::from_secs(1);

/// Passes connections on until the task is dropped.
pub(crate) async fn balance(front: TcpListener, replicas: Vec<SocketAddr>) {
    let mut next = 0;
    loop {
        let Ok((client, _)) = front.accept().await else {
            continue;
        };
        let _ = client.set_nodelay(true);
        let order: Vec<SocketAddr> = (0..replicas.len())
            .map(|step| replicas[(next + step) % replicas.len()])
            .collect();
        next = (next + 1) % replicas.len();
        tokio::spawn(pass(client, order));
    }
}

async fn pass(mut client: TcpStream, order: Vec<SocketAddr>) {
    for replica in order {
        if let Ok(Ok(mut server)) = tokio::time::timeout(CONNECT, TcpStream::connect(replica)).await {
            let _ = server.set_nodelay(true);
            // Either side may leave at any time; that is no error of ours.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}

/// Addresses nobody listens on now.
pub(crate) fn free_addresses(count: usize) -> std::io::Result<Vec<SocketAddr>> {
    // Held all at once, so that no two are the same.
    let held: Vec<_> = (0..count)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()?;
    held.iter().map(std::net::TcpListener::local_addr).collect()
}
