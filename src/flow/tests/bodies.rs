//! What requests send: bodies of every kind, queries, and who asks.

use std::path::Path;

use serde_json::json;

use super::raw::{asked, says};
use super::*;
use crate::scenario::{Auth, Part, PartContent};

fn with(method: &'static str, body: Body) -> HttpStep {
    HttpStep { body, ..http(method, "/x") }
}

fn part(name: &str, content: PartContent) -> Part {
    Part { name: name.to_owned(), content, filename: None, content_type: None }
}

fn file(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test]
async fn texts_and_files_are_sent_as_they_are_with_their_types() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "data.bin", b"{{ not a template }}");
    let server = raw::serve(|_, _| says("200 OK", &[], "")).await;
    let mut told = Told::new();
    let steps = [
        with("PUT", Body::Text("about {{ topic }}\n".to_owned())).step(),
        with("PATCH", Body::Text("a: b".to_owned())).header("Content-Type", "application/yaml").step(),
        with("POST", Body::File(path.clone())).step(),
        with("DELETE", Body::File(path)).header("content-type", "image/png").step(),
        with("DELETE", Body::Empty).step(),
    ];
    told.run(&steps, &Fake::at(server.address)).await.unwrap();
    let requests = server.requests();
    holds(&requests[0], &["PUT /x HTTP/1.1\r\n", "\r\ncontent-type: text/plain\r\n", "\r\n\r\nabout cats\n"]);
    holds(&requests[1], &["PATCH /x ", "content-type: application/yaml\r\n", "\r\n\r\na: b"]);
    holds(&requests[2], &["POST /x ", "content-type: application/octet-stream\r\n", "\r\n\r\n{{ not a template }}"]);
    holds(&requests[3], &["DELETE /x ", "content-type: image/png\r\n", "content-length: 20\r\n"]);
    assert!(requests[4].starts_with("DELETE /x ") && !requests[4].contains("content-"), "{}", requests[4]);
}

#[tokio::test]
async fn parts_are_sent_with_names_and_types() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "report \"1\".pdf", b"%PDF-1.7\0\x01\x02");
    let server = raw::serve(|_, _| says("200 OK", &[], "")).await;
    let mut told = Told::new();
    let body = || {
        Body::Multipart(vec![
            part("title", PartContent::Text("on {{ topic }}".to_owned())),
            Part {
                content_type: Some("application/json".to_owned()),
                ..part("meta", PartContent::Text("{}".to_owned()))
            },
            part("file", PartContent::File(path.clone())),
            Part {
                filename: Some("{{ topic }}.pdf".to_owned()),
                content_type: Some("application/pdf".to_owned()),
                ..part("other", PartContent::File(path.clone()))
            },
            part("password", PartContent::Text("open-sesame".to_owned())),
        ])
    };
    told.run(&[with("POST", body()).step(), with("POST", body()).step()], &Fake::at(server.address)).await.unwrap();
    let requests = server.requests();
    let boundary = |request: &str| {
        let (_, rest) = request.split_once("content-type: multipart/form-data; boundary=").unwrap();
        rest.split_once("\r\n").unwrap().0.to_owned()
    };
    let own = boundary(&requests[0]);
    assert_ne!(own, boundary(&requests[1]));
    let (_, sent) = requests[0].split_once("\r\n\r\n").unwrap();
    let wanted = [
        "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\non cats\r\n",
        "--B\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{}\r\n",
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"report %221%22.pdf\"\r\n",
        "Content-Type: application/octet-stream\r\n\r\n%PDF-1.7\0\u{1}\u{2}\r\n",
        "--B\r\nContent-Disposition: form-data; name=\"other\"; filename=\"cats.pdf\"\r\nContent-Type: application/pdf\r\n\r\n",
        "%PDF-1.7\0\u{1}\u{2}\r\n",
        "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nopen-sesame\r\n",
        "--B--\r\n",
    ];
    assert_eq!(sent, wanted.concat().replace("--B", &format!("--{own}")));
}

#[tokio::test]
async fn bodies_are_shown_by_their_parts_and_sizes() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "big.bin", &vec![0_u8; 1_258_291]);
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let failing = |body| HttpStep { body, ..http("POST", "/error") }.step();
    let shown = path.display().to_string();
    let text = told.failure(failing(Body::Text("{\"password\": \"hunter-22\", \"a\": 1}".to_owned())), &target).await;
    holds(&text, &["\n\n    {\"password\": \"[secret]\", \"a\": 1}\n"]);
    let text = told.failure(failing(Body::File(path.clone())), &target).await;
    holds(&text, &[&format!("\n\n    {shown}, 1.2 MiB\n  answered:")]);
    let parts = vec![
        part("title", PartContent::Text("on cats".to_owned())),
        part("password", PartContent::Text("open-sesame".to_owned())),
        Part { filename: Some("x.bin".to_owned()), ..part("file", PartContent::File(path)) },
    ];
    let text = told.failure(failing(Body::Multipart(parts)), &target).await;
    holds(
        &text,
        &[
            "\n    content-type: multipart/form-data; boundary=slowdrip-",
            "\n\n    part `title`, 7 B: on cats\n    part `password`, 11 B: [secret]\n",
            &format!("    part `file` as `x.bin`, application/octet-stream, 1.2 MiB of {shown}\n  answered:"),
        ],
    );
    assert!(!text.contains("open-sesame") && text.len() < 8192, "{text}");
}

