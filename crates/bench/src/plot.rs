//! Draws results as one SVG file that needs nothing else: messages over time above, latencies by
//! percentile below. Colours follow the reader's choice of light or dark.

mod axis;

use std::fmt::{self, Write};

use crate::results::{Latency, Results};
use axis::{Linear, Logarithmic, short};

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 700.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 860.0;

/// A part of the picture in which lines are drawn.
#[derive(Clone, Copy, Debug)]
struct Panel {
    title: &'static str,
    top: f64,
    bottom: f64,
}

const OVER_TIME: Panel = Panel {
    title: "Messages a second",
    top: 132.0,
    bottom: 350.0,
};
const BY_PERCENTILE: Panel = Panel {
    title: "Latency in milliseconds, by percentile",
    top: 436.0,
    bottom: 640.0,
};

/// Names of percentiles, and how rare what is above them is: the place on the axis is its logarithm.
const PERCENTILES: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("p75", 0.25),
    ("p90", 0.1),
    ("p95", 0.05),
    ("p99", 0.01),
    ("p99.9", 0.001),
    ("p99.99", 0.0001),
];

/// The picture of a run.
pub fn svg(results: &Results) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, results);
    out
}

fn write(out: &mut String, results: &Results) -> fmt::Result {
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-labelledby=\"title\">\n<title id=\"title\">{}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>",
        escaped(&headline(results))
    )?;
    writeln!(
        out,
        "<text class=\"headline\" x=\"24\" y=\"38\">{}</text>\n\
         <text class=\"muted\" x=\"24\" y=\"62\">{}</text>",
        escaped(&headline(results)),
        escaped(&conditions(results))
    )?;
    over_time(out, results)?;
    by_percentile(out, results)?;
    out.write_str("</svg>\n")
}

fn headline(results: &Results) -> String {
    let Results {
        workload,
        messages_per_second,
        messages,
        seconds,
        ..
    } = results;
    format!("{workload}: {messages_per_second:.0} messages/s ({messages} in {seconds:.1} s)")
}

fn conditions(results: &Results) -> String {
    let kind = match results.message_groups {
        None => "standard".to_owned(),
        Some(groups) => format!("FIFO with {groups} message groups"),
    };
    format!(
        "{} clients, {} queues ({kind}), bodies of {} bytes, {} in a request, {} errors, {}",
        results.clients,
        results.queues,
        results.body_bytes,
        results.batch,
        results.error_count(),
        results.endpoints.join(" ")
    )
}

fn over_time(out: &mut String, results: &Results) -> fmt::Result {
    let timeline = &results.timeline;
    let interval = timeline.interval_seconds.max(f64::MIN_POSITIVE);
    // Only whole intervals: a part of one would look like a fall.
    let whole = (results.seconds / interval + 1e-6).floor();
    let curves = [
        ("send", &timeline.sent),
        ("receive", &timeline.received),
        ("delete", &timeline.deleted),
    ];
    let mut lines: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    for (name, counts) in curves {
        if counts.is_empty() {
            continue;
        }
        let padded = counts.iter().copied().chain(std::iter::repeat(0));
        let points = padded
            .zip(0_u32..)
            .map(|(count, place)| (f64::from(place), count))
            .take_while(|(place, _)| *place < whole)
            .map(|(place, count)| (place * interval, as_rate(count, interval)));
        lines.push((name, points.collect()));
    }
    let most = lines.iter().flat_map(|(_, points)| points);
    let most = most.map(|(_, rate)| *rate).fold(1.0, f64::max);
    let x = Linear::new(results.seconds.max(interval), LEFT, RIGHT);
    let y = Linear::new(most, OVER_TIME.bottom, OVER_TIME.top);
    frame(out, OVER_TIME, lines.iter().map(|(name, _)| *name))?;
    for tick in y.ticks() {
        horizontal(out, y.place(tick), &short(tick))?;
    }
    for tick in x.ticks() {
        below(out, OVER_TIME, x.place(tick), &format!("{} s", short(tick)))?;
    }
    for (name, points) in lines {
        let points = points
            .into_iter()
            .map(|(at, rate)| (x.place(at), y.place(rate)));
        curve(out, name, points)?;
    }
    Ok(())
}

fn by_percentile(out: &mut String, results: &Results) -> fmt::Result {
    let mut curves: Vec<(&str, [f64; 8])> = results
        .operations()
        .map(|(name, operation)| (name, values(&operation.latency)))
        .collect();
    if let Some(latency) = &results.send_to_receive {
        curves.push(("send_to_receive", values(latency)));
    }
    frame(out, BY_PERCENTILE, curves.iter().map(|(name, _)| *name))?;
    let all = || curves.iter().flat_map(|(_, values)| values.iter().copied());
    let least = all().fold(f64::INFINITY, f64::min);
    let most = all().fold(0.0, f64::max);
    if curves.is_empty() {
        return writeln!(
            out,
            "<text class=\"muted\" x=\"{LEFT}\" y=\"{}\">Nothing was answered.</text>",
            BY_PERCENTILE.top + 24.0
        );
    }
    let y = Logarithmic::new(least, most, BY_PERCENTILE.bottom, BY_PERCENTILE.top);
    for tick in y.ticks() {
        horizontal(out, y.place(tick), &short(tick))?;
    }
    let places = percentile_places();
    let names = PERCENTILES.iter().map(|(name, _)| *name).chain(["max"]);
    for (name, place) in names.zip(places) {
        below(out, BY_PERCENTILE, place, name)?;
    }
    for (name, values) in curves {
        let points = places.into_iter().zip(values);
        curve(out, name, points.map(|(x, value)| (x, y.place(value))))?;
    }
    Ok(())
}

