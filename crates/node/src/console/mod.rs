//! What can be seen of a node and of the cluster, for people and for tools that show it to them.
//!
//! Each node tells of itself under `/admin`; `/console` is the page for a browser, and what it is
//! fed with: the picture of all nodes, which the node that serves it gathers. Nothing here changes
//! a queue or the log, but that a page may be taken to another node as a client of it. All of it is for
//! callers on the node's own machine.

mod asking;
mod events;
mod gathering;
mod lessons;
mod log;
mod messages;
mod overview;
mod page;
mod passing;
mod predicting;
mod relay;
mod trace;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn;
use axum::routing::{any, delete, get, post};
use zonemq_world::World;

use crate::admin::NodeState;
use crate::local::{Caller, called_by_a_local_name};

pub(crate) use self::asking::serve;
pub(crate) use self::gathering::{Console, run};

const OVERVIEW: &str = "/admin/overview";
const LOG: &str = "/admin/log";
const PEEK: &str = "/admin/queues/{name}/messages";
const MESSAGE: &str = "/admin/messages/{id}";
const EVENTS: &str = "/console/events";
const TRACE: &str = "/console/messages/{id}";
const FAULTS: &str = "/console/faults";
const FAULT: &str = "/console/faults/{number}";
const OUTLOOK: &str = "/console/outlook";
const LESSONS: &str = "/console/lessons";
const NODE: &str = "/console/nodes/{id}";
const PAGE: &str = "/console";
const PART: &str = "/console/{part}";

/// The paths as this caller finds them.
pub(crate) fn paths<W: World>(node: &Arc<NodeState<W>>, caller: Caller) -> Router {
    if caller == Caller::Elsewhere {
        let refuse = any(async || {
            let sentence =
                "a node shows itself to its own machine only: ask it at 127.0.0.1 there\n";
            (StatusCode::FORBIDDEN, sentence)
        });
        let all = [OVERVIEW, LOG, PEEK, MESSAGE, PAGE, "/console/{*rest}"];
        let router = |router: Router, path| router.route(path, refuse.clone());
        return all.into_iter().fold(Router::new(), router);
    }
    let at_most = DefaultBodyLimit::max(passing::MOST_CALL_BYTES);
    Router::new()
        .route(OVERVIEW, get(overview::overview::<W>))
        .route(LOG, get(log::log::<W>))
        .route(PEEK, get(messages::peek::<W>))
        .route(MESSAGE, get(trace::here::<W>))
        .route(EVENTS, get(events::events::<W>))
        .route(TRACE, get(trace::everywhere::<W>))
        .route(FAULTS, post(relay::post::<W>).delete(relay::heal::<W>))
        .route(FAULT, delete(relay::undo::<W>))
        .route(OUTLOOK, post(predicting::outlook::<W>))
        .route(LESSONS, get(lessons::lessons))
        .route(NODE, post(passing::pass::<W>).layer(at_most))
        .route(PAGE, get(page::page))
        .route(PART, get(page::part))
        .layer(from_fn(called_by_a_local_name))
        .with_state(node.clone())
}

/// A number in the query of a request: `default` where it is not named, a sentence where it is none.
fn number_in(uri: &Uri, name: &str, default: u64) -> Result<u64, (StatusCode, String)> {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    let value = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.map_or(Ok(default), str::parse).map_err(|_| {
        let sentence = format!("{name} is a whole number, as in ?{name}={default}\n");
        (StatusCode::BAD_REQUEST, sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_the_query() {
        let number = |uri: &str| number_in(&uri.parse().unwrap(), "last", 20);
        assert_eq!(number("/admin/log"), Ok(20));
        assert_eq!(number("/admin/log?last=7"), Ok(7));
        assert_eq!(number("/admin/log?lastly=3&last=8"), Ok(8));
        let (status, sentence) = number("/admin/log?last=-1").unwrap_err();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(sentence.contains("?last=20"), "{sentence}");
    }
}
