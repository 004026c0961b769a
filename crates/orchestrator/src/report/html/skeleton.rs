//! What a browser makes of a page, for tests with hostile texts.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use proptest::prelude::*;

/// The tags of a page with the names of their attributes, and what a parser finds wrong.
#[derive(Default)]
struct Skeleton {
    tags: RefCell<Vec<String>>,
    wrong: RefCell<Vec<String>>,
    open: RefCell<Vec<String>>,
}

/// Elements without an end.
const VOID: [&str; 1] = ["meta"];

impl TokenSink for Skeleton {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let wrong = |what: String| self.wrong.borrow_mut().push(format!("line {line}: {what}"));
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                let name = tag.name.to_string();
                let attributes = tag.attrs.iter().map(|it| format!(" {}", it.name.local));
                let is_in_svg = self.open.borrow().iter().any(|open| open == "svg");
                self.tags
                    .borrow_mut()
                    .push(name.clone() + &attributes.collect::<String>());
                if !tag.self_closing && !VOID.contains(&name.as_str()) {
                    self.open.borrow_mut().push(name.clone());
                }
                return match name.as_str() {
                    "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" => TokenSinkResult::RawData(RawKind::Rawtext),
                    "title" if !is_in_svg => TokenSinkResult::RawData(RawKind::Rcdata),
                    _ => TokenSinkResult::Continue,
                };
            }
            Token::TagToken(tag) => {
                let open = self.open.borrow_mut().pop();
                if open.as_deref() != Some(&tag.name) {
                    wrong(format!("</{}> ends {open:?}", tag.name));
                }
            }
            Token::ParseError(error) => wrong(error.to_string()),
            Token::CommentToken(comment) => wrong(format!("a comment: {comment}")),
            Token::NullCharacterToken => wrong("a null character".to_owned()),
            Token::DoctypeToken(_) | Token::CharacterTokens(_) | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

/// The tags of a page, which a parser must find nothing wrong in.
pub(crate) fn skeleton(page: &str) -> Vec<String> {
    let options = TokenizerOpts {
        exact_errors: true,
        ..TokenizerOpts::default()
    };
    let tokenizer = Tokenizer::new(Skeleton::default(), options);
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    assert_eq!(input.is_empty(), page.is_empty());
    assert!(matches!(
        tokenizer.feed(&input),
        html5ever::TokenizerResult::Done
    ));
    tokenizer.end();
    let Skeleton { tags, wrong, open } = tokenizer.sink;
    assert_eq!(wrong.into_inner(), Vec::<String>::new());
    assert_eq!(open.into_inner(), Vec::<String>::new());
    tags.into_inner()
}

/// Texts that try to break out of where they stand.
pub(crate) fn spike() -> impl Strategy<Value = String> {
    let pieces = [
        "</script>",
        "<script>",
        "</title>",
        "</style>",
        "</pre>",
        "<!--",
        "-->",
        "]]>",
        "<svg ",
        "/>",
        "\"",
        "'",
        "&",
        "&lt;",
        "&#60;",
        "<",
        ">",
        "=",
        "`",
        "\n",
        "\r\n",
        "\t",
        "\0",
        "\x1b[2J",
        "\u{2028}",
        "\u{202e}",
        "\u{feff}",
        "\u{85}",
        " onload=alert(1) ",
        "javascript:",
        "é",
    ];
    let piece = prop_oneof![
        3 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}
