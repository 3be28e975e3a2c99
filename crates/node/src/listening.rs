//! Takes the ports of a node, from a process before it if need be.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use zonemq_world::{Network, World};

use crate::server::StartError;

/// The system frees the locks of a process that was killed some milliseconds before its ports, and
/// much later on a busy machine: whoever starts a node again because its lock is free may be early.
const FREE_WITHIN: Duration = Duration::from_secs(2);
/// The system tells nobody that a port is free.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// Listens on an address, as soon as nobody else does; an error where somebody goes on to.
pub(crate) async fn listen<W: World>(
    world: &W,
    address: SocketAddr,
) -> Result<<W::Network as Network>::Listener, StartError> {
    let deadline = Instant::now() + FREE_WITHIN;
    loop {
        match world.network().bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(TRY_EVERY).await;
            }
            bound => return bound.map_err(|source| StartError::Listen { address, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use zonemq_world::Listener;
    use zonemq_world::real::RealWorld;

    use super::*;

    async fn taken() -> (impl Listener, SocketAddr) {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let bound = RealWorld::new().network().bind(any).await;
        let holder = bound.expect("a free port");
        let address = holder.local_addr().expect("an address");
        (holder, address)
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_a_dying_process_still_holds_is_waited_for() {
        let (holder, address) = taken().await;
        let world = RealWorld::new();
        let (listener, ()) = tokio::join!(listen(&world, address), async {
            sleep(FREE_WITHIN / 2).await;
            drop(holder);
        });
        let listener = listener.expect("the port is free");
        assert_eq!(listener.local_addr().expect("an address"), address);
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_stays_taken_is_told_in_a_sentence() {
        let (_holder, address) = taken().await;
        let refused = listen(&RealWorld::new(), address).await.err();
        let why = refused.expect("it is taken").to_string();
        assert!(
            why.starts_with(&format!("cannot listen on {address}")),
            "{why}"
        );
    }
}
