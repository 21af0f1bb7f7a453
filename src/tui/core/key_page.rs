//! The registry of commands as a page of the documentation.

use super::commands::{self, Scope};

/// docs/keys.md.
pub fn keys_markdown() -> String {
    let mut out = String::from(
        "# Keys\n\n\
         Made from the registry of commands (`commands.rs` of each tab in `src/tui/tabs`, and `src/tui/core/commands`) by `BLESS=1 cargo test --test \
         workbench keys`; a test keeps it equal.\n\
         `:` or `ctrl-p` finds every command by its name. In a text field: `enter` accepts, `esc` cancels, `ctrl-u` and `ctrl-w` delete backwards; \
         typing replaces the suggested text, an arrow key keeps it.\n\
         These are the default keys; set your own in `keys.toml` by the command's name ([configuration](configuration.md)).\n",
    );
    for scope in Scope::ALL {
        out.push_str(&format!("\n## {}\n\n| keys | command | what it does |\n| --- | --- | --- |\n", scope.title()));
        for c in commands::all().filter(|c| c.scopes.contains(&scope)) {
            let keys: Vec<String> = c.keys.iter().map(|k| format!("`{}`", k.replace('|', "\\|"))).collect();
            out.push_str(&format!("| {} | {} | {} |\n", keys.join(" "), c.name, c.help));
        }
    }
    out.push_str(
        "\n\
         ## Mouse\n\n\
         A click selects and a second click opens. A click on a tab or section shows it, a click on a hint in the last line runs it, and the wheel \
         scrolls the pane under the pointer. Hold shift to select text with the terminal. `--no-mouse` leaves the mouse to the terminal.\n",
    );
    out
}
