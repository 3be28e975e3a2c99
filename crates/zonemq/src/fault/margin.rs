//! Sentences on a terminal, with a word in the margin.

/// Wide enough for a sentence, and narrow enough for two windows beside each other.
const COLUMNS: usize = 100;
const MARGIN: usize = 10;

/// The text in lines of at most [`COLUMNS`], the first of them after `word`.
pub(crate) fn beside(word: &str, text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for next in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if MARGIN + line.chars().count() + 1 + next.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(next);
            }
            _ => lines.push(next.to_owned()),
        }
    }
    let margins = std::iter::once(word).chain(std::iter::repeat(""));
    let lines = margins.zip(&lines);
    let lines: Vec<String> = lines
        .map(|(word, line)| format!("{word:<MARGIN$}{line}"))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_goes_on_below_its_beginning() {
        let says = "word ".repeat(30);
        let shown = beside("Expected:", &says);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("Expected: word word") && lines[0].len() <= COLUMNS);
        assert_eq!(lines[1].find('w'), Some(MARGIN));
        assert_eq!(beside("Seen:", "n1 leads."), "Seen:     n1 leads.");
    }
}
