//! The queues by name: creating, finding, listing and deleting them, and their settings.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attributes::{
    AttributeChanges, DeduplicationScope, FifoThroughputLimit, QueueAttributes, QueueDescription,
    Tags,
};
use crate::command::{CommandError, Cooldown, Outcome, Reply};
use crate::deduplication::Deduplication;
use crate::discarded::Discarded;
use crate::ids::{QueueId, QueueKey};
use crate::message::ContentPlace;
use crate::messages::Messages;
use crate::paged_map::PagedMap;
use crate::paged_set::PagedSet;
use crate::policy;
use crate::time::{Millis, Seconds};

/// AWS's waiting time, after DeleteQueue and between purges.
const COOLDOWN: Seconds = Seconds(60);
/// Deleted queues that one command forgets.
const FORGOTTEN_AT_ONCE: usize = 100;
/// As AWS recommends.
const TAG_LIMIT: usize = 50;

/// All queues, and what is remembered of those that are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Catalog {
    /// A queue is shared with clones of the state until one of them changes it.
    queues: PagedMap<QueueKey, Arc<Queue>>,
    created: u64,
    /// Dead-letter queues with each of their sources. The dead-letter queue may be gone.
    dead_letter_sources: PagedSet<(QueueKey, QueueKey)>,
    /// Queues that were deleted in the last minute, and some that were before.
    deleted: PagedMap<QueueKey, Millis>,
    deleted_by_age: PagedSet<(Millis, QueueKey)>,
}

/// One life of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) attributes: QueueAttributes,
    pub(crate) tags: Tags,
    pub(crate) messages: Messages,
    /// What a FIFO queue has accepted lately; empty in a standard queue.
    pub(crate) deduplication: Deduplication,
    created_at: Millis,
    last_modified_at: Millis,
    purged_at: Option<Millis>,
}

/// What the catalog knows beside its queues.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CatalogHead {
    created: u64,
    deleted: BTreeMap<QueueKey, Millis>,
    deleted_by_age: BTreeSet<(Millis, QueueKey)>,
}

/// What a queue is beside what it holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QueueHead {
    id: QueueId,
    attributes: QueueAttributes,
    tags: Tags,
    created_at: Millis,
    last_modified_at: Millis,
    purged_at: Option<Millis>,
}

impl QueueHead {
    /// About what it takes when it is encoded, rather too much than too little.
    pub(crate) fn size_bytes(&self) -> usize {
        let tags = self.tags.iter();
        let tags = tags.map(|(key, value)| 8 + key.len() + value.len());
        let policy = self.attributes.policy.as_ref().map_or(0, String::len);
        2048 + policy + tags.sum::<usize>()
    }
}

impl Catalog {
    /// For a snapshot: the queues come one by one, so that they are freed one by one.
    pub(crate) fn into_parts(
        self,
    ) -> (CatalogHead, impl Iterator<Item = (QueueKey, Queue)> + Send) {
        let head = CatalogHead {
            created: self.created,
            deleted: self.deleted.into_iter().collect(),
            deleted_by_age: self.deleted_by_age.into_iter().collect(),
        };
        let queues = self.queues.into_iter();
        let queues = queues.map(|(key, queue)| (key, Arc::unwrap_or_clone(queue)));
        (head, queues)
    }

    pub(crate) fn restore(head: CatalogHead) -> Catalog {
        let mut catalog = Catalog {
            created: head.created,
            ..Catalog::default()
        };
        for (key, at) in head.deleted {
            catalog.deleted.insert(key, at);
        }
        for deleted in head.deleted_by_age {
            catalog.deleted_by_age.insert(deleted);
        }
        catalog
    }

    /// Adds a queue as it was; nothing if there is one of this name.
    pub(crate) fn restore_queue(&mut self, key: QueueKey, queue: Queue) -> Option<()> {
        self.note_dead_letter_queue(&key, None, &queue.attributes);
        let before = self.queues.insert(key, Arc::new(queue));
        before.is_none().then_some(())
    }

    pub(crate) fn find(&self, key: &QueueKey) -> Result<&Queue, CommandError> {
        let queue = self.queues.get(key).map(Arc::as_ref);
        queue.ok_or(CommandError::QueueDoesNotExist)
    }

    pub(crate) fn find_mut(&mut self, key: &QueueKey) -> Result<&mut Queue, CommandError> {
        let queue = self.queues.get_mut(key).map(Arc::make_mut);
        queue.ok_or(CommandError::QueueDoesNotExist)
    }

