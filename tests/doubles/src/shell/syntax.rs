//! The parts of a script.

use std::sync::Arc;

/// Commands one after the other.
pub(super) type List = Vec<Statement>;

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) first: Pipeline,
    /// Each with whether it needs the success of what came before (`&&`) or its failure.
    pub(super) rest: Vec<(bool, Pipeline)>,
    /// The text, if it runs in the background.
    pub(super) background: Option<String>,
}

/// Commands joined by `|`.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) negated: bool,
    pub(super) commands: Vec<Command>,
}

/// A command with its redirections.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) kind: Kind,
    pub(super) redirections: Vec<Redirection>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Simple {
        assignments: Vec<(String, Word)>,
        words: Vec<Word>,
    },
    Group(List),
    Subshell(List),
    If {
        branches: Vec<(List, List)>,
        otherwise: List,
    },
    /// `while`, or `until` if negated.
    Loop {
        negated: bool,
        condition: List,
        body: List,
    },
    For {
        name: String,
        /// Without them, the parameters.
        words: Option<Vec<Word>>,
        body: List,
    },
    Case {
        word: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
    Function {
        name: String,
        body: Arc<Command>,
    },
}

/// A redirection of the descriptor `from`.
#[derive(Clone, Debug)]
pub(super) struct Redirection {
    pub(super) from: u8,
    pub(super) to: To,
}

#[derive(Clone, Debug)]
pub(super) enum To {
    /// `< FILE`
    Read(Word),
    /// `> FILE`
    Write(Word),
    /// `>> FILE`
    Append(Word),
    /// `>& N`
    Copy(u8),
    /// A document in the script.
    Text(Word),
}

/// Text with expansions.
#[derive(Clone, Debug, Default)]
pub(super) struct Word(pub(super) Vec<Part>);

#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Text that is neither split nor a pattern.
    Quoted(String),
    /// Text as it stands.
    Plain(String),
    Variable {
        name: String,
        /// `-`, `=`, `+`, `?`, `#` or `%`, whether an empty value counts as unset (`:-`) or the
        /// longest match is cut (`##`), and a word.
        change: Option<(char, bool, Word)>,
        quoted: bool,
    },
    /// `${#NAME}`
    Length(String),
    /// `$(…)`
    Command { list: List, quoted: bool },
    /// `$((…))`
    Arithmetic(Word),
}

impl Word {
    /// The text of a word without expansions and quotes.
    pub(super) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Plain(text)] => Some(text),
            _ => None,
        }
    }
}
