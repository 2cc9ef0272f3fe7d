//! The application's HTTP interface.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{DefaultBodyLimit, Form, Json, Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};

use super::clock::{self, ClockError};
use super::session::{self, Session};
use super::state::Shared;
use super::store::{StoreError, Subscription};
use super::work::{self, check, lookup};
use super::{log, websocket};

/// The longest request body, bytes.
const MOST_BODY: usize = 16 * 1024;
const NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=64;
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
const QUERY_CHARS: std::ops::RangeInclusive<usize> = 1..=500;

/// Everything that the application answers.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(async || found("/subscriptions", None)))
        .route("/health", get(async || Json(serde_json::json!({"status": "ok"}))))
        .route("/register", get(register_form).post(register))
        .route("/login", get(login_form).post(login))
        .route("/logout", post(logout))
        .route("/subscriptions", get(subscriptions).post(subscribe))
        .route("/stats", get(stats))
        .route("/open-files", get(open_files))
        .route("/clock", get(clock).post(advance))
        .route("/shapes", get(shapes))
        .route("/plants", get(plants))
        .route("/plants/orphan", post(orphan))
        .route("/ws", get(websocket::accept))
        .route("/session", get(work::accept))
        .route("/lookup", get(lookup::lookup))
        .route("/hang", get(check::hang))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(middleware::map_response(no_store))
        .layer(from_fn_with_state(Arc::clone(&shared), count_and_log))
        .with_state(shared)
}

async fn count_and_log(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    // Without the query: it may hold what does not belong into a log.
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    shared.requests.add(1);
    log::line(format_args!("{method} {path} {}", response.status().as_u16()));
    response
}