    /// For a bug that is planted in snapshots.
    pub(crate) fn forget_duplicates(&mut self) {
        let queues: Vec<QueueKey> = self.iter().map(|(key, _)| key.clone()).collect();
        for key in queues {
            if let Ok(queue) = self.find_mut(&key) {
                queue.deduplication = Deduplication::default();
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&QueueKey, &Queue)> {
        self.queues.iter().map(|(key, queue)| (key, queue.as_ref()))
    }

    pub(crate) fn create(
        &mut self,
        now: Millis,
        key: &QueueKey,
        changes: &AttributeChanges,
        tags: &Tags,
        cooldown: Cooldown,
    ) -> Reply<ContentPlace> {
        if let Some(queue) = self.queues.get(key) {
            return match changes.first_difference(&queue.attributes) {
                None => Ok(Outcome::Exists),
                Some(attribute) => Err(CommandError::QueueNameExists {
                    attribute: attribute.to_owned(),
                }),
            };
        }
        self.forget_deleted(now);
        let deleted_at = self.deleted.get(key);
        let is_too_early = deleted_at.is_some_and(|at| *at + COOLDOWN > now);
        if cooldown == Cooldown::Minute && is_too_early {
            return Err(CommandError::QueueDeletedRecently);
        }
        if tags.len() > TAG_LIMIT {
            return Err(CommandError::TooManyTags);
        }
        let mut attributes = QueueAttributes::defaults_for(key);
        changes.apply_to(&mut attributes);
        self.check(key, &attributes)?;
        self.note_dead_letter_queue(key, None, &attributes);
        self.created += 1;
        let queue = Queue {
            id: QueueId(self.created),
            attributes,
            tags: tags.clone(),
            messages: Messages::new(key),
            deduplication: Deduplication::default(),
            created_at: now,
            last_modified_at: now,
            purged_at: None,
        };
        self.queues.insert(key.clone(), Arc::new(queue));
        Ok(Outcome::Exists)
    }

    pub(crate) fn delete(
        &mut self,
        now: Millis,
        key: &QueueKey,
        discarded: &mut Discarded,
    ) -> Result<(), CommandError> {
        let queue = self.queues.remove(key).map(Arc::unwrap_or_clone);
        let queue = queue.ok_or(CommandError::QueueDoesNotExist)?;
        if let Some(policy) = queue.attributes.redrive_policy {
            self.dead_letter_sources
                .remove(&(policy.dead_letter_queue, key.clone()));
        }
        self.forget_deleted(now);
        self.deleted.insert(key.clone(), now);
        self.deleted_by_age.insert((now, key.clone()));
        discarded.add(queue.messages, queue.deduplication);
        Ok(())
    }

    /// A few of them, and more than are added: a hundred thousand at once would hold the node up.
    fn forget_deleted(&mut self, now: Millis) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((at, key)) = self.deleted_by_age.first() else {
                return;
            };
            if *at + COOLDOWN > now {
                return;
            }
            let oldest = (*at, key.clone());
            self.deleted_by_age.remove(&oldest);
            let (at, key) = oldest;
            // It may have been created and deleted again since.
            if self.deleted.get(&key) == Some(&at) {
                self.deleted.remove(&key);
            }
        }
    }

    pub(crate) fn set_attributes(
        &mut self,
        now: Millis,
        key: &QueueKey,
        changes: &AttributeChanges,
    ) -> Reply<ContentPlace> {
        let old = self.find(key)?.attributes.clone();
        let mut attributes = old.clone();
        changes.apply_to(&mut attributes);
        if changes.redrive_policy.is_some() || attributes.fifo != old.fifo {
            self.check(key, &attributes)?;
        }
        self.note_dead_letter_queue(key, Some(&old), &attributes);
        let queue = self.find_mut(key)?;
        queue.attributes = attributes;
        queue.last_modified_at = now;
        Ok(Outcome::Done)
    }

    /// What can only be judged with all attributes, and other queues, at hand.
    fn check(&self, key: &QueueKey, attributes: &QueueAttributes) -> Result<(), CommandError> {
        if let Some(fifo) = attributes.fifo
            && fifo.throughput_limit == FifoThroughputLimit::PerMessageGroupId
            && fifo.deduplication_scope != DeduplicationScope::MessageGroup
        {
            return Err(CommandError::ThroughputLimitNeedsGroupScope);
        }
        let Some(policy) = &attributes.redrive_policy else {
            return Ok(());
        };
        let target = &policy.dead_letter_queue;
        let Some(dead_letter_queue) = self.queues.get(target) else {
            return Err(CommandError::DeadLetterQueueDoesNotExist);
        };
        if target.is_fifo() != key.is_fifo() {
            return Err(CommandError::DeadLetterQueueOfOtherType);
        }
        match &dead_letter_queue.attributes.redrive_allow_policy {
            Some(allowed) if !allowed.allows(key) => Err(CommandError::DeadLetterQueueNotAllowed),
            Some(_) | None => Ok(()),
        }
    }

    fn note_dead_letter_queue(
        &mut self,
        key: &QueueKey,
        old: Option<&QueueAttributes>,
        new: &QueueAttributes,
    ) {
        if let Some(policy) = old.and_then(|old| old.redrive_policy.clone()) {
            self.dead_letter_sources
                .remove(&(policy.dead_letter_queue, key.clone()));
        }
        if let Some(policy) = new.redrive_policy.clone() {
            self.dead_letter_sources
                .insert((policy.dead_letter_queue, key.clone()));
        }
    }

