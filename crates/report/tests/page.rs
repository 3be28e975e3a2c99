//! What the page is, read as text: it holds the run, and nothing that a run says can get out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zonemq_report::{Timeline, render};

#[path = "../examples/sample/story.rs"]
mod story;

use story::{HOSTILE, Size, leader_kill};

const DATA: &str = r#"<script type="application/json" id="run">"#;

/// What stands between two marks, the first of each.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).expect("the page has it");
    rest.split_once(to).expect("and it ends").0
}

fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[test]
fn nothing_that_a_run_says_ends_the_element_that_holds_it() {
    let page = render(&leader_kill(Size::Readable));
    assert!(!page.contains(HOSTILE));
    assert!(!page.contains("alert(1)</script>"));
    assert_eq!(
        page.matches("</script").count(),
        2,
        "the data and the script"
    );
    assert_eq!(
        page.matches("<script").count(),
        2,
        "the data and the script"
    );
    assert!(!between(&page, DATA, "</script>").contains('<'));
}

#[test]
fn the_page_holds_all_of_the_run() {
    let run = leader_kill(Size::Readable);
    let page = render(&run);
    let data: serde_json::Value =
        serde_json::from_str(between(&page, DATA, "</script>")).expect("the data is JSON");
    let rows = |name: &str| data[name].as_array().expect("rows").len();
    assert_eq!(rows("rpc_rows"), run.rpcs.len());
    assert_eq!(rows("progress_rows"), run.progress.len());
    // A browser would round a number as large.
    assert_eq!(data["exact_seed"], (u64::MAX - 58).to_string());
    let back: Timeline = serde_json::from_value(data).expect("the rest is as it was");
    let rest = Timeline {
        rpcs: Vec::new(),
        progress: Vec::new(),
        ..run
    };
    assert_eq!(back, rest);
}

#[test]
fn the_page_loads_nothing() {
    let page = render(&leader_kill(Size::Readable));
    for loading in [
        "src=\"", "@import", "url(", "<link", "<iframe", "fetch(", "import(",
    ] {
        assert!(!page.contains(loading), "{loading}");
    }
    for link in page.split("href=\"").skip(1) {
        assert!(link.starts_with('#'), "a link within the page: {link:.20}");
    }
}

#[test]
fn the_policy_admits_this_script_and_this_style_alone() {
    let page = render(&leader_kill(Size::Readable));
    let policy = between(
        &page,
        r#"http-equiv="Content-Security-Policy" content=""#,
        "\"",
    );
    let script = hash(between(&page, r#"<script type="module">"#, "</script>"));
    let style = hash(between(&page, "<style>", "</style>"));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'"
        )
    );
    let before = page
        .split_once("Content-Security-Policy")
        .expect("a policy")
        .0;
    assert!(
        !before.contains("<script") && !before.contains("<style"),
        "the policy comes first"
    );
}

#[test]
fn the_script_has_one_way_to_put_words_on_the_page() {
    let page = render(&Timeline::default());
    let script = between(&page, r#"<script type="module">"#, "</script>");
    for way in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
    ] {
        assert!(!script.contains(way), "{way}");
    }
}

#[test]
fn what_a_run_says_is_not_taken_for_a_place_of_the_frame() {
    let page = render(&Timeline {
        teaches: "{{script}} {{style}} {{policy}} {{run}}".to_owned(),
        ..Timeline::default()
    });
    assert!(between(&page, DATA, "</script>").contains("{{script}} {{style}} {{policy}} {{run}}"));
}

#[test]
fn the_same_run_gives_the_same_page() {
    let run = leader_kill(Size::Readable);
    assert_eq!(render(&run), render(&run.clone()));
}

#[test]
fn a_large_run_is_a_page_that_can_still_be_mailed() {
    let run = leader_kill(Size::Large);
    assert!(run.rpcs.len() >= 50_000 && run.calls.len() >= 20_000);
    let mebibytes = render(&run).len() >> 20;
    assert!(mebibytes < 16, "{mebibytes} MiB");
}

#[test]
fn no_file_of_the_page_is_longer_than_a_person_reads_at_once() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
    for entry in std::fs::read_dir(folder).expect("the page's files") {
        let path = entry.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.lines().count() <= 400, "{}", path.display());
        if path.extension().is_some_and(|it| it == "js") {
            assert!(
                text.starts_with("// "),
                "{} says what it is for",
                path.display()
            );
        }
    }
}
