//! Ways to make the gateway ask where it must not, against a listener that counts who comes.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::fetch::{Fetched, Fetcher, Resolve};
use super::public::is_public;
use super::{Refused, address, read};

/// A listener where nobody should come; it answers what it is told to.
struct Canary {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Canary {
    async fn new(answer: impl Into<Vec<u8>>, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(AtomicUsize::new(0));
        let (seen, answer) = (Arc::clone(&visits), answer.into());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                seen.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4096]).await;
                    for piece in answer.chunks(1024) {
                        let _ = stream.write_all(piece).await;
                        tokio::time::sleep(pause).await;
                    }
                });
            }
        });
        Self { port, visits }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn answering(addresses: &[&str]) -> Resolve {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Arc::new(move |_| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok::<_, io::Error>(addresses) })
    })
}

/// As the gateway asks, with every host that the id could mean on the list: the address's own walls must hold.
async fn ask(
    client_id: &str,
    resolve: Resolve,
    guard: fn(IpAddr) -> bool,
    port: u16,
) -> Result<Fetched, Refused> {
    let hosts: Vec<String> = [
        "evil.example",
        "localhost",
        "metadata.google.internal",
        "kubernetes.default.svc",
        "a.example.",
        "localhost.",
        "127.0.0.1.nip.io",
        "xn--localhost-9o3g.example",
        "mcp-server",
        "evil.example.",
        "[::1]",
        "127.0.0.1",
    ]
    .map(str::to_owned)
    .into();
    let (id, host) = address(client_id, &hosts)?;
    Fetcher::for_test(resolve, guard, port).fetch(&host, &id).await
}

const ID: &str = "https://evil.example/client.json";

/// Ids that are addresses in disguise; `PORT` is the canary's.
const IDS: &[&str] = &[
    "http://127.0.0.1:PORT/c",
    "http://localhost:PORT/c",
    "http://evil.example/c",
    "https://127.0.0.1:PORT/c",
    "https://127.0.0.1/c",
    "https://127.1/c",
    "https://127.0.1/c",
    "https://2130706433/c",
    "https://2130706433:PORT/c",
    "https://0x7f000001/c",
    "https://0x7f.0.0.1/c",
    "https://0x7f.1/c",
    "https://0177.0.0.1/c",
    "https://017700000001/c",
    "https://00000177.0.0.1/c",
    "https://127.0.0.1./c",
    "https://0/c",
    "https://0.0.0.0/c",
    "https://0.0.0.0:PORT/c",
    "https://10.0.0.1/c",
    "https://172.16.0.1/c",
    "https://192.168.0.1/c",
    "https://169.254.169.254/latest/meta-data",
    "https://169.254.170.2/c",
    "https://2852039166/c",
    "https://0xa9fea9fe/c",
    "https://100.100.100.200/c",
    "https://168.63.129.16/c",
    "https://100.64.0.1/c",
    "https://[::1]/c",
    "https://[::1]:PORT/c",
    "https://[::]/c",
    "https://[0:0:0:0:0:0:0:1]/c",
    "https://[::ffff:127.0.0.1]/c",
    "https://[::ffff:7f00:1]/c",
    "https://[::ffff:7f00:1]:PORT/c",
    "https://[::127.0.0.1]/c",
    "https://[64:ff9b::7f00:1]/c",
    "https://[2002:7f00:1::]/c",
    "https://[fe80::1]/c",
    "https://[fe80::1%25eth0]/c",
    "https://[fc00::1]/c",
    "https://[fd00:ec2::254]/c",
    "https://[ff02::1]/c",
    "https://[2001:db8::1]/c",
    "https://①②⑦.⓪.⓪.①/c",
    "https://１２７.0.0.1/c",
    "https://127。0。0。1/c",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/c",
    "https://evil.example@127.0.0.1/c",
    "https://evil.example:pw@127.0.0.1:PORT/c",
    "https://127.0.0.1@evil.example/c",
    "https://evil.example%40127.0.0.1/c",
    "https://evil.example#@127.0.0.1/c",
    "https://127.0.0.1#evil.example/c",
    "https://127.0.0.1\\@evil.example/c",
    "https:\\\\127.0.0.1/c",
    "https:///127.0.0.1/c",
    "https:127.0.0.1/c",
    "https://%31%32%37.0.0.1/c",
    "https://127.0.0.1%00.evil.example/c",
    "https://evil.example:PORT/c",
    "https://evil.example:22/c",
    "https://evil.example:443/c",
    "https://evil.example:0/c",
    "https://evil.example:/c",
    "https://evil.example/../c",
    "https://evil.example/a/%2e%2e/c",
    "https://evil.example/c#f",
    "https://evil.example/c?u=http://127.0.0.1",
    "https://evil.example",
    "https://EVIL.example/c",
    "https://evil.example\t/c",
    "https://evil.example\n/c",
    " https://evil.example/c",
    "https://evil.example/c ",
    "https://evil.exa\u{ad}mple/c",
    "https:// /c",
    "file:///etc/passwd",
    "ftp://evil.example/c",
    "gopher://127.0.0.1:PORT/_c",
    "dict://127.0.0.1:PORT/c",
    "ldap://127.0.0.1:PORT/c",
    "jar:https://evil.example!/c",
    "data:application/json,{}",
    "javascript:fetch()",
    "unix:/var/run/docker.sock",
    "https+unix://evil.example/c",
    "HTTPS://evil.example/c",
    "//evil.example/c",
    ":",
    "",
];