    fn sources_of(
        &self,
        dead_letter_queue: &QueueKey,
        after: Bound<QueueKey>,
    ) -> impl Iterator<Item = &QueueKey> {
        let first = QueueKey {
            account: String::new(),
            region: String::new(),
            name: String::new(),
        };
        let from = match after {
            Bound::Excluded(source) => Bound::Excluded((dead_letter_queue.clone(), source)),
            Bound::Included(_) | Bound::Unbounded => {
                Bound::Included((dead_letter_queue.clone(), first))
            }
        };
        self.dead_letter_sources
            .range_from(from)
            .take_while(move |(target, _)| target == dead_letter_queue)
            .map(|(_, source)| source)
    }

    /// Whether any queue sends its dead letters here.
    pub(crate) fn is_dead_letter_queue(&self, key: &QueueKey) -> bool {
        self.sources_of(key, Bound::Unbounded).next().is_some()
    }

    pub(crate) fn dead_letter_sources(
        &self,
        key: &QueueKey,
        after: Option<&QueueKey>,
        limit: u16,
    ) -> Reply<ContentPlace> {
        self.find(key)?;
        let after = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()));
        let mut sources = self.sources_of(key, after).cloned();
        let queues = sources.by_ref().take(limit.into()).collect();
        Ok(Outcome::DeadLetterSourceQueues {
            queues,
            more: sources.next().is_some(),
        })
    }

    pub(crate) fn list(
        &self,
        account: &str,
        region: &str,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Outcome<ContentPlace> {
        let key = |name: &str| QueueKey {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        };
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(key(after)),
            _ => Bound::Included(key(prefix)),
        };
        let mut names = self
            .queues
            .range_from(from)
            .map(|(key, _)| key)
            .take_while(|key| {
                key.account == account && key.region == region && key.name.starts_with(prefix)
            })
            .map(|key| key.name.clone());
        let page: Vec<String> = names.by_ref().take(limit.into()).collect();
        Outcome::Queues {
            more: names.next().is_some(),
            names: page,
        }
    }
}

impl Queue {
    /// The queue without what it holds, and what it holds.
    pub(crate) fn into_parts(self) -> (QueueHead, Deduplication, Messages) {
        let head = QueueHead {
            id: self.id,
            attributes: self.attributes,
            tags: self.tags,
            created_at: self.created_at,
            last_modified_at: self.last_modified_at,
            purged_at: self.purged_at,
        };
        (head, self.deduplication, self.messages)
    }

    /// A queue that holds nothing yet.
    pub(crate) fn restore(key: &QueueKey, head: QueueHead) -> Queue {
        Queue {
            id: head.id,
            attributes: head.attributes,
            tags: head.tags,
            messages: Messages::new(key),
            deduplication: Deduplication::default(),
            created_at: head.created_at,
            last_modified_at: head.last_modified_at,
            purged_at: head.purged_at,
        }
    }

    pub(crate) fn describe(&self) -> QueueDescription {
        let counts = self.messages.counts();
        QueueDescription {
            attributes: self.attributes.clone(),
            created_at: self.created_at,
            last_modified_at: self.last_modified_at,
            visible: counts.visible,
            in_flight: counts.in_flight,
            delayed: counts.delayed,
            noisy_groups: self.messages.noisy_groups(),
        }
    }

    pub(crate) fn purge(
        &mut self,
        now: Millis,
        key: &QueueKey,
        cooldown: Cooldown,
        discarded: &mut Discarded,
    ) -> Reply<ContentPlace> {
        let is_too_early = self.purged_at.is_some_and(|at| at + COOLDOWN > now);
        if cooldown == Cooldown::Minute && is_too_early {
            return Err(CommandError::PurgeQueueInProgress);
        }
        self.purged_at = Some(now);
        let messages = self.messages.purge(key);
        discarded.add(messages, std::mem::take(&mut self.deduplication));
        Ok(Outcome::Done)
    }

    pub(crate) fn tag(&mut self, tags: &Tags) -> Reply<ContentPlace> {
        let mut all = self.tags.clone();
        all.extend(tags.clone());
        if all.len() > TAG_LIMIT {
            return Err(CommandError::TooManyTags);
        }
        self.tags = all;
        Ok(Outcome::Done)
    }

    pub(crate) fn untag(&mut self, keys: &[String]) {
        for key in keys {
            self.tags.remove(key);
        }
    }

    pub(crate) fn add_permission(
        &mut self,
        now: Millis,
        key: &QueueKey,
        label: &str,
        accounts: &[String],
        actions: &[String],
    ) -> Reply<ContentPlace> {
        let before = self.attributes.policy.as_deref();
        let policy = policy::with_statement(before, key, label, accounts, actions)?;
        self.attributes.policy = Some(policy);
        self.last_modified_at = now;
        Ok(Outcome::Done)
    }

    pub(crate) fn remove_permission(&mut self, now: Millis, label: &str) -> Reply<ContentPlace> {
        let before = self.attributes.policy.as_deref();
        self.attributes.policy = policy::without_statement(before, label)?;
        self.last_modified_at = now;
        Ok(Outcome::Done)
    }
}
