//! What is said of targets and sidecars that cannot be made.

use super::*;

#[test]
fn two_kinds_of_target() {
    insta::assert_snapshot!(error(&target("image: app, build: {context: .}")), @r"
    `target` has both `image` and `build`
     --> soak.yaml:2:22
      |
    2 | target: {image: app, build: {context: .}}
      |                      ^^^^^
      |
      = help: keep one of them; `--image` replaces a `build` for one night
    ");
}

#[test]
fn compose_habit() {
    insta::assert_snapshot!(error(&target("image: app, command: [serve]")), @r"
    `target` has both `image` and `command`
     --> soak.yaml:2:22
      |
    2 | target: {image: app, command: [serve]}
      |                      ^^^^^^^
      |
      = help: keep one of them; to replace the command of an image, write `cmd: […]`
    ");
}

#[test]
fn no_kind_of_target() {
    insta::assert_snapshot!(error(&target("env: {A: b}")), @r"
    `target` does not say what it is
     --> soak.yaml:2:1
      |
    2 | target: {env: {A: b}}
      | ^^^^^^
      |
      = help: add one of `build`, `image`, `container`, `command` and `pid`
    ");
}

#[test]
fn option_of_another_kind() {
    insta::assert_snapshot!(error(&target("command: [app], memory: 1GiB")), @r"
    `memory` does not go with a target of kind `command`
     --> soak.yaml:2:26
      |
    2 | target: {command: [app], memory: 1GiB}
      |                          ^^^^^^
      |
      = help: remove it; it runs as a local process, so what counts is `env`, `publish` and `workdir`
    ");
}

#[test]
fn option_of_an_attached_container() {
    insta::assert_snapshot!(error(&target("container: web, env: {A: b}")), @r"
    `env` does not go with a target of kind `container`
     --> soak.yaml:2:26
      |
    2 | target: {container: web, env: {A: b}}
      |                          ^^^
      |
      = help: remove it; it runs already, and is only watched, so what counts is `publish`
    ");
}

#[test]
fn missing_context() {
    insta::assert_snapshot!(error(&target("build: {context: nope}")), @r"
    the folder of `target.build.context` does not exist
     --> soak.yaml:2:27
      |
    2 | target: {build: {context: nope}}
      |                           ^^^^
      |
      = help: it was looked for at `nope`; paths count from the folder of the scenario
    ");
}

#[test]
fn missing_dockerfile() {
    insta::assert_snapshot!(error(&target("build: {context: ., dockerfile: Dockerfile.nope}")), @r"
    there is no `Dockerfile.nope` in the build context
     --> soak.yaml:2:42
      |
    2 | target: {build: {context: ., dockerfile: Dockerfile.nope}}
      |                                          ^^^^^^^^^^^^^^^
      |
      = help: it was looked for at `./Dockerfile.nope`; name another with `dockerfile:`
    ");
}

#[test]
fn dockerfile_outside() {
    insta::assert_snapshot!(error(&target("build: {context: ., dockerfile: ../Dockerfile}")), @r"
    `../Dockerfile` lies outside the build context
     --> soak.yaml:2:42
      |
    2 | target: {build: {context: ., dockerfile: ../Dockerfile}}
      |                                          ^^^^^^^^^^^^^
      |
      = help: only what is in the context is sent to the engine; write a path in it
    ");
}

#[test]
fn port_pair() {
    insta::assert_snapshot!(error(&target("image: x, publish: [\"8080:80\"]")), @r#"
    `target.publish[0]`: `8080:80` is more than a port
     --> soak.yaml:2:30
      |
    2 | target: {image: x, publish: ["8080:80"]}
      |                              ^^^^^^^^^
      |
      = help: write the port in the container, `80`; slowdrip picks a free port of 127.0.0.1
    "#);
}

#[test]
fn volume_as_docker_writes_it() {
    insta::assert_snapshot!(error(&target("image: x, volumes: [./data:/data:ro]")), @r"
    `target.volumes[0]` is written as Docker does
     --> soak.yaml:2:30
      |
    2 | target: {image: x, volumes: [./data:/data:ro]}
      |                              ^^^^^^^^^^^^^^^
      |
      = help: write `{host: ./data, path: /data, read_only: true}`
    ");
}

#[test]
fn missing_folder_to_bind() {
    insta::assert_snapshot!(error(&target("image: x, volumes: [{host: nope, path: /data}]")), @r"
    `target.volumes[0].host` does not exist
     --> soak.yaml:2:37
      |
    2 | target: {image: x, volumes: [{host: nope, path: /data}]}
      |                                     ^^^^
      |
      = help: it was looked for at `nope`; paths count from the folder of the scenario
    ");
}

#[test]
fn size_without_unit() {
    insta::assert_snapshot!(error(&target("image: x, memory: 4g")), @r"
    `target.memory`: `4g` has no unit that is known
     --> soak.yaml:2:28
      |
    2 | target: {image: x, memory: 4g}
      |                            ^^
      |
      = help: did you mean `4GiB` (1024) or `4GB` (1000)?
    ");
}

#[test]
fn unknown_limit() {
    insta::assert_snapshot!(error(&target("image: x, ulimits: {nofiles: 5}")), @r"
    there is no limit `nofiles`
     --> soak.yaml:2:30
      |
    2 | target: {image: x, ulimits: {nofiles: 5}}
      |                              ^^^^^^^
      |
      = help: did you mean `nofile`? The limits are `core`, `cpu`, `data`, `fsize`, `locks`, `memlock`, `msgqueue`, `nice`, `nofile`, `nproc`, `rss`, `rtprio`, `rttime`, `sigpending` and `stack`
    ");
}

#[test]
fn unknown_network() {
    insta::assert_snapshot!(error(&target("image: x, network: hots")), @r"
    `target.network`: `hots` is not known
     --> soak.yaml:2:29
      |
    2 | target: {image: x, network: hots}
      |                             ^^^^
      |
      = help: did you mean `host`? A network is one of `private`, `target`, `host` and `none`
    ");
}

#[test]
fn target_in_its_own_network() {
    insta::assert_snapshot!(error(&target("image: x, network: target")), @r"
    the target cannot share its own network
     --> soak.yaml:2:29
      |
    2 | target: {image: x, network: target}
      |                             ^^^^^^
      |
      = help: the target's network is `private` (the default), `host` or `none`; `target` is for sidecars
    ");
}

#[test]
fn secret_that_is_not_set() {
    insta::assert_snapshot!(error(&target("image: x, env: {KEY: {from_env: NOPE}}")), @r"
    `target.env.KEY`: the environment has no `NOPE`
     --> soak.yaml:2:42
      |
    2 | target: {image: x, env: {KEY: {from_env: NOPE}}}
      |                                          ^^^^
      |
      = help: set it before slowdrip is started: `export NOPE=…`
    ");
}

#[test]
fn secret_too_short_to_mask() {
    insta::assert_snapshot!(error(&target("image: x, env: {KEY: {from_env: SHORT}}")), @r"
    `target.env.KEY`: the value of `SHORT` is too short to be kept out of the reports
     --> soak.yaml:2:42
      |
    2 | target: {image: x, env: {KEY: {from_env: SHORT}}}
      |                                          ^^^^^
      |
      = help: set `SHORT` to at least 4 bytes, or write a value that is no secret here
    ");
}

#[test]
fn undefined_variable() {
    insta::assert_snapshot!(error(&format!("{}vars: {{image: x}}\n", target("image: \"{{ imaeg }}\""))), @r#"
    `target.image`: there is no variable `imaeg`
     --> soak.yaml:2:17
      |
    2 | target: {image: "{{ imaeg }}"}
      |                 ^^^^^^^^^^^^^
      |
      = help: did you mean `image`? The variables are `image`
    "#);
}

#[test]
fn sidecar_with_a_command() {
    insta::assert_snapshot!(error(&with("sidecars: {db: {image: db, command: [serve]}}\n")), @r"
    a sidecar cannot have `command`
     --> soak.yaml:3:28
      |
    3 | sidecars: {db: {image: db, command: [serve]}}
      |                            ^^^^^^^
      |
      = help: to replace the command of its image, write `cmd: […]`
    ");
}

#[test]
fn sidecar_name() {
    insta::assert_snapshot!(error(&with("sidecars: {My_DB: {image: db}}\n")), @r"
    `My_DB` cannot be the name of a sidecar, which is a host name
     --> soak.yaml:3:12
      |
    3 | sidecars: {My_DB: {image: db}}
      |            ^^^^^
      |
      = help: use lower-case letters, digits and `-`, at most 63 of them, and no `-` at the ends
    ");
}

#[test]
fn sidecar_that_publishes_in_the_target() {
    insta::assert_snapshot!(error(&with("sidecars: {db: {image: db, network: target, publish: [90]}}\n")), @r"
    a sidecar in the target's network publishes no ports
     --> soak.yaml:3:45
      |
    3 | sidecars: {db: {image: db, network: target, publish: [90]}}
      |                                             ^^^^^^^
      |
      = help: add the port to the target's `publish`; both have the same ports
    ");
}
