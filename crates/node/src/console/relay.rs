//! `/console/faults`: sets and undoes a fault on all nodes at once.
//!
//! A page may talk to the node that it came from and to no other. So that node tells the others, at
//! their own `/admin/faults`: which exists only where faults are enabled, and answers only callers
//! on the same machine, as this path does.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use zonemq_world::World;

use super::asking::request;
use crate::admin::NodeState;
use crate::faults::{FAULTS_ARE_OFF, Fault};

/// A node that is paused takes nothing; what it missed ends by itself or is undone later.
const PATIENCE: Duration = Duration::from_secs(1);
const ALL: &str = "/admin/faults";

/// What each node said to it.
#[derive(Debug, Serialize)]
pub(super) struct Relayed {
    number: Option<u64>,
    nodes: Vec<NodeAnswer>,
}

#[derive(Debug, Serialize)]
struct NodeAnswer {
    id: u64,
    done: bool,
    why: Option<String>,
}

/// As much of `/admin/faults` as a new number needs.
#[derive(Debug, Deserialize)]
struct Active {
    faults: Vec<Numbered>,
}

#[derive(Debug, Deserialize)]
struct Numbered {
    number: u64,
}

/// A status, and why.
pub(super) type Refusal = (StatusCode, &'static str);

/// Whether a page may change anything here.
pub(super) fn allowed<W: World>(node: &NodeState<W>) -> Result<(), Refusal> {
    if node.config.faults.is_some() {
        Ok(())
    } else {
        Err((StatusCode::FORBIDDEN, FAULTS_ARE_OFF))
    }
}

/// `POST /console/faults` with a fault; its number is chosen here.
pub(super) async fn post<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    Json(mut fault): Json<Fault>,
) -> Result<Json<Relayed>, Refusal> {
    allowed(&node)?;
    let listed = tell_all(&node, &Method::GET, ALL, &Bytes::new()).await;
    let active = listed.iter().filter_map(|(_, answer)| {
        let (_, body) = answer.as_ref().ok()?;
        serde_json::from_slice::<Active>(body).ok()
    });
    let numbers = active.flat_map(|active| active.faults);
    fault.number = numbers.map(|fault| fault.number).max().unwrap_or(0) + 1;
    let Ok(body) = serde_json::to_vec(&fault) else {
        return Err((StatusCode::BAD_REQUEST, "the fault is no JSON\n"));
    };
    let told = tell_all(&node, &Method::POST, ALL, &body.into()).await;
    Ok(Json(relayed(Some(fault.number), told)))
}

/// `DELETE /console/faults/{number}`
pub(super) async fn undo<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    Path(number): Path<u64>,
) -> Result<Json<Relayed>, Refusal> {
    allowed(&node)?;
    let path = format!("{ALL}/{number}");
    let told = tell_all(&node, &Method::DELETE, &path, &Bytes::new()).await;
    Ok(Json(relayed(Some(number), told)))
}

/// `DELETE /console/faults`: undoes all.
pub(super) async fn heal<W: World>(
    State(node): State<Arc<NodeState<W>>>,
) -> Result<Json<Relayed>, Refusal> {
    allowed(&node)?;
    let told = tell_all(&node, &Method::DELETE, ALL, &Bytes::new()).await;
    Ok(Json(relayed(None, told)))
}

type Answer = Result<(StatusCode, Bytes), String>;

async fn tell_all<W: World>(
    node: &Arc<NodeState<W>>,
    method: &Method,
    path: &str,
    body: &Bytes,
) -> Vec<(u64, Answer)> {
    let mut told = Vec::new();
    for member in &node.config.members {
        let (node, api, method) = (node.clone(), member.api, method.clone());
        let (path, body) = (path.to_owned(), body.clone());
        let telling = tokio::spawn(async move {
            let asked = request(&node.world, api, method, &path, body);
            let late = || Err("it does not answer".to_owned());
            timeout(PATIENCE, asked).await.unwrap_or_else(|_| late())
        });
        told.push((member.id, telling));
    }
    let mut answers = Vec::new();
    for (id, telling) in told {
        let answer = telling.await;
        answers.push((id, answer.unwrap_or_else(|error| Err(error.to_string()))));
    }
    answers
}

fn relayed(number: Option<u64>, told: Vec<(u64, Answer)>) -> Relayed {
    let answers = told.into_iter().map(|(id, answer)| {
        let why = match answer {
            Ok((status, _)) if status.is_success() => None,
            Ok((_, body)) => Some(String::from_utf8_lossy(&body).trim_end().to_owned()),
            Err(why) => Some(why),
        };
        NodeAnswer {
            id,
            done: why.is_none(),
            why,
        }
    });
    Relayed {
        number,
        nodes: answers.collect(),
    }
}
