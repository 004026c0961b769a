//! Markdown results of made-up runs.

use proptest::prelude::*;

use super::*;
use crate::report::junit::tests::{report, run};

#[test]
fn what_did_not_pass_is_shown_in_detail() {
    let mut failed = run("a", Some(Verdict::Fail));
    failed.experiment = "b".to_owned();
    let runs = vec![run("a", Some(Verdict::Pass)), failed];
    expect_test::expect_file!["results.md"].assert_eq(&markdown(&report(runs, Some("b"))));
}

/// The text without escaped characters.
fn unescaped(text: &str) -> String {
    let mut kept = String::new();
    let text = text.replace("&#124;", "");
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            characters.next();
        } else {
            kept.push(character);
        }
    }
    kept
}

proptest! {
    #[test]
    fn no_text_breaks_out(
        text in prop_oneof![".*", "[\"'<>&|\\]\\[\\\\`*_#~$\u{0}-\u{1f}\u{2028}-]{0,20}"],
    ) {
        let of = |text: &str| markdown(&report(vec![run(text, Some(Verdict::Fail))], Some(text)));
        let (shown, plain) = (unescaped(&of(&text)), unescaped(&of("plain")));
        prop_assert_eq!(shown.lines().count(), plain.lines().count());
        for (shown, plain) in shown.lines().zip(plain.lines()) {
            for sign in ['|', '<', '>', '`', '*', '[', '#', '~', '_', '&', '$'] {
                prop_assert_eq!(shown.matches(sign).count(), plain.matches(sign).count());
            }
        }
    }
}
