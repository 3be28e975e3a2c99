//! `zonemq fault status`: what is active, with what is left of its time.

use comfy_table::Table;
use serde::Serialize;
use zonemq_node::outlook::names;

use super::record;
use super::site::Site;
use crate::args::DataArgs;
use crate::failure::Failure;
use crate::say::say;
use crate::table;

/// What `--json` prints. Its shape is a promise.
#[derive(Debug, Serialize)]
struct Listed {
    faults: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    number: u64,
    fault: String,
    /// Nodes that keep to it, or that it stops.
    nodes: Vec<u64>,
    /// None where it has no end.
    left_millis: Option<u64>,
}

pub(super) async fn show(data: &DataArgs, json: bool) -> Result<(), Failure> {
    let site = Site::open(data)?;
    let seen = site.look().await?;
    let told = seen.active.into_values().map(|active| Line {
        number: active.fault.number,
        fault: active.fault.words,
        nodes: active.told,
        left_millis: active.fault.left_millis,
    });
    let stopped = record::read(&site.folder).stopped.into_iter();
    let stopped = stopped.map(|stopped| Line {
        number: stopped.number,
        left_millis: stopped
            .left()
            .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        fault: stopped.words,
        nodes: stopped.nodes,
    });
    let mut faults: Vec<Line> = told.chain(stopped).collect();
    faults.sort_by_key(|line| line.number);
    if json {
        let text = serde_json::to_string_pretty(&Listed { faults }).map_err(anyhow::Error::from)?;
        say!("{text}");
    } else if faults.is_empty() {
        say!("Nothing is broken on purpose.");
    } else {
        say!("{}", table(&faults));
        say!("`zonemq fault undo NUMBER` ends one, `zonemq fault heal` ends all.");
    }
    Ok(())
}

fn table(faults: &[Line]) -> Table {
    let mut table = table::with_header(["number", "fault", "nodes", "left"]);
    for line in faults {
        #[expect(clippy::cast_precision_loss, reason = "shown to a tenth of a second")]
        let left = |millis: u64| format!("{:.1} s", millis as f64 / 1000.0);
        table.add_row([
            line.number.to_string(),
            line.fault.clone(),
            names(&line.nodes),
            line.left_millis
                .map_or_else(|| "until undone".to_owned(), left),
        ]);
    }
    table
}