#[tokio::test]
async fn binary_answers_are_shown_by_their_size_and_beginning() {
    let server = raw::serve(|_, _| {
        let mut reply = says("200 OK", &["content-type: image/png"], &"x".repeat(20)).into_bytes();
        let body = reply.len() - 20;
        reply[body..body + 9].copy_from_slice(b"\x89PNG\r\n\x1a\n\0");
        reply
    })
    .await;
    let target = Fake::at(server.address);
    let text = Told::new().failure(get("/").finds("$.a", JsonExpect::Exists).step(), &target).await;
    holds(
        &text,
        &[
            "the body is not JSON: byte 0 of it is not UTF-8; the answer calls it `image/png`",
            "\n\n    (20 B that are no text; they begin with 89 50 4e 47 0d 0a 1a 0a 00 78 78 78 78 78 78 78)\n",
        ],
    );
}

#[tokio::test]
async fn files_that_cannot_be_sent_are_named_before_anything_is() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(64 * 1024 * 1024 + 1).unwrap();
    let half = dir.path().join("half");
    std::fs::File::create(&half).unwrap().set_len(33 * 1024 * 1024).unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let server = raw::serve(|_, _| says("200 OK", &[], "")).await;
    let target = Fake::at(server.address);
    let parts = vec![part("a", PartContent::File(half.clone())), part("b", PartContent::File(half))];
    for (body, problem) in [
        (Body::File(dir.path().join("none")), "/none` cannot be sent: No such file or directory"),
        (Body::File(dir.path().to_owned()), "` cannot be sent: it is a folder"),
        (Body::File(fifo), "/fifo` cannot be sent: it is no regular file"),
        (Body::File(large), "/large` cannot be sent: it is too large; a step sends at most 64 MiB in all"),
        (Body::Multipart(parts), "/half` cannot be sent: it is too large; a step sends at most 64 MiB in all"),
        (Body::Text("{{ nope }}".to_owned()), "body: template `{{ nope }}`: `nope` is not defined"),
        (
            Body::Multipart(vec![part("p", PartContent::Text("{{ nope }}".to_owned()))]),
            "text of part `p`: template `{{ nope }}`: `nope` is not defined",
        ),
    ] {
        holds(&Told::new().failure(with("POST", body).step(), &target).await, &["post /x: ", problem]);
    }
    let own = with("POST", Body::Multipart(Vec::new())).header("content-type", "multipart/mixed");
    holds(&Told::new().failure(own.step(), &target).await, &["a multipart body names its own content type"]);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_query_is_added_in_its_order_to_that_of_the_path() {
    let server = raw::serve(|_, _| says("200 OK", &[], "")).await;
    let query = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let step = |path: &str, pairs: &[(&str, &str)]| {
        HttpStep { goal: Goal { query: query(pairs), ..Goal::default() }, ..get(path) }.step()
    };
    let pairs = [("z", "a b+c&d=é/%"), ("a[]", "{{ topic }}"), ("a[]", "")];
    let mut told = Told::new();
    let steps = [step("/p?x=1", &pairs), step("/p", &pairs[1..]), step("/p?", &[("a", "b")]), step("/p?", &[])];
    told.run(&steps, &Fake::at(server.address)).await.unwrap();
    let asked: Vec<String> = server.requests().iter().map(|request| asked(request)).collect();
    assert_eq!(
        asked,
        [
            "GET /p?x=1&z=a%20b%2Bc%26d%3D%C3%A9%2F%25&a%5B%5D=cats&a%5B%5D=",
            "GET /p?a%5B%5D=cats&a%5B%5D=",
            "GET /p?a=b",
            "GET /p?"
        ]
    );
    let secret = step("/p", &[("api_key", "key-9876"), ("q", "{{ nope }}")]);
    let text = told.failure(secret, &Fake::at(server.address)).await;
    holds(&text, &["query `q`: template `{{ nope }}`"]);
    let target = Fake::at(self::server::start().await);
    let text = told.failure(step("/nowhere", &[("api_key", "key-9876")]), &target).await;
    holds(&text, &["/nowhere?api_key=[secret]"]);
}

#[tokio::test]
async fn who_asks_is_said_and_never_shown() {
    let auth = |auth: Auth, path: &str| HttpStep { goal: Goal { auth: Some(auth), ..Goal::default() }, ..get(path) };
    let basic = |path: &str| {
        auth(Auth::Basic { user: "{{ user }}".to_owned(), password: "pässword-{{ topic }}".to_owned() }, path)
    };
    let bearer = |path: &str| auth(Auth::Bearer("tok-{{ topic }}-123".to_owned()), path);
    let mut scenario = scenario();
    scenario.vars.insert("user".to_owned(), "ann".to_owned());
    let mut told = Told::of(&scenario);
    let target = Fake::at(server::start().await);
    let header = |value: &str| JsonExpect::Equals(json!(value));
    let steps = [
        basic("/echo").finds("$.headers.authorization", header("Basic YW5uOnDDpHNzd29yZC1jYXRz")).step(),
        bearer("/echo").finds("$.headers.authorization", header("Bearer tok-cats-123")).step(),
    ];
    told.run(&steps, &target).await.unwrap();
    for step in [basic("/echo"), bearer("/echo")] {
        let text = told.failure(step.status(500).step(), &target).await;
        holds(&text, &["authorization: [secret]"]);
        for secret in ["pässword", "YW5uOnDDp", "tok-cats"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let both = basic("/echo").header("authorization", "Bearer x").step();
    holds(
        &told.failure(both, &target).await,
        &["the step has both `auth` and a header `Authorization`; keep one of them"],
    );
    let colon = auth(Auth::Basic { user: "a:b".to_owned(), password: "x".to_owned() }, "/echo");
    holds(&told.failure(colon.step(), &target).await, &["a user's name with a colon"]);
    let line = auth(Auth::Bearer("a\nb".to_owned()), "/echo");
    holds(&told.failure(line.step(), &target).await, &["the value of `auth` has a character"]);
}
