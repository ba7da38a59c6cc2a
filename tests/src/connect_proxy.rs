//! A corporate proxy: it opens tunnels with `CONNECT`, and forwards plain requests.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Listens on this machine, and records the head of each request.
pub struct ConnectProxy {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl ConnectProxy {
    /// A proxy that lets everything through.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address").to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&seen)));
            }
        });
        Self {
            address,
            heads,
            task,
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its URL with a user name and password.
    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.address)
    }

    /// The head of each request so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no test panics here").clone()
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a connection. A failure is for the client to notice.
async fn serve(mut client: TcpStream, heads: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).ok()?;
    heads
        .lock()
        .expect("no test panics here")
        .push(text.clone());
    let mut words = text.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    if method == "CONNECT" {
        let mut server = TcpStream::connect(target).await.ok()?;
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
        copy_bidirectional(&mut client, &mut server).await.ok()?;
        return Some(());
    }
    let (host, path) = target.strip_prefix("http://")?.split_once('/')?;
    let mut server = TcpStream::connect(host).await.ok()?;
    let plain = text.replacen(target, &format!("/{path}"), 1);
    server.write_all(plain.as_bytes()).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}
