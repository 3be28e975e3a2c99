//! What the judge takes for a broken promise, and what it must not.

use zonemq_history::event::{DeadLetters, Settings};
use zonemq_history::{Invariant, Verdict, judge, read};

use crate::talk::{Talk, fifo, message, standard};

fn violated(talk: &Talk) -> Vec<Invariant> {
    match judge(&talk.history()) {
        Verdict::Pass(_) => Vec::new(),
        Verdict::Violated(_, violations) => violations.iter().map(|v| v.invariant).collect(),
        Verdict::Unknown(why) => panic!("{why}"),
    }
}

fn passes(talk: &Talk) {
    assert_eq!(judge(&talk.history()), Verdict::Pass(talk.summary()));
}

#[test]
fn a_message_that_is_sent_received_and_deleted_is_well() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    let handle = talk.receive("q", "m", "id", 1);
    talk.delete("q", &handle);
    talk.drained("q");
    passes(&talk);
}

#[test]
fn an_acknowledged_message_that_never_comes_is_lost() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    talk.drained("q");
    assert_eq!(violated(&talk), [Invariant::NoLoss]);
}

#[test]
fn a_message_that_came_and_was_not_deleted_must_come_again() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    talk.receive("q", "m", "id", 1);
    talk.wait(60_000);
    talk.drained("q");
    assert_eq!(violated(&talk), [Invariant::NoLoss]);
}

#[test]
fn nobody_knows_without_a_drain() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    assert!(matches!(judge(&talk.history()), Verdict::Unknown(_)));
}

#[test]
fn a_send_of_which_nobody_knows_may_come_or_not() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "seen", "id");
    talk.try_to_send("q", "unseen");
    talk.try_to_send("q", "came");
    for (body, id) in [("seen", "id"), ("came", "other")] {
        let handle = talk.receive("q", body, id, 1);
        talk.delete("q", &handle);
    }
    talk.drained("q");
    passes(&talk);
}

#[test]
fn a_delete_of_which_nobody_knows_may_have_been_done_or_not() {
    for comes_again in [false, true] {
        let mut talk = Talk::with("q", standard());
        talk.send("q", "m", "id");
        let handle = talk.receive("q", "m", "id", 1);
        talk.try_to_delete("q", &handle);
        talk.wait(60_000);
        if comes_again {
            let handle = talk.receive("q", "m", "id", 2);
            talk.delete("q", &handle);
        }
        talk.drained("q");
        passes(&talk);
    }
}

#[test]
fn what_nobody_sent_is_a_phantom() {
    let mut talk = Talk::with("q", standard());
    talk.receive("q", "m", "id", 1);
    assert_eq!(violated(&talk), [Invariant::NoPhantom]);
}

#[test]
fn what_was_refused_is_a_phantom() {
    let mut talk = Talk::with("q", standard());
    talk.fail_to_send("q", "m");
    talk.receive("q", "m", "id", 1);
    assert_eq!(violated(&talk), [Invariant::NoPhantom]);
}

#[test]
fn a_message_keeps_the_id_that_its_sender_was_told() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    let handle = talk.receive("q", "m", "another", 1);
    talk.delete("q", &handle);
    talk.drained("q");
    assert_eq!(violated(&talk), [Invariant::Integrity]);
}

#[test]
fn a_hidden_message_comes_to_nobody_else() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    talk.receive("q", "m", "id", 1);
    talk.wait(1_000);
    let handle = talk.receive("q", "m", "id", 2);
    talk.delete("q", &handle);
    talk.drained("q");
    assert_eq!(violated(&talk), [Invariant::VisibilityExclusivity]);
}

#[test]
fn a_message_comes_again_when_its_time_is_over_or_was_changed_or_advanced() {
    for way in 0..3 {
        let mut talk = Talk::with("q", standard());
        talk.send("q", "m", "id");
        let handle = talk.receive("q", "m", "id", 1);
        match way {
            0 => talk.wait(30_000),
            1 => talk.change_visibility("q", &handle, 0),
            _ => talk.advance_clock(30_000),
        }
        let handle = talk.receive("q", "m", "id", 2);
        talk.delete("q", &handle);
        talk.drained("q");
        passes(&talk);
    }
}

#[test]
fn clocks_that_err_excuse_what_is_only_about_time() {
    let mut talk = Talk::with("q", standard());
    talk.clocks_err();
    talk.send("q", "m", "id");
    talk.receive("q", "m", "id", 1);
    talk.wait(1_000);
    let handle = talk.receive("q", "m", "id", 2);
    talk.delete("q", &handle);
    talk.drained("q");
    passes(&talk);
}

