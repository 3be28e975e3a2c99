//! Asks any node of the cluster what it tells of itself, and answers those who ask this one.
//!
//! Over the link of peers first. A link that is cut must not blind who watches, least of all when
//! it was cut on purpose: a node of this machine is asked at its API address as well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use zonemq_raft::{Forwarded, MOST_SEEN_ENTRIES};
use zonemq_world::{Network, World};

use super::overview::overview_of;
use super::trace::{message_id, trace_of};
use crate::admin::NodeState;
use crate::config::Member;
use crate::router::GROUP;

/// Whoever has not answered by then does not answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// A link that works answers within this, and nobody else is asked.
const HEAD_START: Duration = Duration::from_millis(30);
/// Far above any answer.
const MOST_ANSWER_BYTES: usize = 8 << 20;

/// What is asked, as JSON on the link. Grows at the end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Look {
    /// All of a node, with so many entries of its log.
    Overview {
        /// At most 200.
        entries: u64,
    },
    /// Where one message is.
    Message {
        /// As it is printed.
        id: String,
    },
}

impl Look {
    fn path(&self) -> String {
        match self {
            Look::Overview { entries } => format!("/admin/overview?log={entries}"),
            Look::Message { id } => format!("/admin/messages/{id}"),
        }
    }
}

/// Serves looks of peers, one after the other, until `looks` closes.
pub(crate) async fn serve<W: World>(node: Arc<NodeState<W>>, mut looks: mpsc::Receiver<Forwarded>) {
    while let Some(Forwarded { request, reply, .. }) = looks.recv().await {
        // One that is not understood is not answered: its exchange ends, and the peer says so.
        if let Ok(look) = serde_json::from_slice(&request)
            && let Some(answer) = answer(&node, &look).await
        {
            reply.send(answer.into()).await;
        }
    }
}

async fn answer<W: World>(node: &NodeState<W>, look: &Look) -> Option<String> {
    match look {
        Look::Overview { entries } => {
            let overview = overview_of(node, (*entries).min(MOST_SEEN_ENTRIES)).await;
            serde_json::to_string(&overview).ok()
        }
        Look::Message { id } => {
            let trace = trace_of(node, message_id(id).ok()?).await;
            serde_json::to_string(&trace).ok()
        }
    }
}

/// What a node answers, as JSON on one line; an error says why it does not.
pub(super) async fn ask<W: World>(
    node: &NodeState<W>,
    member: &Member,
    look: &Look,
) -> Result<String, String> {
    if member.id == node.config.id {
        let answer = answer(node, look).await;
        return answer.ok_or_else(|| "it cannot tell".to_owned());
    }
    let Ok(asked) = timeout(PATIENCE, over_any_way(node, member, look)).await else {
        return Err("it does not answer".to_owned());
    };
    let answer = asked?;
    serde_json::from_slice::<IgnoredAny>(&answer)
        .ok()
        .and_then(|_| String::from_utf8(answer.into()).ok())
        .ok_or_else(|| "it answers something else".to_owned())
}

async fn over_any_way<W: World>(
    node: &NodeState<W>,
    member: &Member,
    look: &Look,
) -> Result<Bytes, String> {
    let question = serde_json::to_vec(look).map_err(|error| error.to_string())?;
    let link = node.router.peers.look(member.id, GROUP, question.into());
    let at_its_address = async {
        if !member.api.ip().to_canonical().is_loopback() {
            return Err("its link does not answer".to_owned());
        }
        sleep(HEAD_START).await;
        let path = look.path();
        let asked = request(&node.world, member.api, Method::GET, &path, Bytes::new());
        match asked.await? {
            (StatusCode::OK, answer) => Ok(answer),
            (status, _) => Err(format!("it answers {status}")),
        }
    };
    tokio::select! {
        Ok(answer) = link => Ok(answer),
        Ok(answer) = at_its_address => Ok(answer),
        else => Err("it does not answer".to_owned()),
    }
}

/// One request to one of our own paths of a node on this machine.
pub(super) async fn request<W: World>(
    world: &W,
    api: SocketAddr,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), String> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, api.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    exchange(world, api, request).await
}

/// One request, on a connection of its own, to the API address of a node on this machine.
pub(super) async fn exchange<W: World>(
    world: &W,
    api: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), String> {
    let why = |error: &dyn std::error::Error| error.to_string();
    let stream = world.network().connect(api).await.map_err(|e| why(&e))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|e| why(&e))?;
    let answered = async {
        let answer = sender.send_request(request).await.map_err(|e| why(&e))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MOST_ANSWER_BYTES).collect();
        let body = body.await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    };
    tokio::pin!(answered);
    tokio::select! {
        answered = &mut answered => answered,
        // It ends when the answer is there, which is then read to its end, or when it is lost.
        ended = connection => match ended {
            Ok(()) => answered.await,
            Err(error) => Err(why(&error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_on_the_link_stay_as_they_are() {
        let overview = Look::Overview { entries: 24 };
        let message = Look::Message { id: "i".to_owned() };
        for (look, json, path) in [
            (
                overview,
                r#"{"Overview":{"entries":24}}"#,
                "/admin/overview?log=24",
            ),
            (message, r#"{"Message":{"id":"i"}}"#, "/admin/messages/i"),
        ] {
            assert_eq!(serde_json::to_string(&look).unwrap(), json);
            assert_eq!(serde_json::from_str::<Look>(json).unwrap(), look);
            assert_eq!(look.path(), path);
        }
    }
}
