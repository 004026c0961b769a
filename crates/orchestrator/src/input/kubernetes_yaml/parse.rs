//! Builds nodes from the events of the YAML parser and resolves aliases and merge keys.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError};

use super::scalar::{Scalar, Tag};
use super::{Content, Misplaced, Node};
use crate::input::problem::ProblemText;
use crate::input::source::{Span, Spanned};

/// The maximum number of nodes that aliases may add. A file of a kilobyte can expand to billions.
const ALIASED_NODES: usize = 1_000_000;

const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// Parses the document at a span of a text; `None` if it is empty. Of several documents there, it
/// ignores all but the first.
pub(super) fn document(text: &str, document: Span) -> Result<Option<Node>, Misplaced> {
    let mut builder = Builder {
        document,
        parser: Parser::new_from_str(&text[document.range()]),
        anchors: BTreeMap::new(),
        aliased: 0,
    };
    loop {
        match builder.next()? {
            None | Some((Event::StreamEnd | Event::DocumentEnd, _)) => return Ok(None),
            Some((Event::StreamStart | Event::DocumentStart(..), _)) => {}
            Some((event, span)) => {
                let node = builder.node(event, span)?;
                return Ok(Some(node).filter(|node| !node.is_empty()));
            }
        }
    }
}

struct Builder<'a> {
    /// What is parsed. The parser's positions begin at 0 there.
    document: Span,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    /// Nodes with an anchor, by the parser's number of the anchor.
    anchors: BTreeMap<usize, Node>,
    aliased: usize,
}

impl<'a> Builder<'a> {
    /// The next event other than a comment.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Misplaced> {
        loop {
            match self.parser.next() {
                None => return Ok(None),
                Some(Err(error)) => return Err(self.broken(&error)),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    let byte = |marker: &granit_parser::Marker| marker.byte_offset();
                    let span = Span {
                        start: byte(&span.start).unwrap_or_default(),
                        end: byte(&span.end).unwrap_or_default(),
                    };
                    return Ok(Some((event, span.moved(self.document.start))));
                }
            }
        }
    }

    /// The next event inside a list or mapping. The end of the text is an error.
    fn inside(&mut self) -> Result<(Event<'a>, Span), Misplaced> {
        let end = self.document.end;
        let cut = || {
            (
                Span { start: end, end },
                ProblemText::new("the document ends here"),
            )
        };
        self.next()?.ok_or_else(cut)
    }

    fn broken(&self, error: &ScanError) -> Misplaced {
        let start = error.marker().byte_offset().unwrap_or_default();
        let start = self.document.start + start;
        let end = self.document.end.min(start + 1);
        (Span { start, end }, ProblemText::new(error.info()))
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Misplaced> {
        let (content, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => (
                Content::Scalar(Scalar {
                    text: text.into_owned(),
                    is_plain: style == ScalarStyle::Plain,
                    tag: tag.map(|tag| self::tag(&tag)),
                }),
                anchor,
            ),
            Event::SequenceStart(_, anchor, _) => (self.list()?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map()?, anchor),
            other => {
                let fault = ProblemText::new(format!("{other:?} cannot stand here"));
                return Err((span, fault));
            }
        };
        let node = Node { span, content };
        // Only now, so that an alias within the node finds nothing: it would never end.
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Misplaced> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err((span, ProblemText::new("this alias is inside what it names")));
        };
        self.aliased += node.size();
        if self.aliased > ALIASED_NODES {
            return Err((
                span,
                ProblemText::new("the aliases of this document add too much"),
            ));
        }
        let content = node.content.clone();
        Ok(Node { span, content })
    }

    fn list(&mut self) -> Result<Content, Misplaced> {
        let mut items = Vec::new();
        loop {
            match self.inside()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Content, Misplaced> {
        let mut fields = Fields::default();
        let mut written = BTreeSet::new();
        loop {
            let (event, span) = self.inside()?;
            if event == Event::MappingEnd {
                return Ok(Content::Map(fields.all));
            }
            let key = self.node(event, span)?;
            let (event, at) = self.inside()?;
            let value = self.node(event, at)?;
            let Content::Scalar(scalar) = &key.content else {
                let fault = ProblemText::new("a list or a mapping cannot be a key");
                return Err((key.span, fault.expected("text")));
            };
            if scalar.merges() {
                merge(&mut fields, &value)?;
                continue;
            }
            let name = scalar.key().map_err(|fault| (key.span, fault))?;
            // kubectl silently uses the last one. A duplicate is most likely a mistake, so it is an
            // error.
            if !written.insert(name.clone()) {
                return Err((
                    key.span,
                    ProblemText::new(format!("`{name}` stands here twice")),
                ));
            }
            let name = Spanned {
                value: name,
                span: key.span,
            };
            fields.set(name, value);
        }
    }
}

impl Node {
    /// Whether it is the empty plain scalar that the parser reports for an empty document.
    fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar)
            if scalar.is_plain && scalar.tag.is_none() && scalar.text.is_empty())
    }

    fn size(&self) -> usize {
        let inside: usize = match &self.content {
            Content::Scalar(_) => 0,
            Content::List(items) => items.iter().map(Self::size).sum(),
            Content::Map(fields) => fields.iter().map(|(_, value)| value.size()).sum(),
        };
        inside + 1
    }
}

/// The fields of a mapping, in the order of the file.
#[derive(Default)]
struct Fields {
    all: Vec<(Spanned<String>, Node)>,
    places: BTreeMap<String, usize>,
}

impl Fields {
    fn set(&mut self, name: Spanned<String>, value: Node) {
        if let Some(at) = self.places.get(&name.value) {
            self.all[*at] = (name, value);
        } else {
            self.places.insert(name.value.clone(), self.all.len());
            self.all.push((name, value));
        }
    }
}

/// Adds the fields of the mappings at a merge key. They override fields written before the merge
/// key, which is goyaml's rule and not YAML's. Of several mappings, the first wins.
fn merge(fields: &mut Fields, value: &Node) -> Result<(), Misplaced> {
    let several = match &value.content {
        Content::Map(_) => std::slice::from_ref(value),
        Content::List(items) => items,
        Content::Scalar(_) => &[],
    };
    let misplaced = several
        .iter()
        .find(|map| !matches!(map.content, Content::Map(_)));
    if let Some(wrong) = misplaced.or(several.is_empty().then_some(value)) {
        let fault = ProblemText::new("`<<` cannot merge this");
        return Err((
            wrong.span,
            fault.expected("a mapping or a list of mappings"),
        ));
    }
    for map in several.iter().rev() {
        for (name, value) in map.fields() {
            fields.set(name.clone(), value.clone());
        }
    }
    Ok(())
}

fn tag(tag: &granit_parser::Tag) -> Tag {
    let whole = format!("{}{}", tag.handle(), tag.suffix());
    match whole.strip_prefix(YAML_TAGS) {
        Some(name) => Tag::Yaml(name.to_owned()),
        None => Tag::Other,
    }
}
