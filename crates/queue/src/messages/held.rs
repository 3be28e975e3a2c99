//! What receivers do with the messages that they hold: delete them, or hide them for longer.

use zonemq_planted::{Bug, is_planted};

use super::stored::{Place, StoredMessage};
use super::{LONGEST_VISIBILITY, Messages, Order};
use crate::command::CommandError;
use crate::identity;
use crate::ids::QueueId;
use crate::receipt::ReceiptHandle;
use crate::time::{Millis, Seconds};

/// Why a handle does not lead to a message.
enum Lookup {
    /// It is that of a message that is gone: deleted, expired or purged.
    Gone,
    /// No delivery of this queue ever had it.
    Forged,
}

impl Messages {
    /// Deletes the message of a handle for good. In a standard queue any handle that was ever
    /// given out for it does; in a FIFO queue only that of the delivery which is in flight.
    pub(crate) fn delete(
        &mut self,
        queue: QueueId,
        handle: &ReceiptHandle,
    ) -> Result<(), CommandError> {
        match self.find(queue, handle) {
            Ok(message) => {
                let is_current = message.is_delivery_in_flight(handle);
                if let Order::Fifo { .. } = self.order
                    && !is_current
                {
                    return Err(CommandError::ReceiptHandleHasExpired);
                }
                if !is_planted(Bug::DeleteOnlyAnswers) {
                    self.remove(handle.message);
                }
                Ok(())
            }
            // Deleting twice is no error.
            Err(Lookup::Gone) => Ok(()),
            Err(Lookup::Forged) => Err(CommandError::ReceiptHandleIsInvalid),
        }
    }

    /// Hides the message of a handle until `now + timeout`; zero makes it visible at once. Returns
    /// the moment, if it stays hidden.
    pub(crate) fn change_visibility(
        &mut self,
        queue: QueueId,
        now: Millis,
        handle: &ReceiptHandle,
        timeout: Seconds,
    ) -> Result<Option<Millis>, CommandError> {
        let message = self.find(queue, handle).map_err(|lookup| match lookup {
            Lookup::Gone => CommandError::MessageDoesNotExist,
            Lookup::Forged => CommandError::ReceiptHandleIsInvalid,
        })?;
        if let Order::Fifo { .. } = self.order
            && !message.is_delivery_in_flight(handle)
        {
            return Err(CommandError::MessageDoesNotExist);
        }
        let Place::InFlight { until } = message.place else {
            return Err(CommandError::MessageNotInflight);
        };
        let new_until = now + timeout;
        if new_until > message.last_received_at + LONGEST_VISIBILITY {
            return Err(CommandError::VisibilityBeyondLimit);
        }
        if timeout == Seconds(0) {
            self.show(handle.message);
            return Ok(None);
        }
        self.hide_until(handle.message, until, new_until);
        Ok(Some(new_until))
    }

    fn find(&self, queue: QueueId, handle: &ReceiptHandle) -> Result<&StoredMessage, Lookup> {
        if handle.queue != queue || handle.message.0 >= self.next {
            return Err(Lookup::Forged);
        }
        let message = self.by_key.get(handle.message).ok_or(Lookup::Gone)?;
        let given_out = (1..=message.receive_count).contains(&handle.receive_count)
            && handle.token == identity::token(message.secret, handle.receive_count);
        if given_out {
            Ok(message)
        } else {
            Err(Lookup::Forged)
        }
    }
}
