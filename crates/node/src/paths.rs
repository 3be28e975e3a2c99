//! What lies where on the API port: a few paths are our own, and all others are SQS's.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use zonemq_world::World;

use crate::admin::{self, NodeState};
use crate::console;
use crate::edge;
use crate::faults;
use crate::local::Caller;

/// What our own paths begin with. Those of SQS begin with an account, or there is none.
const OWN: [&str; 4] = ["/health", "/metrics", "/admin/", "/console"];

/// SQS's answers are whole; what lies at our own paths may come bit by bit.
type Answer = Response<Either<Full<Bytes>, Body>>;

/// All paths of the API port.
pub(crate) struct Paths<W: World> {
    node: Arc<NodeState<W>>,
    own_from_here: TowerToHyperService<Router>,
    own_from_elsewhere: TowerToHyperService<Router>,
}

impl<W: World> Paths<W> {
    pub(crate) fn new(node: Arc<NodeState<W>>) -> Paths<W> {
        let own = |caller| TowerToHyperService::new(own_paths(&node, caller));
        Paths {
            own_from_here: own(Caller::Here),
            own_from_elsewhere: own(Caller::Elsewhere),
            node,
        }
    }

    /// What a caller at an address gets.
    pub(crate) async fn answer(
        self: Arc<Self>,
        caller: SocketAddr,
        request: Request<Incoming>,
    ) -> Answer {
        let path = request.uri().path();
        if !OWN.iter().any(|own| path.starts_with(own)) {
            // Past the router: nearly all requests come this way.
            let faults = self.node.config.faults.as_ref();
            faults::let_request_in(faults).await;
            let answer = edge::handle(&self.node, request).await;
            faults::let_answer_out(faults).await;
            return answer.map(|body| Either::Left(Full::new(body)));
        }
        let own = match Caller::at(caller) {
            Caller::Here => &self.own_from_here,
            Caller::Elsewhere => &self.own_from_elsewhere,
        };
        let Ok(answer) = own.call(request).await;
        answer.map(Either::Right)
    }
}

fn own_paths<W: World>(node: &Arc<NodeState<W>>, caller: Caller) -> Router {
    Router::new()
        .route("/health", get(admin::health::<W>))
        .route("/metrics", get(admin::metrics::<W>))
        .route("/admin/status", get(admin::status::<W>))
        .route("/admin/clock/advance", post(admin::advance_clock::<W>))
        .with_state(node.clone())
        .merge(console::paths(node, caller))
        .merge(faults::paths(node.config.faults.as_ref(), caller))
}
