//! Colours for what people read in a terminal. Where it is none, or `NO_COLOR` is set, nothing is
//! coloured.

use console::{Color, Style, colors_enabled};

use crate::status::UNHEARD;

/// Words of a table that are coloured wherever they stand alone.
const WORDS: [(&str, Color); 9] = [
    (UNHEARD, Color::Red),
    ("leader", Color::Green),
    ("follower", Color::Cyan),
    ("learner", Color::Cyan),
    ("candidate", Color::Yellow),
    ("no answer", Color::Red),
    ("down", Color::Red),
    ("✓", Color::Green),
    ("✗", Color::Red),
];

/// The text with its words in their colours, if colours are wanted.
pub(crate) fn painted(text: &str) -> String {
    if colors_enabled() {
        coloured(text)
    } else {
        text.to_owned()
    }
}

/// A table is laid out first and coloured then: colours take no room.
fn coloured(text: &str) -> String {
    let mut painted = text.to_owned();
    for (word, colour) in WORDS {
        let alone = format!(" {word} ");
        if painted.contains(&alone) {
            let style = Style::new().fg(colour).force_styling(true);
            painted = painted.replace(&alone, &format!(" {} ", style.apply_to(word)));
        }
    }
    painted
}

/// Text of others as one line of at most so many characters, without anything that would steer the
/// terminal.
pub(crate) fn one_line(text: &str, most_chars: usize) -> String {
    let tame = |character: char| match character {
        '\n' => '⏎',
        '\t' => ' ',
        // They turn what follows around, or hide it.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => '·',
        other if other.is_control() => '·',
        other => other,
    };
    let mut line: String = text.chars().take(most_chars).map(tame).collect();
    if text.chars().nth(most_chars).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_coloured_only_where_they_stand_alone() {
        assert_eq!(
            coloured("│ leader │ leaders │"),
            "│ \u{1b}[32mleader\u{1b}[0m │ leaders │"
        );
        assert_eq!(
            coloured(&format!("│ {UNHEARD} │")),
            "│ \u{1b}[31mleader without majority\u{1b}[0m │"
        );
        assert_eq!(coloured("nothing"), "nothing");
    }

    #[test]
    fn a_body_cannot_steer_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\nc\u{202e}d", 20), "a·[2Jb⏎c·d");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
    }
}
