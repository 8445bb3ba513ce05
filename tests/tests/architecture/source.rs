//! Reads the shared crate's source as tokens: which paths, words and literals stand where, tests left out.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The whole crate.
pub struct Crate {
    /// Its files, but for the tests'.
    pub files: Vec<Source>,
    modules: BTreeSet<Vec<String>>,
}

/// One file.
pub struct Source {
    /// As `tenancy::auth`; empty for the crate's root.
    pub module: Vec<String>,
    /// Every path in it, use trees taken apart; a lone word is no path.
    pub paths: Vec<Vec<String>>,
    /// Every identifier and keyword.
    pub words: BTreeSet<String>,
    /// Every literal, as written.
    pub literals: BTreeSet<String>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// To something in this module.
    Item(Vec<String>),
    /// To this module as a whole, and so to all that is under it.
    Module(Vec<String>),
    /// Out of the crate, or to something local.
    Elsewhere,
}

enum Token {
    Word(String),
    Mark(char),
    Open,
    Close,
}

impl Crate {
    /// Reads every file under `src`.
    pub fn read(src: &Path) -> Self {
        let mut read = Vec::new();
        let mut of_tests = BTreeSet::new();
        for file in rust_files(src) {
            let module = module_of(file.strip_prefix(src).expect("under src"));
            let text = fs::read_to_string(&file).expect("a source");
            let (source, test_modules) = Source::parse(module, &text);
            of_tests.extend(test_modules.iter().map(|name| child(&source.module, name)));
            read.push(source);
        }
        let is_tests = |module: &[String]| (1..=module.len()).any(|length| of_tests.contains(&module[..length]));
        let files: Vec<Source> = read.into_iter().filter(|source| !is_tests(&source.module)).collect();
        let modules = files.iter().map(|source| source.module.clone()).collect();
        Self { files, modules }
    }

    /// Where a path that stands in a module leads.
    pub fn resolve(&self, from: &[String], path: &[String]) -> Target {
        let mut full = from.to_vec();
        let mut rest = path;
        match path[0].as_str() {
            "crate" => full.clear(),
            "self" | "super" => {}
            first if self.modules.contains(&child(from, first)) => full.push(first.to_owned()),
            _ => return Target::Elsewhere,
        }
        while rest[0] == "super" {
            full.pop();
            rest = &rest[1..];
            if rest.is_empty() {
                return Target::Module(full);
            }
        }
        if path[0] != "super" {
            rest = &rest[1..];
        }
        for (i, segment) in rest.iter().enumerate() {
            if !self.modules.contains(&child(&full, segment)) {
                let whole = matches!(segment.as_str(), "self" | "*") && i + 1 == rest.len();
                return if whole { Target::Module(full) } else { Target::Item(full) };
            }
            full.push(segment.clone());
        }
        Target::Module(full)
    }
}

impl Source {
    /// Reads a file's text; also names the modules that it declares for tests only.
    fn parse(module: Vec<String>, text: &str) -> (Self, Vec<String>) {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", module.join("::")));
        let mut reader = Reader::default();
        reader.flatten(tokens);
        let Reader { tokens, words, literals, test_modules } = reader;
        (Self { module, paths: paths(&tokens), words, literals }, test_modules)
    }
}

#[derive(Default)]
struct Reader {
    tokens: Vec<Token>,
    words: BTreeSet<String>,
    literals: BTreeSet<String>,
    test_modules: Vec<String>,
}

impl Reader {
    fn flatten(&mut self, stream: TokenStream) {
        let mut trees = stream.into_iter().peekable();
        while let Some(tree) = trees.next() {
            match tree {
                TokenTree::Punct(mark) if mark.as_char() == '#' => {
                    let for_tests =
                        matches!(trees.peek(), Some(TokenTree::Group(attribute)) if is_cfg_test(attribute.stream()));
                    if for_tests {
                        self.skip_item(&mut trees);
                    }
                }
                TokenTree::Punct(mark) => self.tokens.push(Token::Mark(mark.as_char())),
                TokenTree::Ident(word) => {
                    self.words.insert(word.to_string());
                    self.tokens.push(Token::Word(word.to_string()));
                }
                TokenTree::Literal(literal) => {
                    self.literals.insert(literal.to_string());
                    self.tokens.push(Token::Mark('"'));
                }
                TokenTree::Group(group) if is_doc(&group) => {}
                TokenTree::Group(group) => {
                    self.tokens.push(if group.delimiter() == Delimiter::Brace {
                        Token::Open
                    } else {
                        Token::Mark('(')
                    });
                    self.flatten(group.stream());
                    self.tokens.push(if group.delimiter() == Delimiter::Brace {
                        Token::Close
                    } else {
                        Token::Mark(')')
                    });
                }
            }
        }
    }

