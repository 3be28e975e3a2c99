//! `/console`: the page, whose parts are in the program itself. It loads nothing from elsewhere.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A browser runs what comes from this node, and nothing that a message says.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const FRAME: &str = include_str!("../../page/console.html");

/// Names and texts of what the frame names.
const PARTS: [(&str, &str); 26] = [
    ("icon.svg", include_str!("../../page/icon.svg")),
    (
        "colours.css",
        include_str!("../../../report/page/colours.css"),
    ),
    ("console.css", include_str!("../../page/console.css")),
    ("main.js", include_str!("../../page/main.js")),
    ("elements.js", include_str!("../../page/elements.js")),
    ("cluster.js", include_str!("../../page/cluster.js")),
    ("terms.js", include_str!("../../page/terms.js")),
    ("map.js", include_str!("../../page/map.js")),
    ("log.js", include_str!("../../page/log.js")),
    ("sqs.js", include_str!("../../page/sqs.js")),
    ("groups.js", include_str!("../../page/groups.js")),
    ("settings.js", include_str!("../../page/settings.js")),
    ("redrive.js", include_str!("../../page/redrive.js")),
    ("peek.js", include_str!("../../page/peek.js")),
    ("queues.js", include_str!("../../page/queues.js")),
    ("message.js", include_str!("../../page/message.js")),
    ("load.js", include_str!("../../page/load.js")),
    ("outlook.js", include_str!("../../page/outlook.js")),
    ("slow_motion.js", include_str!("../../page/slow_motion.js")),
    ("steps.js", include_str!("../../page/steps.js")),
    ("breaking.js", include_str!("../../page/breaking.js")),
    ("classroom.js", include_str!("../../page/classroom.js")),
    ("acts.js", include_str!("../../page/acts.js")),
    ("checks.js", include_str!("../../page/checks.js")),
    ("learn.js", include_str!("../../page/learn.js")),
    ("lab.js", include_str!("../../page/lab.js")),
];

/// `GET /console`
pub(super) async fn page() -> Response {
    answer("text/html; charset=utf-8", FRAME)
}

/// `GET /console/{part}`
pub(super) async fn part(Path(name): Path<String>) -> Response {
    let Some((name, text)) = PARTS.iter().find(|(known, _)| *known == name) else {
        return (StatusCode::NOT_FOUND, "the page has no such part\n").into_response();
    };
    let content_type = match name.rsplit_once('.') {
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    answer(content_type, text)
}

fn answer(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_and_the_modules_name_parts_that_are_there() {
        let texts = PARTS.iter().map(|(_, text)| *text).chain([FRAME]);
        for text in texts {
            for quoted in text.split('"').skip(1).step_by(2) {
                let path = quoted
                    .strip_prefix("/console/")
                    .or(quoted.strip_prefix("./"));
                if let Some(name) = path
                    && name.contains('.')
                {
                    assert!(PARTS.iter().any(|(known, _)| *known == name), "{name}");
                }
            }
        }
    }

    #[test]
    fn nothing_that_a_message_says_is_taken_for_markup() {
        for (name, text) in PARTS {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
    }
}
