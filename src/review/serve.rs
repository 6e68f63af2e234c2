//! The way from a socket to a page and back: TLS, HTTP/1.1, bounds on everything, and a drain at the end.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Extension, RawPathParams, State};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::{MethodFilter, any, on};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Review;
use super::answer::{Refusal, respond};
use super::connections::{Connections, Place};
use super::form::Form;
use super::guard::Asked;
use super::routes::{LONGEST, NOWHERE, ROUTES, Route, Who};
use super::tls::{self, Door};
use crate::config::Tls;

/// The most octets of all headers of a request.
const LONGEST_HEAD: usize = 16 << 10;
/// For the first octets of a connection, and for the headers of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// For the form of one request.
const DEADLINE: Duration = Duration::from_secs(30);
/// Where the journal says that something was refused before it was known for which page.
const CONNECTION: &str = "(connection)";
/// Between two looks for what need not be kept.
const TIDY: Duration = Duration::from_mins(1);
/// For the requests at work when the desk is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("{}: {why}", .0.display(), why = .1)]
    Certificate(PathBuf, String),
    #[error("{0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    #[error("the socket that was handed over cannot be used: {0}")]
    Socket(std::io::Error),
}

/// Who is at the other end.
#[derive(Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Every page of the table, and a refusal for everything else.
pub fn router(review: Arc<Review>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let filter = MethodFilter::try_from(route.method.clone()).expect("a method that axum knows");
        router = router.route(route.path, on(filter, move |state, peer, names, request| page(route, state, peer, names, request)));
    }
    let nowhere = |state, peer, names, request| page(NOWHERE, state, peer, names, request);
    router.fallback(any(nowhere)).method_not_allowed_fallback(any(nowhere)).with_state(review)
}

async fn page(
    route: &'static Route,
    State(review): State<Arc<Review>>,
    peer: Option<Extension<Peer>>,
    names: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    // Every browser says how long a form is, and what is refused for its length is not read.
    let length = body.size_hint().exact().map_or(0, |octets| usize::try_from(octets).unwrap_or(usize::MAX));
    if length > route.longest {
        return refuse(review, &head.headers, route, "too long", too_long(route)).await;
    }
    let mut turn = None;
    if route.is_long(length) {
        if !review.is_signed_in(&head.headers) {
            return respond(Err(Refusal::SignIn { to: "/sign-in".to_owned() }));
        }
        turn = Arc::clone(&review.for_long_forms).acquire_owned().await.ok();
    }
    let octets = match timeout(DEADLINE, to_bytes(body, length.max(LONGEST))).await {
        Ok(Ok(octets)) => octets,
        Ok(Err(_)) => return refuse(review, &head.headers, route, "cut off, or too long", Refusal::Malformed).await,
        Err(_) => return refuse(review, &head.headers, route, "too slow", Refusal::Malformed).await,
    };
    let names: HashMap<_, _> = match &names {
        Ok(names) => names.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        // A name that is not UTF-8 is the name of nothing.
        Err(_) => return refuse(review, &head.headers, route, "not UTF-8", Refusal::Malformed).await,
    };
    let direct = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(Peer(address))| address);
    let asked = Asked {
        method: head.method,
        path: head.uri.path().to_owned(),
        names,
        query: Form::parse(head.uri.query().unwrap_or_default().as_bytes()),
        from: if review.settings.tls == Tls::Proxy { told_by_proxy(&head.headers).unwrap_or(direct) } else { direct },
        headers: head.headers,
        form: Form::parse(&octets),
    };
    let room = match route.who {
        Who::Anyone => &review.for_strangers,
        Who::Roles(_) => &review.for_people,
    };
    let Ok(place) = Arc::clone(room).acquire_owned().await else { return respond(Err(Refusal::World("the desk is closing".to_owned()))) };
    // Databases and passwords wait for disk and memory: never beside the sockets.
    let answered = tokio::task::spawn_blocking(move || {
        let (_place, _turn) = (place, turn);
        review.answer(route, asked)
    });
    match answered.await {
        Ok(answered) => respond(answered),
        // What a panic says may hold what was asked for; the log has where it was.
        Err(_) => respond(Err(Refusal::World("a page came to an unforeseen end".to_owned()))),
    }
}

