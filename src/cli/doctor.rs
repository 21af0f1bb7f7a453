//! `doctor`: checks of the terminal, the machine and the folders, and how to fix problems.

use super::args::DoctorArgs;
use super::text::{Style, safe};
use super::{Exit, out, print};
use crate::monitor::{Check, CheckStatus};

/// `remold doctor`.
pub(crate) fn run(args: &DoctorArgs) -> Exit {
    let checks = crate::tui::checks();
    let usable = !checks.iter().any(|c| c.status == CheckStatus::Wrong);
    if args.json {
        print::json(&serde_json::json!({ "usable": usable, "checks": checks }));
    } else {
        out(&lines(&checks, Style::stdout()));
    }
    if usable { Exit::Done } else { Exit::Failed }
}

fn lines(checks: &[Check], style: Style) -> String {
    let width = checks.iter().map(|c| c.what.chars().count()).max().unwrap_or(0);
    let (mut text, mut area) = (String::new(), "");
    for c in checks {
        if c.area != area {
            area = c.area;
            text += &format!("{}{}\n", if text.is_empty() { "" } else { "\n" }, style.bold(area));
        }
        let glyph = match c.status {
            CheckStatus::Fine => "✓".to_owned(),
            CheckStatus::Note => style.bold("!"),
            CheckStatus::Wrong => style.error("✗"),
        };
        text += &format!("  {glyph} {:width$}  {}\n", c.what, safe(&c.fact));
        if let Some(remedy) = &c.remedy {
            text += &format!("    {:width$}  {} {}\n", "", style.dim("→"), safe(remedy));
        }
    }
    let count = |status| checks.iter().filter(|c| c.status == status).count();
    let word = match (count(CheckStatus::Wrong), count(CheckStatus::Note)) {
        (0, 0) => "no problems found".to_owned(),
        (0, 1) => "usable; 1 warning".to_owned(),
        (0, n) => format!("usable; {n} warnings"),
        (1, _) => "1 problem keeps remold from running".to_owned(),
        (n, _) => format!("{n} problems keep remold from running"),
    };
    text + &format!("\n{word}\n")
}
