//! Frees what is large on a thread of its own. Millions of messages take a second, in which the task
//! that applies entries would let heartbeats wait, and a leader would be taken for dead.

use tokio::sync::mpsc;
use zonemq_world::{Disk, Urgency, World};

/// Things that wait to be freed; what comes when there are more is freed at once.
const WAITING_THINGS: usize = 16;

/// Where large things are left that nobody needs any more.
#[derive(Clone, Debug)]
pub(crate) struct Freeing {
    things: mpsc::Sender<Thing>,
}

type Thing = Box<dyn Send>;

impl Freeing {
    pub(crate) fn start<W: World>(world: &W) -> std::io::Result<Freeing> {
        let (things, mut waiting) = mpsc::channel::<Thing>(WAITING_THINGS);
        world
            .disk()
            .spawn("freeing", Urgency::Background, async move {
                while let Some(thing) = waiting.recv().await {
                    drop(thing);
                }
            })?;
        Ok(Freeing { things })
    }

    pub(crate) fn free(&self, thing: impl Send + 'static) {
        // Without room, the thing comes back in the error.
        drop(self.things.try_send(Box::new(thing)));
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{self, ThreadId};

    use tokio::sync::oneshot;
    use zonemq_world::real::RealWorld;

    use super::*;

    /// Tells which thread has freed it.
    struct Told(Option<oneshot::Sender<ThreadId>>);

    impl Drop for Told {
        fn drop(&mut self) {
            let told = self.0.take().expect("freed once");
            let _ = told.send(thread::current().id());
        }
    }

    #[tokio::test]
    async fn what_is_large_is_freed_on_another_thread() {
        let freeing = Freeing::start(&RealWorld::new()).expect("a thread");
        let (tell, told) = oneshot::channel();
        freeing.free(Told(Some(tell)));
        assert_ne!(told.await.expect("freed"), thread::current().id());
    }

    #[tokio::test]
    async fn what_finds_no_room_is_freed_at_once() {
        let (things, _nobody) = mpsc::channel(1);
        let freeing = Freeing { things };
        freeing.free(());
        let (tell, mut told) = oneshot::channel();
        freeing.free(Told(Some(tell)));
        assert_eq!(told.try_recv(), Ok(thread::current().id()));
    }
}