#[test]
fn what_was_deleted_never_comes_again() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    let handle = talk.receive("q", "m", "id", 1);
    talk.delete("q", &handle);
    talk.wait(60_000);
    talk.receive("q", "m", "id", 2);
    talk.drained("q");
    assert_eq!(violated(&talk), [Invariant::NoResurrection]);
}

#[test]
fn a_group_comes_in_order() {
    let mut talk = Talk::with("q", fifo());
    for number in 1..=3 {
        talk.send_to_group("q", "g", &number.to_string(), number);
    }
    let one = talk.receive_from_group("q", "g", &[("1", 1)]);
    talk.receive_from_group("q", "g", &[("2", 2)]);
    assert_eq!(violated(&talk), [Invariant::GroupOrder], "1 is in flight");
    assert_eq!(one.len(), 1);
}

#[test]
fn a_group_goes_on_when_its_first_message_is_deleted() {
    let mut talk = Talk::with("q", fifo());
    for number in 1..=4 {
        talk.send_to_group("q", "g", &number.to_string(), number);
    }
    let first = talk.receive_from_group("q", "g", &[("1", 1), ("2", 2)]);
    talk.delete("q", &first[0]);
    talk.try_to_delete("q", &first[1]);
    let rest = talk.receive_from_group("q", "g", &[("3", 3), ("4", 4)]);
    for handle in rest {
        talk.delete("q", &handle);
    }
    talk.drained("q");
    passes(&talk);
}

#[test]
fn one_answer_has_no_gap_and_no_turn() {
    for answer in [&[("1", 1), ("3", 3)][..], &[("2", 2), ("1", 1)]] {
        let mut talk = Talk::with("q", fifo());
        for number in 1..=3 {
            talk.send_to_group("q", "g", &number.to_string(), number);
        }
        talk.receive_from_group("q", "g", answer);
        assert_eq!(violated(&talk), [Invariant::GroupOrder]);
    }
}

#[test]
fn sequence_numbers_grow() {
    let mut talk = Talk::with("q", fifo());
    talk.send_to_group("q", "g", "a", 5);
    talk.send_to_group("q", "g", "b", 5);
    assert_eq!(violated(&talk), [Invariant::SequenceNumbers]);
}

#[test]
fn a_retry_is_told_the_number_of_its_first_try() {
    let mut talk = Talk::with("q", fifo());
    let mut first = message("a");
    first.group = Some("g".to_owned());
    first.deduplication_id = Some("d".to_owned());
    talk.try_to_send_message("q", first.clone());
    talk.send_to_group("q", "g", "b", 2);
    talk.send_message("q", first, "a", Some(1));
    for handle in talk.receive_from_group("q", "g", &[("a", 1), ("b", 2)]) {
        talk.delete("q", &handle);
    }
    talk.drained("q");
    passes(&talk);
}

#[test]
fn one_deduplication_id_is_one_message_for_five_minutes() {
    for (pause_millis, expected) in [(1_000, &[Invariant::Deduplication][..]), (301_000, &[][..])] {
        let mut talk = Talk::with("q", fifo());
        for (body, id) in [("a", "one"), ("b", "two")] {
            let mut sent = message(body);
            sent.group = Some("g".to_owned());
            sent.deduplication_id = Some("d".to_owned());
            talk.send_message("q", sent, id, Some(talk.now()));
            talk.wait(pause_millis);
        }
        for (body, id) in [("a", "one"), ("b", "two")] {
            let handle = talk.receive("q", body, id, 1);
            talk.delete("q", &handle);
        }
        talk.drained("q");
        assert_eq!(violated(&talk), expected);
    }
}

#[test]
fn each_delivery_counts() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    talk.receive("q", "m", "id", 1);
    talk.wait(60_000);
    let handle = talk.receive("q", "m", "id", 1);
    talk.delete("q", &handle);
    talk.drained("q");
    assert_eq!(violated(&talk), [Invariant::ReceiveCounts]);
}

fn with_dead_letters() -> Settings {
    Settings {
        dead_letters: Some(DeadLetters {
            queue: "dead".to_owned(),
            max_receives: 2,
        }),
        ..standard()
    }
}

#[test]
fn a_message_dies_when_its_queue_says_so_and_not_before() {
    for (count, expected) in [(2, &[Invariant::DeadLetters][..]), (3, &[][..])] {
        let mut talk = Talk::with("q", with_dead_letters());
        talk.create("dead", standard());
        talk.send("q", "m", "id");
        talk.receive("q", "m", "id", 1);
        talk.wait(60_000);
        let handle = talk.receive_dead("dead", "q", "m", "id", count);
        talk.delete("dead", &handle);
        talk.drained("q");
        talk.drained("dead");
        assert_eq!(violated(&talk), expected);
    }
}

