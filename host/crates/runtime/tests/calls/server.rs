//! A server of HTTP that does right or wrong, as a test says.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use springline_model::capability::{HttpGrant, Scheme};

/// A server that does to each connection what it is told.
pub struct Server {
    /// Its port.
    pub port: u16,
    /// The heads of the requests that came.
    pub seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn new(serve: impl Fn(&mut TcpStream, &str) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (heads, serve) = (Arc::clone(&seen), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (heads, serve) = (Arc::clone(&heads), Arc::clone(&serve));
                std::thread::spawn(move || {
                    let Ok(mut stream) = stream else { return };
                    let head = head(&mut stream);
                    heads.lock().unwrap().push(head.clone());
                    // That the other side goes away is what most tests are about.
                    let _ = serve(&mut stream, &head);
                });
            }
        });
        Self { port, seen }
    }

    pub fn answering(answer: &'static str) -> Self {
        Self::new(move |stream, _| stream.write_all(answer.as_bytes()))
    }

    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// A short answer.
pub const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A grant of what the tests send to a server.
pub fn grant(host: &str, server: &Server) -> HttpGrant {
    HttpGrant {
        scheme: Scheme::Http,
        host: host.into(),
        ports: vec![server.port],
        methods: vec!["GET".into(), "POST".into()],
        private: true,
    }
}
