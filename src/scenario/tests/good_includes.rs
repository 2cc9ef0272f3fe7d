//! What flow files mean.

use super::*;

const A: &str = "name: app\nvars: {who: anna}\ntarget: {image: app, publish: [80]}\nseed:\n  - include: flows/login.yaml\n  \
                 - ws: {path: /, steps: [{include: {file: '../shared/{{ who }}.yaml', with: {n: 5, name: '{{ user }}'}}}]}\n\
                 after: [{include: ./flows/../flows/login.yaml}]\n";
const LOGIN: &str = "steps:\n  - post: {path: /login, body_file: body.txt}\n";

/// A scenario in a folder of its own, with flow files in and beside it.
fn written(login: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("scenarios");
    std::fs::create_dir_all(inside.join("flows")).unwrap();
    std::fs::create_dir(folder.path().join("shared")).unwrap();
    std::fs::write(inside.join("a.yaml"), A).unwrap();
    std::fs::write(inside.join("flows/login.yaml"), login).unwrap();
    std::fs::write(inside.join("flows/body.txt"), "x").unwrap();
    std::fs::write(folder.path().join("shared/anna.yaml"), "steps: [{send: {text: '{{ name }} {{ n }}'}}]\n").unwrap();
    let path = inside.join("a.yaml");
    (folder, path)
}

fn read_at(path: &Path) -> Scenario {
    load(path, &Overrides::default(), &env).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn steps_of_a_flow_file_know_their_file_and_its_folder() {
    let (folder, path) = written(LOGIN);
    let scenario = read_at(&path);
    let Action::Include { file, with, steps } = &scenario.seed[0].action else { panic!("{:?}", scenario.seed) };
    assert_eq!((file.as_str(), with.len()), ("flows/login.yaml", 0));
    assert_eq!(*scenario.seed[0].file, *path.display().to_string());
    let login = folder.path().join("scenarios/flows/login.yaml");
    assert_eq!((&*steps[0].file, steps[0].at.line, steps[0].at.column), (login.to_str().unwrap(), 2, 5));
    let Action::Http(post) = &steps[0].action else { panic!("{steps:?}") };
    assert!(matches!(&post.body, Body::File(path) if *path == folder.path().join("scenarios/flows/body.txt")));
    let Action::Ws(ws) = &scenario.seed[1].action else { panic!("{:?}", scenario.seed) };
    let Action::Include { file, with, steps } = &ws.steps[0].action else { panic!("{:?}", ws.steps) };
    assert_eq!(
        (file.as_str(), &with["n"], &with["name"]),
        ("../shared/{{ who }}.yaml", &5.into(), &"{{ user }}".into())
    );
    assert!(matches!(&steps[0].action, Action::Send(Message::Text(text)) if text == "{{ name }} {{ n }}"));
}

#[test]
fn texts_of_flow_files_are_kept_once_each_and_count() {
    let (_folder, path) = written(LOGIN);
    let scenario = read_at(&path);
    assert_eq!(scenario.text, A);
    let names: Vec<_> = scenario.included.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["flows/login.yaml", "up/shared/anna.yaml"]);
    assert_eq!(scenario.included[0].1, LOGIN);
    assert_eq!(scenario.digest, read_at(&path).digest);
    let (_folder, path) = written("steps:\n  - post: {path: /login}\n");
    assert_ne!(scenario.digest, read_at(&path).digest, "another flow is another scenario");
    let plain = read("name: app\ntarget: {image: app}\n").unwrap();
    assert!(plain.included.is_empty());
    let digest = "4e49ac6fc33437cd513aa7f2b4cd427220f12a28541aa5c3f5a09af9156a4a65";
    assert_eq!(plain.digest, digest, "that of the text alone");
}

#[test]
fn a_chain_of_sixteen_files_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for at in 1..16 {
        std::fs::write(folder.path().join(format!("f{at}.yaml")), format!("steps: [{{include: f{}.yaml}}]\n", at + 1))
            .unwrap();
    }
    std::fs::write(folder.path().join("f16.yaml"), "steps: [{sleep: 1s}]\n").unwrap();
    let text = with("seed: [{include: f1.yaml}]\n");
    let scenario = parse(&folder.path().join("a.yaml"), &text, &Overrides::default(), &env).unwrap();
    assert_eq!(scenario.included.len(), 16);
}