/// As the names, with the maximum a step after the last one.
fn percentile_places() -> [f64; 8] {
    let rarity = |rare: f64| -rare.log10();
    let first = rarity(PERCENTILES[0].1);
    let last = rarity(PERCENTILES[PERCENTILES.len() - 1].1) + 1.0;
    std::array::from_fn(|place| {
        let at = PERCENTILES
            .get(place)
            .map_or(last, |(_, rare)| rarity(*rare));
        LEFT + (at - first) / (last - first) * (RIGHT - 20.0 - LEFT)
    })
}

fn values(latency: &Latency) -> [f64; 8] {
    [
        latency.p50_ms,
        latency.p75_ms,
        latency.p90_ms,
        latency.p95_ms,
        latency.p99_ms,
        latency.p99_9_ms,
        latency.p99_99_ms,
        latency.max_ms,
    ]
}

/// The title of a panel, and which line is which.
fn frame<'n>(out: &mut String, panel: Panel, names: impl Iterator<Item = &'n str>) -> fmt::Result {
    const STEP: f64 = 112.0;
    let y = panel.top - 30.0;
    writeln!(
        out,
        "<text class=\"title\" x=\"24\" y=\"{y}\">{}</text>",
        panel.title
    )?;
    let mut x = 340.0;
    for name in names {
        writeln!(
            out,
            "<line class=\"{name}\" x1=\"{x}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>\
             <text x=\"{}\" y=\"{y}\">{}</text>",
            x + 22.0,
            y - 4.0,
            y - 4.0,
            x + 28.0,
            name.replace('_', " ")
        )?;
        x += STEP;
    }
    Ok(())
}

fn horizontal(out: &mut String, y: f64, label: &str) -> fmt::Result {
    writeln!(
        out,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
         <text class=\"muted end\" x=\"{}\" y=\"{:.1}\">{label}</text>",
        LEFT - 8.0,
        y + 4.0
    )
}

fn below(out: &mut String, panel: Panel, x: f64, label: &str) -> fmt::Result {
    writeln!(
        out,
        "<text class=\"muted middle\" x=\"{x:.1}\" y=\"{}\">{label}</text>",
        panel.bottom + 20.0
    )
}

fn curve(out: &mut String, name: &str, points: impl Iterator<Item = (f64, f64)>) -> fmt::Result {
    write!(out, "<polyline class=\"{name}\" points=\"")?;
    for (x, y) in points {
        write!(out, "{x:.1},{y:.1} ")?;
    }
    writeln!(out, "\"/>")
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 messages")]
fn as_rate(count: u64, interval: f64) -> f64 {
    count as f64 / interval
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// Lines differ in colour and in their strokes, for those who cannot tell the colours.
const STYLE: &str = "
svg { color-scheme: light dark; font: 13px system-ui, sans-serif }
text { fill: #1c2026 }
.paper { fill: #fcfbf9 }
.headline { font-size: 20px; font-weight: 600 }
.title { font-weight: 600 }
.muted { fill: #565e68 }
.end { text-anchor: end }
.middle { text-anchor: middle }
line, polyline { fill: none; stroke-width: 2 }
.grid { stroke: #dcd8d0; stroke-width: 1 }
.send { stroke: #1d5fa6 }
.receive { stroke: #c24e00; stroke-dasharray: 7 3 }
.delete { stroke: #0f766e; stroke-dasharray: 2 3 }
.send_to_receive { stroke: #8a3aa8; stroke-dasharray: 10 3 2 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e7e9ec }
.paper { fill: #14171b }
.muted { fill: #a5adb7 }
.grid { stroke: #343b44 }
.send { stroke: #6caaf2 }
.receive { stroke: #ff9350 }
.delete { stroke: #3fbfae }
.send_to_receive { stroke: #d59cf0 }
}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::results;

    fn points(svg: &str, class: &str) -> Vec<Vec<(f64, f64)>> {
        let document = roxmltree::Document::parse(svg).expect("XML");
        let lines = document
            .descendants()
            .filter(|node| node.has_tag_name("polyline") && node.attribute("class") == Some(class));
        let number = |text: &str| text.parse::<f64>().expect("a number");
        lines
            .map(|line| {
                let points = line.attribute("points").expect("points");
                let points = points.split_whitespace();
                let points = points.map(|point| point.split_once(',').expect("two numbers"));
                points.map(|(x, y)| (number(x), number(y))).collect()
            })
            .collect()
    }

    #[test]
    fn the_picture_has_a_line_over_time_and_one_by_percentile() {
        let svg = svg(&results());
        let lines = points(&svg, "send");
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [4, 8]);
        for (x, y) in lines.concat() {
            assert!((LEFT..=RIGHT).contains(&x) && (0.0..=HEIGHT).contains(&y));
        }
        assert!(points(&svg, "delete").is_empty());
        assert!(svg.contains("send: 20 messages/s (40 in 2.0 s)"));
    }

    #[test]
    fn the_picture_refers_to_nothing_outside_itself() {
        let svg = svg(&results());
        let outside = svg.replace("http://www.w3.org/2000/svg", "");
        let outside = outside.replace("http://127.0.0.1:9324", "");
        for reference in ["http", "href", "url(", "@import", "<script"] {
            assert!(!outside.contains(reference), "{reference}");
        }
    }

    #[test]
    fn a_run_in_which_nothing_was_answered_has_a_picture_too() {
        let mut empty = results();
        (empty.send, empty.timeline.sent) = (None, Vec::new());
        empty.endpoints = vec!["http://<&\">".to_owned()];
        let svg = svg(&empty);
        assert!(roxmltree::Document::parse(&svg).is_ok());
        assert!(svg.contains("Nothing was answered."));
    }
}
