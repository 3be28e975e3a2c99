//! Puts the page together: frame, style, script and data, and the policy that lets in no more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::timeline::{Progress, Timeline};

const FRAME: &str = include_str!("../page/page.html");

const STYLES: [&str; 3] = [
    include_str!("../page/colours.css"),
    include_str!("../page/text.css"),
    include_str!("../page/figures.css"),
];

/// In this order: a file may use what those before it define.
const SCRIPTS: [&str; 20] = [
    include_str!("../page/run.js"),
    include_str!("../page/elements.js"),
    include_str!("../page/view.js"),
    include_str!("../page/paint.js"),
    include_str!("../page/surface.js"),
    include_str!("../page/headline.js"),
    include_str!("../page/counterexample.js"),
    include_str!("../page/lanes.js"),
    include_str!("../page/ink.js"),
    include_str!("../page/messages.js"),
    include_str!("../page/found.js"),
    include_str!("../page/details.js"),
    include_str!("../page/gestures.js"),
    include_str!("../page/diagram.js"),
    include_str!("../page/overview.js"),
    include_str!("../page/availability.js"),
    include_str!("../page/progress.js"),
    include_str!("../page/table.js"),
    include_str!("../page/tables.js"),
    include_str!("../page/main.js"),
];

/// The page of a run: one HTML file that loads nothing.
pub fn render(timeline: &Timeline) -> String {
    let style = STYLES.join("\n");
    let script = SCRIPTS.join("\n");
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(&style),
    );
    // The data comes last: nothing is looked for in what others have written.
    FRAME
        .replacen("{{policy}}", &policy, 1)
        .replacen("{{style}}", &style, 1)
        .replacen("{{script}}", &script, 1)
        .replacen("{{run}}", &json(timeline), 1)
}

/// How a policy names an inline script or style.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// The run as JSON that cannot end the element that it stands in.
fn json(timeline: &Timeline) -> String {
    let run = serde_json::to_string(&Packed::of(timeline)).unwrap_or_else(|error| {
        // Only maps with keys that are no strings, and writers that fail, are errors.
        unreachable!("a timeline is always JSON: {error}")
    });
    // `<` can stand in strings only, where JSON has another name for it.
    run.replace('<', "\\u003c")
}

/// A timeline with its long lists as rows, so that names are not said thousands of times; `run.js`
/// unpacks it.
#[derive(Serialize)]
struct Packed<'t> {
    #[serde(flatten)]
    rest: Timeline,
    /// A browser's numbers are exact to 2^53 only, and a seed is all or nothing.
    exact_seed: Option<String>,
    rpc_kinds: Vec<&'t str>,
    rpc_rows: Vec<RpcRow<'t>>,
    progress_rows: Vec<[u64; 5]>,
}

type RpcRow<'t> = (usize, usize, usize, u64, Option<u64>, &'t str);

impl<'t> Packed<'t> {
    fn of(timeline: &'t Timeline) -> Packed<'t> {
        let mut rpc_kinds: Vec<&str> = Vec::new();
        let rpc_rows = timeline.rpcs.iter().map(|rpc| {
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
        let rpc_rows = rpc_rows.collect();
        let progress_rows = timeline.progress.iter().map(|progress| {
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
            exact_seed: timeline.seed.map(|seed| seed.to_string()),
            rpc_kinds,
            rpc_rows,
            progress_rows: progress_rows.collect(),
            rest: Timeline {
                rpcs: Vec::new(),
                progress: Vec::new(),
                ..timeline.clone()
            },
        }
    }
}
