use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::identity;
use crate::message::ContentPlace;
use crate::time::Millis;

fn message(number: u64) -> StoredMessage {
    let place = ContentPlace {
        index: number,
        offset: 0,
        length: 1,
    };
    StoredMessage::new(Millis(number), identity::of_message(1, 2, 3), place, None)
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Remove(u64),
    Change(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..300_u64;
    prop_oneof![
        3 => key.clone().prop_map(Step::Insert),
        2 => key.clone().prop_map(Step::Remove),
        1 => key.prop_map(Step::Change),
    ]
}

fn assert_holds(pages: &Pages, expected: &BTreeMap<MessageKey, StoredMessage>) {
    assert_eq!(pages.len(), expected.len() as u64);
    let expected = expected.iter().map(|(key, message)| (*key, message));
    assert!(pages.iter().eq(expected));
}

proptest! {
    #[test]
    fn they_are_a_map_and_a_clone_stays_as_it_was(
        before in prop::collection::vec(step(), 0..200),
        after in prop::collection::vec(step(), 0..200),
    ) {
        let mut pages = Pages::default();
        let mut expected = BTreeMap::new();
        let mut number = 0;
        let mut take = |pages: &mut Pages, expected: &mut BTreeMap<_, _>, step: &Step| {
            number += 1;
            match *step {
                Step::Insert(key) if expected.contains_key(&MessageKey(key)) => {}
                Step::Insert(key) => {
                    pages.insert(MessageKey(key), message(number));
                    expected.insert(MessageKey(key), message(number));
                }
                Step::Remove(key) => {
                    let key = MessageKey(key);
                    assert_eq!(pages.remove(key), expected.remove(&key));
                }
                Step::Change(key) => {
                    let key = MessageKey(key);
                    assert_eq!(pages.get(key), expected.get(&key));
                    let changed = pages.get_mut(key).map(|it| *it = message(number));
                    let expected = expected.get_mut(&key).map(|it| *it = message(number));
                    assert_eq!(changed, expected);
                }
            }
        };
        for step in &before {
            take(&mut pages, &mut expected, step);
        }
        let (clone, expected_clone) = (pages.clone(), expected.clone());
        for step in &after {
            take(&mut pages, &mut expected, step);
        }
        assert_holds(&pages, &expected);
        assert_holds(&clone, &expected_clone);

        let mut rebuilt = Pages::default();
        for (number, page) in pages.clone().into_pages() {
            prop_assert!(rebuilt.push_page(number, page).is_some());
        }
        prop_assert_eq!(rebuilt, pages);
    }
}

#[test]
fn a_page_takes_no_more_than_twice_its_messages() {
    let mut page = Page::default();
    for at in 0..64 {
        page.insert(1 << at, message(at));
    }
    assert_eq!(page.messages.capacity(), 64);
    for at in 0..63 {
        page.remove(1 << at);
        assert!(page.messages.capacity() <= 2 * page.messages.len() + 1);
    }
}

#[test]
fn a_page_fills_up_even_if_a_clone_was_made_of_it_at_any_time() {
    for cloned_at in 0..64 {
        let mut pages = Pages::default();
        let mut clone = None;
        for at in 0..64 {
            if at == cloned_at {
                clone = Some(pages.clone());
            }
            pages.insert(MessageKey(at), message(at));
        }
        assert_eq!(pages.len(), 64);
        assert_eq!(clone.map(|clone| clone.len()), Some(cloned_at));
        let page = pages.by_number.get(&PageNumber(0)).expect("a page");
        assert_eq!(page.messages.capacity(), 64);
    }
}

#[test]
fn what_is_no_page_or_out_of_order_is_refused() {
    let page = |occupied, messages| {
        let messages = vec![message(1); messages];
        Arc::new(Page { occupied, messages })
    };
    let mut pages = Pages::default();
    assert_eq!(pages.push_page(PageNumber(1), page(0b10, 2)), None);
    assert_eq!(pages.push_page(PageNumber(1), page(0, 0)), None);
    assert_eq!(pages.push_page(PageNumber(u64::MAX), page(1, 1)), None);
    let keys = pages.push_page(PageNumber(1), page(0b10, 1));
    assert_eq!(keys, Some(vec![MessageKey(65)]));
    assert_eq!(pages.push_page(PageNumber(1), page(0b100, 1)), None);
    assert_eq!(pages.len(), 1);
}

#[test]
fn a_message_takes_no_more_than_96_bytes() {
    assert!(size_of::<StoredMessage>() <= 96);
}