/// Refuses what no page was asked about, and writes that down as the guard does.
async fn refuse(review: Arc<Review>, headers: &HeaderMap, route: &'static Route, why: &'static str, refusal: Refusal) -> Response<Body> {
    let Some(holder) = review.holder(headers) else {
        review.turned_away(Review::now(), None, route.path, why);
        return respond(Err(refusal));
    };
    let Ok(place) = Arc::clone(&review.for_people).acquire_owned().await else { return respond(Err(refusal)) };
    let written = tokio::task::spawn_blocking(move || {
        let _place = place;
        review.not_taken(Some(holder), route.path, why)
    });
    respond(Err(written.await.ok().and_then(Result::err).unwrap_or(refusal)))
}

fn too_long(route: &Route) -> Refusal {
    let told = if route.is_long(usize::MAX) {
        "This case has more sealed copies than a browser handles at once. Nothing was changed. Please have the technician do it with you at the \
         server: `mailwarden release` puts messages back, and `mailwarden evidence` makes the package."
    } else {
        "What was typed is longer than the desk takes. Nothing was changed. Please go back, shorten it, and send it again."
    };
    Refusal::Shown(StatusCode::PAYLOAD_TOO_LARGE, told.to_owned())
}

/// The last address of the last line is the one that the proxy itself has seen: some proxies add a line of their own behind what came.
fn told_by_proxy(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// Serves until SIGTERM or SIGINT. `announce` hears where, and by which certificate.
///
/// # Errors
/// Before the first connection is taken.
pub async fn serve(
    review: Arc<Review>,
    handed: Option<std::net::TcpListener>,
    announce: impl FnOnce(SocketAddr, Option<&str>),
) -> Result<(), ServeError> {
    let Door { acceptor, fingerprint } = tls::door(&review.settings)?;
    let listener = match handed {
        Some(socket) => socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket)).map_err(ServeError::Socket)?,
        None => TcpListener::bind(review.settings.listen).await.map_err(|error| ServeError::Listen(review.settings.listen, error))?,
    };
    let at = listener.local_addr().map_err(ServeError::Socket)?;
    let (mut term, mut int) =
        (signal(SignalKind::terminate()).map_err(ServeError::Socket)?, signal(SignalKind::interrupt()).map_err(ServeError::Socket)?);
    announce(at, fingerprint.as_deref());
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

    let (router, room) = (router(Arc::clone(&review)), Connections::new(&review.settings.tls));
    let stop = watch::Sender::new(());
    let tidying = tokio::spawn(tidy(Arc::clone(&review)));
    loop {
        let permit = tokio::select! {
            permit = room.any() => permit,
            _ = term.recv() => break,
            _ = int.recv() => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => {
                let Ok(accepted) = accepted else {
                    // No more files, or a connection that is gone already: neither is solved by haste.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                accepted
            }
            _ = term.recv() => break,
            _ = int.recv() => break,
        };
        let Some(place) = room.place(permit, peer.ip()) else {
            review.turned_away(Review::now(), None, CONNECTION, "too many from one address");
            continue;
        };
        tokio::spawn(connection(stream, peer, place, acceptor.clone(), router.clone(), Arc::clone(&review), stop.subscribe()));
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tidying.abort();
    stop.send_replace(());
    let _ = timeout(DRAIN, stop.closed()).await;
    let _ = tokio::task::spawn_blocking(move || review.tell_rest(Review::now())).await;
    Ok(())
}

/// Once a minute, and whenever there is something to be told.
pub async fn tidy(review: Arc<Review>) {
    let mut minute = tokio::time::interval(TIDY);
    loop {
        let whole = tokio::select! {
            _ = minute.tick() => true,
            () = review.to_tell.notified() => false,
        };
        let review = Arc::clone(&review);
        let work = move || {
            review.tell_refused(Review::now());
            if whole {
                review.tidy();
            }
        };
        let _ = tokio::task::spawn_blocking(work).await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    _place: Place,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    router: Router,
    review: Arc<Review>,
    stopped: watch::Receiver<()>,
) {
    let _ = stream.set_nodelay(true);
    let spoken = match acceptor {
        None => speak(stream, peer, router, stopped).await,
        Some(acceptor) => match timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => speak(stream, peer, router, stopped).await,
            _ => return,
        },
    };
    // Whatever else goes wrong with one connection is the other end's business.
    if spoken.is_err_and(|error| error.is_parse()) {
        review.turned_away(Review::now(), None, CONNECTION, "no request, or one with too long a head");
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    mut stopped: watch::Receiver<()>,
) -> hyper::Result<()> {
    let router = router.layer(Extension(Peer(peer.ip())));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(LONGEST_HEAD).half_close(false);
    let conversation = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(conversation);
    tokio::select! {
        spoken = &mut conversation => spoken,
        _ = stopped.changed() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    }
}
