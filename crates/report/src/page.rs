//! The page: `page/page.html` with its style, its scripts and the run itself put in.
//!
//! It loads nothing and runs no script but its own, whose hash its policy names. What clients sent is
//! data: JSON in an element that is not run, in which no `<` is left to end it, shown as text alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::timeline::{Progress, Timeline};

const PAGE: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/style.css");
/// One script in the end, in the order in which its parts need one another.
const SCRIPT: &str = concat!(
    include_str!("../page/data.js"),
    include_str!("../page/view.js"),
    include_str!("../page/diagram.js"),
    include_str!("../page/charts.js"),
    include_str!("../page/tables.js"),
    include_str!("../page/main.js"),
);

/// One self-contained HTML page that shows the run.
pub fn render(timeline: &Timeline) -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    let title = match timeline.seed {
        Some(seed) => format!("{}, seed {seed}: zonemq", timeline.scenario),
        None => format!("{}: zonemq", timeline.scenario),
    };
    let data = serde_json::to_string(&Packed::of(timeline)).unwrap_or_else(|error| {
        // Only maps with keys that are no strings, and writers that fail, are errors.
        unreachable!("a timeline is always JSON: {error}")
    });
    let data = data.replace('<', "\\u003c");
    let parts = [
        ("{{script-hash}}", format!("sha256-{hash}")),
        ("{{title}}", escaped(&title)),
        ("{{style}}", STYLE.to_owned()),
        ("{{data}}", data),
        ("{{script}}", SCRIPT.to_owned()),
    ];
    fill(PAGE, &parts)
}

/// Puts each part in its place, once: what a part holds is never taken for a place.
fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut page = String::new();
    let mut rest = template;
    for (place, part) in parts {
        let (before, after) = rest
            .split_once(place)
            .unwrap_or_else(|| unreachable!("the page has {place}, in this order"));
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page.push_str(rest);
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A timeline with its long lists as rows, so that names are not said thousands of times.
#[derive(Serialize)]
struct Packed<'t> {
    #[serde(flatten)]
    rest: Timeline,
    rpc_kinds: Vec<&'t str>,
    rpcs: Vec<RpcRow<'t>>,
    progress: Vec<[u64; 5]>,
}

type RpcRow<'t> = (usize, usize, usize, u64, Option<u64>, &'t str);

impl<'t> Packed<'t> {
    fn of(timeline: &'t Timeline) -> Packed<'t> {
        let mut rpc_kinds: Vec<&str> = Vec::new();
        let rpcs = timeline.rpcs.iter().map(|rpc| {
            let known = rpc_kinds.iter().position(|kind| *kind == rpc.kind);
            let kind = known.unwrap_or_else(|| {
                rpc_kinds.push(&rpc.kind);
                rpc_kinds.len() - 1
            });
            (
                rpc.from,
                rpc.to,
                kind,
                rpc.sent,
                rpc.received,
                rpc.words.as_str(),
            )
        });
        let rpcs = rpcs.collect();
        let progress = timeline.progress.iter().map(|progress| {
            let Progress {
                at,
                node,
                last,
                committed,
                applied,
            } = *progress;
            [at, node as u64, last, committed, applied]
        });
        Packed {
            rpc_kinds,
            rpcs,
            progress: progress.collect(),
            rest: Timeline {
                rpcs: Vec::new(),
                progress: Vec::new(),
                ..timeline.clone()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Rpc, Verdict, Violation};

    fn hostile() -> Timeline {
        Timeline {
            scenario: "</title><script>alert(1)</script>".to_owned(),
            verdict: Verdict::Violation {
                violations: vec![Violation {
                    promise: "no loss".to_owned(),
                    story: "</script><script>alert(2)</script> {{script}}".to_owned(),
                    ..Violation::default()
                }],
            },
            rpcs: vec![Rpc {
                kind: "append".to_owned(),
                ..Rpc::default()
            }],
            ..Timeline::default()
        }
    }

    #[test]
    fn nothing_that_anybody_sent_becomes_markup() {
        let page = render(&hostile());
        assert_eq!(
            page.matches("<script").count(),
            2,
            "the data and the script"
        );
        assert_eq!(page.matches("</script>").count(), 2);
        assert_eq!(page.matches("<title>").count(), 1);
        assert_eq!(page.matches("</title>").count(), 1);
        assert!(page.contains("\\u003c/script>\\u003cscript>alert(2)"));
    }

    #[test]
    fn the_page_loads_nothing_and_allows_no_script_but_its_own() {
        let page = render(&hostile());
        for foreign in ["http://", "https://", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        let (_, policy) = page.split_once("script-src 'sha256-").expect("a policy");
        let (hash, _) = policy.split_once('\'').expect("its end");
        let (_, script) = page.rsplit_once("<script>").expect("a script");
        let (script, _) = script.split_once("</script>").expect("its end");
        assert_eq!(hash, STANDARD.encode(Sha256::digest(script)));
    }

    #[test]
    fn every_list_of_the_timeline_is_in_the_page_once() {
        let page = render(&hostile());
        let (_, data) = page.split_once("id=\"data\">").expect("the data");
        let (data, _) = data.split_once("</script>").expect("its end");
        assert_eq!(data.matches("\"rpcs\":").count(), 1);
        let read: serde_json::Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(read["rpc_kinds"][0], "append");
        assert_eq!(read["rpcs"][0], serde_json::json!([0, 0, 0, 0, null, ""]));
        assert_eq!(read["verdict"]["kind"], "violation");
    }
}
