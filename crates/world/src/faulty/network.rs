//! A network on whose links rules lie, at the side that dials.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::lateness::lateness;
use super::stream::Ends;
use super::{Breakable, FaultyStream, Passage};
use crate::{Chance, Listener, Network};

/// A network with rules.
#[derive(Clone, Debug)]
pub struct FaultyNetwork<N, C> {
    inner: N,
    chance: C,
    breakable: Option<Arc<Breakable>>,
}

impl<N, C> FaultyNetwork<N, C> {
    pub(super) fn new(inner: N, chance: C, breakable: Option<Arc<Breakable>>) -> Self {
        FaultyNetwork {
            inner,
            chance,
            breakable,
        }
    }
}

impl<N: Network, C: Chance> Network for FaultyNetwork<N, C> {
    type Stream = FaultyStream<N::Stream, C>;
    type Listener = FaultyListener<N::Listener, C>;

    async fn bind(&self, address: SocketAddr) -> io::Result<Self::Listener> {
        let inner = self.inner.bind(address).await?;
        Ok(FaultyListener {
            inner,
            _chance: std::marker::PhantomData,
        })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        let known = self.breakable.as_ref().and_then(|breakable| {
            let peer = *breakable.nodes.get(&address)?;
            Some((breakable.book.clone(), breakable.me, peer))
        });
        let Some((book, me, peer)) = known else {
            return Ok(FaultyStream::plain(self.inner.connect(address).await?));
        };
        if !book.is_calm() {
            let refuses = |rules: &super::Rules| {
                let passages = [rules.link(me, peer).passage, rules.link(peer, me).passage];
                passages.contains(&Passage::Refused)
            };
            // The caller's deadline ends a wait that is too long.
            book.wait_until(|rules| rules.can_connect(me, peer) || refuses(rules))
                .await;
            if book.look(refuses) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (there, back) = book.look(|rules| (rules.link(me, peer), rules.link(peer, me)));
            let late = lateness(&there, &self.chance) + lateness(&back, &self.chance);
            if !late.is_zero() {
                tokio::time::sleep(late).await;
            }
        }
        let inner = self.inner.connect(address).await?;
        let ends = Ends {
            book,
            me,
            peer,
            chance: self.chance.clone(),
        };
        Ok(FaultyStream::between(inner, ends))
    }
}

/// A listener whose connections pass no rules here: they do where they were dialled.
#[derive(Debug)]
pub struct FaultyListener<L, C> {
    inner: L,
    _chance: std::marker::PhantomData<C>,
}

impl<L, C> Listener for FaultyListener<L, C>
where
    L: Listener,
    L::Stream: Send + 'static,
    C: Chance,
{
    type Stream = FaultyStream<L::Stream, C>;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    async fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)> {
        let (inner, peer) = self.inner.accept().await?;
        Ok((FaultyStream::plain(inner), peer))
    }
}