async fn no_store(mut response: Response) -> Response {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(axum::http::HeaderValue::from_static("no-store"));
    response
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the form's token is missing or wrong; get the form again")]
    Csrf,
    #[error("log in first")]
    NotLoggedIn,
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Malformed(String, StatusCode),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Clock(#[from] ClockError),
    #[error("an operation of the system failed: {0}")]
    System(#[from] std::io::Error),
    #[error("the page could not be made: {0}")]
    Page(#[from] minijinja::Error),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Csrf => StatusCode::FORBIDDEN,
            Self::NotLoggedIn => StatusCode::UNAUTHORIZED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Malformed(_, status) => *status,
            Self::Store(StoreError::Taken) | Self::Clock(ClockError::Running) => StatusCode::CONFLICT,
            Self::Store(StoreError::Full { .. } | StoreError::Ending) | Self::Clock(ClockError::Stopped) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Store(StoreError::Sqlite(_)) | Self::System(_) | Self::Page(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            log::line(format_args!("error: {self}"));
        }
        (status, Json(serde_json::json!({"error": self.to_string()}))).into_response()
    }
}

fn found(to: &'static str, cookie: Option<String>) -> Response {
    let mut response = (StatusCode::FOUND, [(LOCATION, to)]).into_response();
    // The cookies made here are plain ASCII; one that were not would just not be set.
    if let Some(value) = cookie.and_then(|cookie| cookie.parse().ok()) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Credentials {
    username: String,
    password: String,
    csrf_token: String,
}

async fn register_form(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Refusal> {
    form(&shared, &headers, "Register", "/register")
}

async fn login_form(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Refusal> {
    form(&shared, &headers, "Log in", "/login")
}

fn form(shared: &Shared, headers: &HeaderMap, title: &str, action: &str) -> Result<Response, Refusal> {
    let (id, session) = {
        let mut sessions = shared.sessions();
        match sessions.find(headers) {
            Some(known) => known,
            None => sessions.open(None)?,
        }
    };
    let mut environment = Environment::new();
    environment.add_template("form.html", include_str!("form.html"))?;
    let page = environment.get_template("form.html")?.render(context! { title, action, csrf => session.csrf })?;
    Ok(([(SET_COOKIE, session::cookie(&id))], Html(page)).into_response())
}

/// Refuses a form that was not made for this session.
fn checked(
    shared: &Shared,
    headers: &HeaderMap,
    form: Result<Form<Credentials>, FormRejection>,
) -> Result<(String, Credentials), Refusal> {
    let Form(form) = form.map_err(|rejection| Refusal::Malformed(rejection.body_text(), rejection.status()))?;
    match shared.sessions().find(headers) {
        Some((id, session)) if session.csrf == form.csrf_token => Ok((id, form)),
        Some(_) | None => Err(Refusal::Csrf),
    }
}

fn log_in(shared: &Shared, before: &str, user: i64) -> Result<Response, Refusal> {
    let mut sessions = shared.sessions();
    sessions.close(before);
    let (id, _) = sessions.open(Some(user))?;
    Ok(found("/subscriptions", Some(session::cookie(&id))))
}

async fn register(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    form: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Refusal> {
    let (session, form) = checked(&shared, &headers, form)?;
    let length = |text: &str, allowed: std::ops::RangeInclusive<usize>, what: &str| {
        let said = format!("the {what} must have {} to {} characters", allowed.start(), allowed.end());
        if allowed.contains(&text.chars().count()) { Ok(()) } else { Err(Refusal::Invalid(said)) }
    };
    length(&form.username, NAME_CHARS, "name")?;
    length(&form.password, PASSWORD_CHARS, "password")?;
    if form.username.chars().any(char::is_control) {
        return Err(Refusal::Invalid("the name must not hold control characters".to_owned()));
    }
    let user = shared.store.add_user(form.username, session::random()?, form.password).await?;
    log_in(&shared, &session, user)
}

async fn login(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    form: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Refusal> {
    let (session, form) = checked(&shared, &headers, form)?;
    let user = shared.store.find_user(form.username, form.password).await?;
    let user = user.ok_or_else(|| Refusal::Malformed("wrong name or password".to_owned(), StatusCode::UNAUTHORIZED))?;
    log_in(&shared, &session, user)
}

async fn logout(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let mut sessions = shared.sessions();
    let (id, _) = sessions.find(&headers).ok_or(Refusal::NotLoggedIn)?;
    sessions.close(&id);
    Ok(found("/login", Some(session::no_cookie())))
}

fn logged_in(shared: &Shared, headers: &HeaderMap) -> Result<i64, Refusal> {
    let session: Option<(String, Session)> = shared.sessions().find(headers);
    session.and_then(|(_, session)| session.user).ok_or(Refusal::NotLoggedIn)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    query: String,
}

async fn subscribe(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Result<Json<Subscribe>, JsonRejection>,
) -> Result<Response, Refusal> {
    let user = logged_in(&shared, &headers)?;
    let Json(body) = body.map_err(|rejection| Refusal::Malformed(rejection.body_text(), rejection.status()))?;
    if !QUERY_CHARS.contains(&body.query.chars().count()) {
        let said = format!("the query must have {} to {} characters", QUERY_CHARS.start(), QUERY_CHARS.end());
        return Err(Refusal::Invalid(said));
    }
    let id = shared.store.subscribe(user, body.query).await?;
    Ok((StatusCode::CREATED, Json(serde_json::json!({"id": id}))).into_response())
}

#[derive(Debug, Serialize)]
struct Listing {
    total: usize,
    subscriptions: Vec<Subscription>,
}

async fn subscriptions(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Json<Listing>, Refusal> {
    let user = logged_in(&shared, &headers)?;
    let subscriptions = shared.store.subscriptions(user).await?;
    Ok(Json(Listing { total: subscriptions.len(), subscriptions }))
}

#[derive(Debug, Serialize)]
struct Stats {
    uptime_s: u64,
    requests: u64,
    refreshes: u64,
    echoes: u64,
    users: u32,
    subscriptions: u32,
    websockets: usize,
    leaked: BTreeMap<&'static str, u64>,
    work: work::Done,
}

async fn stats(State(shared): State<Arc<Shared>>) -> Result<Json<Stats>, Refusal> {
    let (users, subscriptions) = shared.store.sizes().await?;
    Ok(Json(Stats {
        uptime_s: shared.clock.now().as_secs(),
        requests: shared.requests.get(),
        refreshes: shared.refreshes.get(),
        echoes: shared.echoes.get(),
        users,
        subscriptions,
        websockets: websocket::MOST_SOCKETS.saturating_sub(shared.sockets.available_permits()),
        leaked: shared.hoard.counts(),
        work: shared.work.done(),
    }))
}

/// What operate's health endpoint says: the application's own count beside the limit.
#[derive(Debug, Serialize)]
struct OpenFiles {
    open_files: usize,
    // None: no limit.
    max_files: Option<u64>,
}

async fn open_files() -> Result<Json<OpenFiles>, Refusal> {
    // The folder of descriptors lists the one through which it is read.
    let listed = tokio::task::spawn_blocking(|| std::fs::read_dir("/proc/self/fd").map(Iterator::count));
    let listed = listed.await.map_err(|_| StoreError::Ending)??;
    let max_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    Ok(Json(OpenFiles { open_files: listed.saturating_sub(1), max_files }))
}

/// What the application's clock shows.
fn shown(at: Duration) -> Response {
    Json(serde_json::json!({"now_s": at.as_secs_f64()})).into_response()
}

async fn clock(State(shared): State<Arc<Shared>>) -> Response {
    shown(shared.clock.now())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_s: f64,
}

/// Moves a manual clock; answers when everything has happened that was due until then.
async fn advance(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<Advance>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(body) = body.map_err(|rejection| Refusal::Malformed(rejection.body_text(), rejection.status()))?;
    let by = Duration::try_from_secs_f64(body.advance_s).ok().filter(|by| *by <= clock::FARTHEST);
    let by = by.ok_or_else(|| {
        Refusal::Invalid(format!("advance_s must be a number of seconds from 0 to {}", clock::FARTHEST.as_secs()))
    })?;
    Ok(shown(shared.clock.advance(by).await?))
}

/// What every shape holds.
async fn shapes(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.shapes.held()).into_response()
}

/// Everything that was planted.
async fn plants(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.garden.planted()).into_response()
}

/// Lets the parents of planted orphans end.
async fn orphan(State(shared): State<Arc<Shared>>) -> Result<Response, Refusal> {
    let parents = shared.garden.orphan()?;
    Ok(Json(serde_json::json!({"parents": parents})).into_response())
}
