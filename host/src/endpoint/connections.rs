//! The connections to the endpoint: how many, how long, and how much they may say.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tower_service::Service as _;

/// The most that a request may say before its body.
pub const HEAD: usize = 64 * 1024;
/// So many connections at once. For one more, the oldest goes that is not being answered.
pub const MOST: usize = 64;
/// How long a connection may be there.
const STAYS: Duration = Duration::from_secs(60);
/// How long each may say nothing, however many there are.
pub const GRACE: Duration = Duration::from_millis(100);
/// How long to wait when no connection can be taken, or none can go.
const PAUSE: Duration = Duration::from_millis(10);

/// A connection that is there.
struct Open {
    task: AbortHandle,
    since: Instant,
    /// Whether a request of it is being answered.
    busy: Arc<AtomicBool>,
}

/// Takes connections; how long the head of a request may take to arrive.
pub async fn accept(listener: std::net::TcpListener, router: Router, arrives: Duration) {
    // It was made for this and is not blocking.
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut open = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                make_room(&mut open).await;
                let busy = Arc::<AtomicBool>::default();
                // One that takes longer is nobody who has something to say.
                let served = timeout(STAYS, serve(stream, (router.clone(), arrives), Arc::clone(&busy)));
                open.push_back(Open { task: tokio::spawn(served).abort_handle(), since: Instant::now(), busy });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Waits until there is room for one more. Those who say nothing keep nobody out.
async fn make_room(open: &mut VecDeque<Open>) {
    loop {
        open.retain(|other| !other.task.is_finished());
        if open.len() < MOST {
            return;
        }
        // Those whose requests have come meanwhile are heard first.
        yield_now().await;
        let may_go = |other: &Open| !other.busy.load(Ordering::Relaxed) && other.since.elapsed() >= GRACE;
        match open.iter().position(may_go) {
            Some(oldest) => open.remove(oldest).into_iter().for_each(|other| other.task.abort()),
            None => sleep(PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, (router, arrives): (Router, Duration), busy: Arc<AtomicBool>) {
    let service = service_fn(move |request| {
        let (mut router, busy) = (router.clone(), Arc::clone(&busy));
        async move {
            busy.store(true, Ordering::Relaxed);
            let answer = router.call(request).await;
            busy.store(false, Ordering::Relaxed);
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(arrives)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // A client that went away is nobody's trouble.
    let _ = connection.await;
}
