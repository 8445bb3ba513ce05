//! Where a prompt has code, and where prose ends.

/// Signs that prose does not have. One is enough: taking prose for code costs a hit, taking code for prose an answer.
#[rustfmt::skip]
const SIGNS: &[&str] = &[
    "```", "`", "()", "){", ") {", "{}", "[]", "=>", "->", "==", "!=", "<=", ">=", "&&", "||", "</", "/>", "::", "+=", "-=", "*=", "++;", ":=", "<?", "?>",
    "$(", "${", "#include", "#!/", "import ", "SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "CREATE TABLE", " FROM ", " WHERE ", "<html", "<div", "\\d", "\\w", "\\s", " | grep",
    "def ", "public static", "console.log", "printf", "println", "sudo ", "curl -", "git ", "rm -", "--", "=\"", "={", "({", "[{", "\t",
];

/// Whether a text has code in it.
pub(crate) fn looks_like_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Half of the signs have one of these characters, the rest a capital or a known word.
    let signs = SIGNS.iter().any(|sign| text.contains(sign));
    signs || ends_statements(text) || calls(bytes) || has_option(text)
}

/// A semicolon or a brace at the end of a line.
fn ends_statements(text: &str) -> bool {
    text.lines().any(|line| line.trim_end().ends_with([';', '{', '}']))
}

/// `name(` and `name[` without a space: a call or an index.
fn calls(text: &[u8]) -> bool {
    text.windows(3).any(|three| {
        matches!(three, [a, b'(' | b'[', c] if (a.is_ascii_alphanumeric() || *a == b'_') && *c != b's' && !c.is_ascii_whitespace())
    })
}

/// ` -x`: an option of a command.
fn has_option(text: &str) -> bool {
    text.split_whitespace().skip(1).any(|word| {
        let mut chars = word.chars();
        chars.next() == Some('-') && chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '-')
    })
}

/// The prose at the start of a prompt, and what must stay as it is: everything after the first line, or everything if it is code.
pub(super) fn split(prompt: &str) -> (&str, &str) {
    let prompt = prompt.trim();
    if let Some((lead, rest)) = prompt.split_once('\n') {
        return if looks_like_code(lead) { ("", prompt) } else { (lead.trim_end(), rest) };
    }
    if !looks_like_code(prompt) {
        return (prompt, "");
    }
    // "What does this do: x -= 1" and "What does `x -= 1` do?": prose with code in it, in one line.
    match prompt.split_once(": ") {
        Some((lead, rest)) if !looks_like_code(lead) => (lead, rest),
        _ => ("", prompt),
    }
}
