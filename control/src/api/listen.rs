//! The listener: TLS before anything else, so many connections at once, and none that says nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::guard::Peer;
use super::{Api, Listener};
use crate::auth::throttle::network;

/// How long a client has for the handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long answers that are under way have when the appliance stops.
const FAREWELL: Duration = Duration::from_secs(1);
/// Requests at once on one connection.
const STREAMS_MAX: u32 = 64;
/// Bytes of a request's head.
const HEAD_MAX: usize = 32 << 10;

/// Serves until it is told to stop.
pub(super) async fn serve(
    listener: Listener,
    app: Router,
    api: &Api,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let tls = TlsAcceptor::from(listener.tls);
    let listener = TcpListener::from_std(listener.listener)?;
    let limits = &api.0.config.limits;
    let all = Arc::new(Semaphore::new(limits.connections as usize));
    let places = Arc::new(Places {
        of_one: limits.connections_of_address,
        taken: Mutex::default(),
    });
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, or the like: it passes.
                tracing::warn!(%error, "api: a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let peer = Peer(peer);
        let Ok(permit) = Arc::clone(&all).try_acquire_owned() else {
            api.0.counts.connection_refused();
            continue;
        };
        let Some(place) = places.take(peer.ip()) else {
            api.0.counts.connection_refused();
            continue;
        };
        let connection = Connection {
            tls: tls.clone(),
            app: app.clone(),
            peer,
            _held: (permit, place),
        };
        tokio::spawn(connection.serve(stream, graceful.watcher()));
    }
    drop(listener);
    // Streams of events never end by themselves.
    drop(tokio::time::timeout(FAREWELL, graceful.shutdown()).await);
    Ok(())
}

/// One connection.
struct Connection {
    tls: TlsAcceptor,
    app: Router,
    peer: Peer,
    _held: (OwnedSemaphorePermit, Place),
}

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: hyper_util::server::graceful::Watcher) {
        // Small answers go at once; an error changes nothing else.
        drop(stream.set_nodelay(true));
        let handshake = tokio::time::timeout(PATIENCE, self.tls.accept(stream));
        let stream = match handshake.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(peer = %self.peer.0, %error, "api: no TLS");
                return;
            }
            Err(_) => return,
        };
        let app = TowerToHyperService::new(self.app.clone());
        let peer = self.peer;
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            app.call(request)
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_buf_size(HEAD_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX))
            .keep_alive_interval(PATIENCE);
        let serving = builder.serve_connection(TokioIo::new(stream), service);
        let serving = watcher.watch(serving.into_owned());
        if let Err(error) = serving.await {
            tracing::debug!(peer = %self.peer.0, %error, "api: a connection broke");
        }
    }
}

/// Connections by address.
struct Places {
    of_one: u32,
    taken: Mutex<HashMap<IpAddr, u32>>,
}

impl Places {
    /// One more of this address, if it may.
    fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        let count = taken.entry(address).or_insert(0);
        if *count >= self.of_one {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place {
            of: Arc::clone(self),
            address,
        })
    }
}

/// A connection's place; given back when it ends.
struct Place {
    of: Arc<Places>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}
