//! The page, by HTTP, for whoever knows its URL: nobody else is to see what runs in a cluster.
//!
//! That a server listens on a loopback address keeps no web page away: a browser can be led there by a name of that page's
//! (DNS rebinding). So whoever asks must name an address, or localhost, and must know a token that only the URL holds.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, REFERRER_POLICY,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::beside::Beside;

/// How often something is sent where nothing changes, so that a connection that is dead is noticed.
const STILL: Duration = Duration::from_secs(10);
/// How long to wait before somebody is let in after that has failed.
const AGAIN: Duration = Duration::from_millis(100);
/// How long whoever connects may take to ask.
const ASKS: Duration = Duration::from_secs(10);

/// What the page is allowed: nothing from anywhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Where the page is.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    address: SocketAddr,
    token: String,
}

impl Page {
    /// Listens. Port 0 is any that is free.
    ///
    /// # Errors
    /// Whatever the system says, as where somebody else listens there.
    pub async fn listen(address: SocketAddr, token: String) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, token })
    }

    /// What to open in a browser. Whoever knows it sees the cluster.
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            // It is one of several.
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}/?token={}", self.token)
    }

    /// Serves the page, with the last of `scenes` and of what is `beside` them, and each that comes, until it is dropped.
    pub async fn serve(
        self,
        scenes: watch::Receiver<Option<Bytes>>,
        beside: watch::Receiver<Beside>,
    ) {
        let news = News { scenes, beside };
        let door = Arc::new(Door { address: self.address, token: self.token });
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        open.spawn(talk(stream, Arc::clone(&door), news.clone()));
                    }
                    // Of one connection, or there are too many of them.
                    Err(_) => sleep(AGAIN).await,
                },
                Some(_) = open.join_next() => {}
            }
        }
    }
}

/// What browsers are told.
#[derive(Clone)]
struct News {
    scenes: watch::Receiver<Option<Bytes>>,
    beside: watch::Receiver<Beside>,
}

async fn talk(stream: TcpStream, door: Arc<Door>, news: News) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let response = door.answer(request.method(), request.uri(), request.headers(), &news);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ASKS);
    // Whoever goes away in the middle has seen enough.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

/// Who may come in.
struct Door {
    address: SocketAddr,
    token: String,
}

impl Door {
    fn answer(
        &self,
        method: &Method,
        uri: &http::Uri,
        headers: &HeaderMap,
        news: &News,
    ) -> Response<Body> {
        if !self.is_us(headers) {
            return refused(
                StatusCode::MISDIRECTED_REQUEST,
                "this is the page of another address\n",
            );
        }
        if method != Method::GET {
            return refused(
                StatusCode::METHOD_NOT_ALLOWED,
                "the page shows, and changes nothing\n",
            );
        }
        let token = uri.query().and_then(|query| query.strip_prefix("token="));
        if uri.path() == "/" && token.is_some_and(|token| same(token, &self.token)) {
            // The token goes out of the address, where it could be read from the screen.
            return answer(StatusCode::SEE_OTHER)
                .header(LOCATION, "/")
                .header(SET_COOKIE, self.cookie())
                .body(whole(Bytes::new()))
                .expect("headers are well-formed");
        }
        if !self.knows_token(headers) {
            let said = "the token is missing or of another run: use the address that `dojo view` has printed\n";
            return refused(StatusCode::FORBIDDEN, said);
        }
        match uri.path() {
            "/" => {
                file("text/html; charset=utf-8", include_bytes!("../../templates/view/index.html"))
            }
            "/view.css" => {
                file("text/css; charset=utf-8", include_bytes!("../../templates/view/view.css"))
            }
            "/view.js" => file(
                "text/javascript; charset=utf-8",
                include_bytes!("../../templates/view/view.js"),
            ),
            "/scenes" => told(news.clone()),
            _ => refused(StatusCode::NOT_FOUND, "there is no such page\n"),
        }
    }

    /// Whether this server is meant, by an address or as localhost, and not by a name that leads here.
    fn is_us(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
            return false;
        };
        let (name, port) = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((name, port)) => (name, port.parse().ok()),
            // Browsers leave out what is usual.
            None => (host, Some(80)),
        };
        let address = name.trim_start_matches('[').trim_end_matches(']');
        port == Some(self.address.port())
            && (address == "localhost" || address.parse::<IpAddr>().is_ok())
    }

    /// Named by the port, since a browser keeps one jar for all ports of a host.
    fn cookie(&self) -> String {
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name(), self.token)
    }

    fn cookie_name(&self) -> String {
        format!("dojo-view-{}", self.address.port())
    }

    fn knows_token(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut each =
            all.flat_map(|value| value.split(';')).filter_map(|it| it.trim().split_once('='));
        each.any(|(key, value)| key == name && same(value, &self.token))
    }
}

/// Takes as long for any that is wrong.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

fn answer(status: StatusCode) -> http::response::Builder {
    Response::builder()
        .status(status)
        .header(CACHE_CONTROL, "no-store")
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(REFERRER_POLICY, "no-referrer")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).boxed_unsync()
}

fn file(kind: &'static str, bytes: &'static [u8]) -> Response<Body> {
    let answer = answer(StatusCode::OK).header(CONTENT_TYPE, kind);
    answer.body(whole(Bytes::from_static(bytes))).expect("headers are well-formed")
}

fn refused(status: StatusCode, why: &'static str) -> Response<Body> {
    let answer = answer(status).header(CONTENT_TYPE, "text/plain; charset=utf-8");
    answer.body(whole(Bytes::from_static(why.as_bytes()))).expect("headers are well-formed")
}

/// Scenes, and what is beside them, as server-sent events (the HTML standard, section 9.2).
fn told(news: News) -> Response<Body> {
    let frames = events(news).map(|event| Ok(Frame::data(event)));
    let answer = answer(StatusCode::OK).header(CONTENT_TYPE, "text/event-stream");
    answer.body(BodyExt::boxed_unsync(StreamBody::new(frames))).expect("headers are well-formed")
}

/// The last of each, and each that comes; of those that come faster than they are taken, the newest.
fn events(mut news: News) -> BoxStream<'static, Bytes> {
    news.scenes.mark_changed();
    news.beside.mark_changed();
    stream::unfold(news, |mut news| async move {
        let event = tokio::select! {
            changed = news.scenes.changed() => {
                changed.ok()?;
                let scene = news.scenes.borrow_and_update().clone();
                scene.map_or_else(still, |it| [b"data: ", &*it, b"\n\n"].concat().into())
            }
            changed = news.beside.changed() => {
                changed.ok()?;
                let beside = news.beside.borrow_and_update().clone();
                let text = serde_json::to_vec(&beside).expect("texts and numbers are JSON");
                [b"event: beside\ndata: ", &*text, b"\n\n"].concat().into()
            }
            () = sleep(STILL) => still(),
        };
        Some((event, news))
    })
    .boxed()
}

/// A comment, which pages do not see.
fn still() -> Bytes {
    Bytes::from_static(b": still here\n\n")
}
