//! `POST /console/outlook`: what should follow on a cluster that looks like this. Nothing changes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use zonemq_world::World;

use crate::admin::NodeState;
use crate::outlook::{Picture, Prediction, predict};

/// As many as a page shows, and far more than a prediction is of use for.
const MOST_NODES: usize = 9;
/// All links of so many nodes, broken several times over.
const MOST_EFFECTS: usize = 1000;

/// Answers with the outlook of the picture in the request.
pub(super) async fn outlook<W: World>(
    State(node): State<Arc<NodeState<W>>>,
    Json(picture): Json<Picture>,
) -> Result<Json<Prediction>, (StatusCode, String)> {
    if picture.nodes.len() > MOST_NODES || picture.effects.len() > MOST_EFFECTS {
        let sentence = format!(
            "a picture has at most {MOST_NODES} nodes, and {MOST_EFFECTS} effects of faults\n"
        );
        return Err((StatusCode::BAD_REQUEST, sentence));
    }
    Ok(Json(predict(&picture, &[], node.config.request_timeout)))
}
