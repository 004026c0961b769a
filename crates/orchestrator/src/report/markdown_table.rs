//! A table in Markdown.

/// A table with these columns. Cells are Markdown on one line; only `|` is escaped in them.
pub(crate) fn markdown_table<const N: usize>(
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let line = |cells: [String; N]| {
        let cells = cells.map(|cell| cell.replace('|', r"\|"));
        format!("| {} |\n", cells.join(" | "))
    };
    let head = line(columns.map(str::to_owned));
    let below = format!("|{}\n", "---|".repeat(N));
    let rows: String = rows.map(line).collect();
    head + &below + &rows
}
