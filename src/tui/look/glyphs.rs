//! The ASCII replacement of each glyph that the views draw.

use ratatui::buffer::Buffer;

/// The ASCII replacement of a glyph; `?` for other characters, as in a file name.
pub(crate) fn ascii_char(c: char) -> char {
    match c {
        ' '..='~' => c,
        '─' | '╌' | '–' | '—' | '−' => '-',
        '│' | '┤' | '├' | '▏' => '|',
        '┌' | '┐' | '└' | '┘' | '┬' | '┴' | '┼' | '╭' | '╮' | '╰' | '╯' => '+',
        '▸' | '→' => '>',
        '▌' => '|',
        '›' => ':',
        // Where it stands for a line break; keys are written out.
        '⏎' => '$',
        '‹' | '←' => '<',
        '▾' => '-',
        '↓' | '▼' => 'v',
        '↑' | '▲' => '^',
        '●' | '•' => 'o',
        '◆' => '@',
        '★' => '*',
        // Braille dots draw curves.
        '\u{2800}'..='\u{28ff}' => '.',
        '○' | '·' => '.',
        // Not a plus: that adds, and is in frames.
        '✓' => 'v',
        '✗' | '×' => 'x',
        '‖' => '|',
        '…' | '≈' => '~',
        '█' => '#',
        '▓' => '%',
        '▒' => '=',
        '░' => ':',
        '▚' => '/',
        '▤' => '"',
        '▁' | '▂' => '.',
        '▃' | '▄' => ':',
        '▅' | '▆' => '|',
        '▇' => '#',
        '≥' => '>',
        '≤' => '<',
        'σ' => 's',
        '“' | '”' => '"',
        '’' => '\'',
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '⚠' => '!',
        _ => '?',
    }
}

/// Replaces every glyph of a drawn buffer by its ASCII likeness.
pub(crate) fn ascii_buffer(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let c = cell.symbol().chars().next().map_or(' ', ascii_char);
            cell.set_char(c);
        }
    }
}