    /// Passes over an item that is for tests only, and remembers its name if it is a module in a file of its own.
    fn skip_item(&mut self, trees: &mut impl Iterator<Item = TokenTree>) {
        let mut last = [String::new(), String::new()];
        for tree in trees {
            match tree {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
                TokenTree::Punct(mark) if mark.as_char() == ';' => {
                    let [keyword, name] = last;
                    self.test_modules.extend((keyword == "mod").then_some(name));
                    return;
                }
                other => last = [std::mem::take(&mut last[1]), other.to_string()],
            }
        }
    }
}

fn is_cfg_test(attribute: TokenStream) -> bool {
    attribute.to_string().replace(' ', "") == "cfg(test)"
}

/// A comment that is documentation is read as an attribute.
fn is_doc(group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket
        && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(word)) if word == "doc")
}

/// Takes use trees apart, and finds the paths between.
fn paths(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        i = match &tokens[i] {
            Token::Word(word) if word == "use" => use_tree(tokens, i + 1, Vec::new(), &mut found),
            Token::Word(_) => {
                let (path, end) = plain_path(tokens, i);
                found.extend((path.len() > 1).then_some(path));
                end
            }
            _ => i + 1,
        };
    }
    found
}

fn is_separator(tokens: &[Token], i: usize) -> bool {
    matches!(tokens.get(i..i + 2), Some([Token::Mark(':'), Token::Mark(':')]))
}

fn plain_path(tokens: &[Token], start: usize) -> (Vec<String>, usize) {
    let (mut path, mut i) = (Vec::new(), start);
    while let Some(Token::Word(word)) = tokens.get(i) {
        path.push(word.clone());
        if !is_separator(tokens, i + 1) {
            return (path, i + 1);
        }
        i += 3;
    }
    (path, i)
}

/// Reads one tree, from `start` to what ends it; returns the place of that.
fn use_tree(tokens: &[Token], start: usize, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let mut i = start;
    loop {
        match tokens.get(i) {
            Some(Token::Mark(':')) => i += 1,
            Some(Token::Mark('*')) => {
                path.push("*".into());
                i += 1;
            }
            // `a as b`: b is no part of the path.
            Some(Token::Word(word)) if word == "as" => i += 2,
            Some(Token::Word(word)) => {
                path.push(word.clone());
                i += 1;
            }
            Some(Token::Open) => {
                i += 1;
                while !matches!(tokens.get(i), Some(Token::Close) | None) {
                    i = use_tree(tokens, i, path.clone(), found);
                    i += usize::from(matches!(tokens.get(i), Some(Token::Mark(','))));
                }
                return i + 1;
            }
            _ => {
                // `impl Trait + use<'a>` is no import.
                found.extend((!path.is_empty()).then_some(path));
                return i;
            }
        }
    }
}

fn child(module: &[String], name: &str) -> Vec<String> {
    module.iter().map(String::as_str).chain([name]).map(str::to_owned).collect()
}

fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|name| name == "mod" || name == "lib") {
        module.pop();
    }
    module
}

/// Every `.rs` file under a folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn every_way_to_write_a_path_is_read_and_what_is_for_tests_is_not() {
    let text = r##"
        //! crate::comment::no
        use crate::{a::{self, B as C}, d::*, e};
        pub(in crate::f) use super::g::H;
        #[cfg(test)]
        pub(crate) mod golden;
        /// crate::docs::no
        #[cfg(not(test))]
        fn f(x: impl Sized + use<'_>) -> crate::i::J { log!(error = %crate::k::l(&x), "crate::text::no"); m::<n::O>() }
        #[cfg(test)]
        mod tests { use crate::only::in_tests; }
        const P: &str = "after the tests";
    "##;
    let (source, test_modules) = Source::parse(Vec::new(), text);
    let paths: Vec<_> = source.paths.iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a::self",
        "crate::a::B",
        "crate::d::*",
        "crate::e",
        "crate::f",
        "super::g::H",
        "crate::i::J",
        "crate::k::l",
    ];
    assert_eq!(paths, [&expected[..], &["n::O"]].concat());
    assert_eq!(test_modules, ["golden"]);
    assert_eq!(source.literals.into_iter().collect::<Vec<_>>(), ["\"after the tests\"", "\"crate::text::no\""]);
}
