//! The application that the flows of the tests talk to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use futures_util::StreamExt;
use serde_json::{Value, json};

/// The token on the login page, as it stands in its source.
pub(super) const CSRF_IN_PAGE: &str = "tok&#43;en&amp;1234";
/// The same, read.
pub(super) const CSRF: &str = "tok+en&1234";
/// The session's cookie.
pub(super) const SESSION: &str = "s3ss10n-0123456789";

/// Starts the application; it ends with the test's runtime.
pub(super) async fn start() -> SocketAddr {
    let count = Arc::new(AtomicU64::new(0));
    let app = Router::new()
        .route("/login", get(login_page).post(login))
        .route("/me", get(me))
        .route("/echo", get(echo).post(echo).put(echo))
        .route("/count", get(next))
        .route("/error", post(error))
        .route("/null", get(|| async { Json(json!({"a": null, "list": [1, 2]})) }))
        .route("/bytes", get(|| async { b"caf\xe9 \x1b[31mred\r\nsecond line\n".to_vec() }))
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/old", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/error?token=abcd1234")]) }))
        .route("/forever", get(forever))
        .route("/drip", get(drip))
        .route("/never", get(std::future::pending::<StatusCode>))
        .with_state(count);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn login_page() -> Response {
    let page = format!(
        "<!doctype html><h1> Log <b>in</b> </h1><ul><li>a<li>b</ul>\
         <form method=post><input type=hidden name=csrf_token value=\"{CSRF_IN_PAGE}\"></form>"
    );
    ([(header::SET_COOKIE, "visitor=anonymous-9; Path=/")], Html(page)).into_response()
}

async fn login(headers: HeaderMap, Form(form): Form<BTreeMap<String, String>>) -> Response {
    let visitor = cookies(&headers).get("visitor").is_some_and(|value| value == "anonymous-9");
    let known = form.get("csrf_token").is_some_and(|token| token == CSRF);
    let complete = form.get("password").is_some_and(|password| password.len() >= 16);
    if visitor && known && complete && form.get("password") == form.get("confirm") {
        let session = format!("sid={SESSION}; Path=/; HttpOnly; Secure");
        (StatusCode::FOUND, [(header::LOCATION, "/me".to_owned()), (header::SET_COOKIE, session)]).into_response()
    } else {
        (StatusCode::BAD_REQUEST, Json(json!({"error": "bad login", "form": form}))).into_response()
    }
}

async fn me(headers: HeaderMap) -> Response {
    if cookies(&headers).get("sid").is_some_and(|sid| sid == SESSION) {
        Json(json!({"id": 7, "name": "soak", "admin": false, "ratio": 1.5, "access_token": "acc-55aa"})).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

/// Everything that came, as JSON.
async fn echo(headers: HeaderMap, body: Bytes) -> Json<Value> {
    let headers: BTreeMap<String, String> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let text = String::from_utf8_lossy(&body).into_owned();
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    Json(json!({"headers": headers, "text": text, "json": json}))
}

async fn next(State(count): State<Arc<AtomicU64>>) -> Json<Value> {
    let n = count.fetch_add(1, Ordering::Relaxed) + 1;
    Json(json!({"n": n, "text": n.to_string()}))
}

async fn error(headers: HeaderMap, body: Bytes) -> Response {
    let token = headers.get("x-csrftoken").map(|value| value.to_str().unwrap().to_owned());
    let said = json!({"error": "no such thing", "you_sent": String::from_utf8_lossy(&body), "token": token});
    (StatusCode::INTERNAL_SERVER_ERROR, [("x-trace", "t-1")], Json(said)).into_response()
}

async fn forever() -> Body {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    Body::from_stream(futures_util::stream::repeat(chunk).map(Ok::<_, Infallible>))
}

async fn drip() -> Body {
    let first = futures_util::stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b"the beginning")) });
    Body::from_stream(first.chain(futures_util::stream::pending()))
}

fn cookies(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = headers.get(header::COOKIE).map(|value| value.to_str().unwrap()).unwrap_or_default();
    text.split("; ").filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}