/// What a name that looks harmless resolves to.
const ANSWERS: &[&[&str]] = &[
    &["127.0.0.1"],
    &["127.0.0.2"],
    &["0.0.0.0"],
    &["10.1.2.3"],
    &["172.31.255.255"],
    &["192.168.1.1"],
    &["169.254.169.254"],
    &["100.100.100.200"],
    &["168.63.129.16"],
    &["192.0.0.192"],
    &["198.18.0.1"],
    &["224.0.0.1"],
    &["255.255.255.255"],
    &["::1"],
    &["::"],
    &["::ffff:127.0.0.1"],
    &["::ffff:169.254.169.254"],
    &["::127.0.0.1"],
    &["64:ff9b::7f00:1"],
    &["64:ff9b:1::7f00:1"],
    &["2002:7f00:1::"],
    &["2001:0:7f00:1::"],
    &["fe80::1"],
    &["fc00::1"],
    &["fd00:ec2::254"],
    &["fec0::1"],
    &["ff02::1"],
    &["100::1"],
    &["2001:db8::1"],
    &["3fff::1"],
    &["5f00::1"],
    &["1.1.1.1", "127.0.0.1"],
    &["127.0.0.1", "1.1.1.1"],
    &["2606:4700::1111", "::1"],
    &[],
];

#[tokio::test]
async fn nobody_is_sent_where_only_we_may_go() {
    let canary = Canary::new(http("200 OK", "", "{}"), Duration::ZERO).await;
    assert!(IDS.len() + ANSWERS.len() >= 80, "{}", IDS.len() + ANSWERS.len());
    for id in IDS {
        let id = id.replace("PORT", &canary.port.to_string());
        // Were the id's own form not refused, the name would lead to the canary.
        let asked = ask(&id, answering(&["127.0.0.1"]), is_public, canary.port).await;
        assert!(asked.is_err(), "{id}: {asked:?}");
        assert!(!matches!(asked, Err(Refused::NotPublic)), "{id} was looked up");
    }
    for name in [
        "localhost",
        "metadata.google.internal",
        "kubernetes.default.svc",
        "127.0.0.1.nip.io",
        "mcp-server",
    ] {
        let id = format!("https://{name}/client.json");
        let asked = ask(&id, answering(&["127.0.0.1"]), is_public, canary.port).await;
        assert!(asked.is_err(), "{id}: {asked:?}");
    }
    for answers in ANSWERS {
        let asked = ask(ID, answering(answers), is_public, canary.port).await;
        assert!(matches!(asked, Err(Refused::NotPublic)), "{answers:?}: {asked:?}");
    }
    let unlisted = address("https://unlisted.example/c", &["evil.example".to_owned()]);
    assert!(matches!(unlisted, Err(Refused::Host)), "{unlisted:?}");
    assert_eq!(canary.visits(), 0);

    // The same question reaches the canary with the guard off: the table can fail.
    let asked = ask(ID, answering(&["127.0.0.1"]), |_| true, canary.port).await;
    assert_eq!(asked.expect("it answers").body, b"{}");
    assert_eq!(canary.visits(), 1);
}