#[test]
fn a_message_dies_after_so_many_receives() {
    let mut talk = Talk::with("q", with_dead_letters());
    talk.send("q", "m", "id");
    for count in 1..=3 {
        talk.receive("q", "m", "id", count);
        talk.wait(60_000);
    }
    assert_eq!(violated(&talk), [Invariant::DeadLetters]);
}

#[test]
fn a_message_is_in_one_queue_at_a_time() {
    let mut talk = Talk::with("q", with_dead_letters());
    talk.create("dead", standard());
    talk.send("q", "m", "id");
    talk.receive("q", "m", "id", 1);
    talk.wait(60_000);
    talk.receive_dead("dead", "q", "m", "id", 3);
    talk.wait(60_000);
    let handle = talk.receive("q", "m", "id", 2);
    talk.delete("q", &handle);
    talk.drained("q");
    assert!(violated(&talk).contains(&Invariant::OneQueue));
}

#[test]
fn a_move_gives_one_new_id_and_not_two() {
    for (ids, expected) in [
        (&["id", "new"][..], &[][..]),
        (&["id", "new", "newer"], &[Invariant::OneQueue]),
    ] {
        let mut talk = Talk::with("q", standard());
        talk.send("q", "m", "id");
        talk.start_move("q");
        let mut last = String::new();
        for id in ids {
            last = talk.receive("q", "m", id, 1);
            talk.wait(60_000);
        }
        talk.delete("q", &last);
        talk.drained("q");
        assert_eq!(violated(&talk), expected);
    }
}

#[test]
fn a_delayed_message_waits() {
    let settings = Settings {
        delay_millis: 10_000,
        ..standard()
    };
    for (pause_millis, expected) in [(9_000, &[Invariant::Delay][..]), (10_000, &[][..])] {
        let mut talk = Talk::with("q", settings.clone());
        talk.send("q", "m", "id");
        talk.wait(pause_millis);
        let handle = talk.receive("q", "m", "id", 1);
        talk.delete("q", &handle);
        talk.drained("q");
        assert_eq!(violated(&talk), expected);
    }
}

#[test]
fn an_expired_message_is_gone() {
    let settings = Settings {
        retention_millis: Some(60_000),
        ..standard()
    };
    let mut talk = Talk::with("q", settings);
    talk.send("q", "m", "id");
    talk.wait(61_000);
    talk.receive("q", "m", "id", 1);
    talk.drained("q");
    assert_eq!(violated(&talk), [Invariant::Retention]);
}

#[test]
fn a_purge_takes_all_that_is_there() {
    let mut talk = Talk::with("q", standard());
    talk.send("q", "m", "id");
    talk.purge("q");
    talk.drained("q");
    passes(&talk);
    let handle = talk.receive("q", "m", "id", 1);
    talk.delete("q", &handle);
    assert_eq!(violated(&talk), [Invariant::Purge]);
}

#[test]
fn a_handle_is_of_one_delivery() {
    let mut talk = Talk::with("q", standard());
    for body in ["a", "b"] {
        talk.send("q", body, body);
        talk.receive_with_handle("q", body, body, "same");
    }
    talk.delete("q", "same");
    assert_eq!(violated(&talk), [Invariant::Handles]);
}

#[test]
fn an_old_handle_of_a_fifo_message_is_worth_nothing() {
    for (settings, expected) in [(fifo(), &[Invariant::Handles][..]), (standard(), &[])] {
        let mut talk = Talk::with("q", settings);
        talk.send("q", "m", "id");
        let old = talk.receive("q", "m", "id", 1);
        talk.wait(60_000);
        talk.receive("q", "m", "id", 2);
        talk.delete("q", &old);
        talk.drained("q");
        assert_eq!(violated(&talk), expected);
    }
}

#[test]
fn a_history_survives_being_lines() {
    let mut talk = Talk::with("q", fifo());
    talk.send_to_group("q", "g", "a", 1);
    talk.try_to_send("q", "b");
    talk.receive_from_group("q", "g", &[("a", 1)]);
    talk.drained("q");
    let lines = talk.lines();
    let history = read(lines.lines()).expect("a history");
    assert_eq!(history.calls(), talk.history().calls());
    assert_eq!(judge(&history), judge(&talk.history()));
}

#[test]
fn lines_that_are_no_history_are_refused_by_their_number() {
    for (lines, expected) in [
        ("\n{", "line 2 is not an event"),
        (
            "{\"at\":1,\"event\":\"ok\",\"call\":7,\"outcome\":{\"kind\":\"done\"}}",
            "line 1: call 7 ends, and is not under way",
        ),
        (
            "{\"at\":2,\"event\":\"healed\"}\n{\"at\":1,\"event\":\"healed\"}",
            "line 2: it happens at 1 µs, before",
        ),
    ] {
        let error = read(lines.lines()).expect_err(lines).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
