//! Waiting for a crowd: callers who ask in the same moment are served together, which costs far less
//! than one after the other.
//!
//! No clock says when all of them have come. Instead, whatever else is ready goes first, sockets
//! included, again and again; when a few such looks have brought nobody, there is nobody to wait for.

use tokio::task::yield_now;

/// So many looks in a row that bring nobody are the end. One is not enough: where a client's answer
/// is on its way to it, its next request takes a few.
const QUIET_LOOKS: u32 = 4;
/// There is an end even if somebody comes at each look.
const MOST_LOOKS: u32 = 50;

/// What a look has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Somebody,
    Nobody,
    /// There is no room for more.
    Full,
}

/// Looks until nobody comes any more. It takes no time where nothing else is ready.
pub(crate) async fn gather(mut look: impl FnMut() -> Found) {
    let mut quiet = 0;
    for _ in 0..MOST_LOOKS {
        yield_now().await;
        match look() {
            Found::Somebody => quiet = 0,
            Found::Nobody => quiet += 1,
            Found::Full => return,
        }
        if quiet == QUIET_LOOKS {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many looks there were, when they see this and then nobody.
    async fn looks(seen: &[Found]) -> usize {
        let mut looks = 0;
        gather(|| {
            let found = seen.get(looks).copied().unwrap_or(Found::Nobody);
            looks += 1;
            found
        })
        .await;
        looks
    }

    #[tokio::test]
    async fn a_crowd_has_come_when_a_few_looks_in_a_row_bring_nobody() {
        assert_eq!(looks(&[]).await, 4);
        let some = [Found::Nobody, Found::Nobody, Found::Nobody, Found::Somebody];
        assert_eq!(looks(&some).await, 8);
    }

    #[tokio::test]
    async fn a_crowd_is_not_waited_for_where_there_is_no_room_or_no_end_of_it() {
        assert_eq!(looks(&[Found::Somebody, Found::Full]).await, 2);
        assert_eq!(looks(&[Found::Somebody; 1000]).await, 50);
    }

    #[tokio::test]
    async fn whoever_is_ready_comes_before_the_next_look() {
        let (ask, mut asked) = tokio::sync::mpsc::channel(8);
        for _ in 0..8 {
            let ask = ask.clone();
            tokio::spawn(async move { ask.send(()).await });
        }
        let mut came = Vec::new();
        gather(|| {
            let mut now = 0;
            while asked.try_recv().is_ok() {
                now += 1;
            }
            came.push(now);
            if now == 0 {
                Found::Nobody
            } else {
                Found::Somebody
            }
        })
        .await;
        assert_eq!(came, [8, 0, 0, 0, 0]);
    }
}