#[tokio::test]
async fn a_name_is_looked_up_once() {
    let canary = Canary::new(http("200 OK", "", "{}"), Duration::ZERO).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    // Public when it is judged, and this machine ever after.
    let rebinding: Resolve = Arc::new(move |_| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        let address = if first { [192, 0, 9, 1] } else { [127, 0, 0, 1] };
        Box::pin(async move { Ok(vec![IpAddr::V4(Ipv4Addr::from(address))]) })
    });
    let read = ask(ID, rebinding, is_public, canary.port).await;
    assert!(matches!(read, Err(Refused::Unread(_))), "{read:?}");
    assert_eq!((asked.load(Ordering::SeqCst), canary.visits()), (1, 0));
}

#[rstest]
#[case("301 Moved Permanently")]
#[case("302 Found")]
#[case("303 See Other")]
#[case("307 Temporary Redirect")]
#[case("308 Permanent Redirect")]
#[tokio::test]
async fn nobody_is_followed(#[case] status: &str) {
    let canary = Canary::new(http("200 OK", "", "{}"), Duration::ZERO).await;
    let to = format!("location: http://127.0.0.1:{}/c\r\n", canary.port);
    let front = Canary::new(http(status, &to, ""), Duration::ZERO).await;
    let read = ask(ID, answering(&["127.0.0.1"]), |_| true, front.port).await;
    assert!(matches!(read, Err(Refused::Unread(_))), "{read:?}");
    assert_eq!((front.visits(), canary.visits()), (1, 0));
}

#[rstest]
#[case::too_large(http("200 OK", "", &"x".repeat(5121)), 0)]
#[case::no_end("HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(64 * 1024), 0)]
#[case::slow(http("200 OK", "", &"x".repeat(4096)), 300)]
#[case::broken("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}".into(), 0)]
#[case::not_found(http("404 Not Found", "", "{}"), 0)]
#[case::error(http("500 Internal Server Error", "", "{}"), 0)]
#[tokio::test]
async fn what_is_too_large_slow_or_wrong_is_left(#[case] answer: String, #[case] pause_ms: u64) {
    let host = Canary::new(answer, Duration::from_millis(pause_ms)).await;
    let read = ask(ID, answering(&["127.0.0.1"]), |_| true, host.port).await;
    assert!(matches!(read, Err(Refused::Unread(_))), "{read:?}");
    assert_eq!(host.visits(), 1);
}

#[rstest]
#[case("max-age=120", Some(120))]
#[case("public, Max-Age=60", Some(60))]
#[case("no-store, max-age=60", Some(0))]
#[case("private", None)]
#[tokio::test]
async fn a_document_is_kept_as_its_host_says(#[case] header: &str, #[case] expected: Option<u64>) {
    let header = format!("cache-control: {header}\r\n");
    let host = Canary::new(http("200 OK", &header, "{}"), Duration::ZERO).await;
    let read = ask(ID, answering(&["127.0.0.1"]), |_| true, host.port)
        .await
        .unwrap();
    assert_eq!(read.max_age, expected);
}

#[rstest]
// As Claude Code's: loopback addresses without a port, of another origin than the document's.
#[case(r#"{"client_id":"ID","client_name":"Claude","redirect_uris":["http://localhost/callback","http://127.0.0.1/callback"],"grant_types":["authorization_code","refresh_token","urn:x"],"token_endpoint_auth_method":"none","scope":"a b"}"#, Some(2))]
#[case(
    r#"{"client_id":"ID","redirect_uris":["http://localhost/cb","myapp://cb"]}"#,
    Some(1)
)]
#[case(
    r#"{"client_id":"https://evil.example/other.json","redirect_uris":["http://localhost/cb"]}"#,
    None
)]
#[case(r#"{"client_id":"ID/","redirect_uris":["http://localhost/cb"]}"#, None)]
#[case(r#"{"redirect_uris":["http://localhost/cb"]}"#, None)]
#[case(
    r#"{"client_id":"ID","client_secret":"x","redirect_uris":["http://localhost/cb"]}"#,
    None
)]
#[case(r#"{"client_id":"ID","token_endpoint_auth_method":"client_secret_post","redirect_uris":["http://localhost/cb"]}"#, None)]
#[case(r#"["ID"]"#, None)]
#[case("not json", None)]
fn a_document_describes_its_own_client(#[case] document: &str, #[case] redirects: Option<usize>) {
    let (id, _) = address(ID, &["evil.example".to_owned()]).unwrap();
    let fetched = Fetched {
        body: document.replace("ID", ID).into_bytes(),
        max_age: None,
    };
    let client = read(&id, &fetched).ok();
    assert_eq!(client.map(|client| client.redirect_uris.len()), redirects);
}
