//! `watch --print-unit`: a systemd user unit for a watcher (systemd.service(5)).

use super::super::{Exit, out, refuse};
use crate::files::paths;
use crate::model::ModelError;
use std::path::Path;

/// Prints the unit for the arguments of this process; `watched` is the folder, or the file of rules, for its description.
pub(crate) fn print(watched: &Path) -> Exit {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(e) => return refuse(&ModelError::io(Path::new("/proc/self/exe"), "finding the program", e)),
    };
    let folder = match std::env::current_dir() {
        Ok(folder) => folder,
        Err(e) => return refuse(&ModelError::io(Path::new("."), "finding", e)),
    };
    let arguments =
        std::env::args_os().skip(1).filter(|a| a != "--print-unit").map(|a| a.to_string_lossy().into_owned());
    let command: Vec<String> =
        std::iter::once(program.display().to_string()).chain(arguments).map(|a| quoted(&a)).collect();
    let jobs = paths::chosen_jobs();
    let environment = jobs.map_or_else(String::new, |jobs| {
        format!("Environment={}\n", quoted(&format!("REMOLD_JOBS={}", jobs.display())))
    });
    out(&text(&watched.display().to_string(), &folder.display().to_string(), &environment, &command.join(" ")));
    Exit::Done
}

/// SIGTERM ends a watcher cleanly with exit code 143; its export continues, so only the watcher is stopped.
fn text(root: &str, folder: &str, environment: &str, command: &str) -> String {
    let root = root.replace('%', "%%");
    let folder = folder.replace('%', "%%");
    format!(
        "[Unit]\n\
         Description=remold watch {root}\n\
         \n\
         [Service]\n\
         WorkingDirectory={folder}\n\
         {environment}ExecStart={command}\n\
         KillMode=process\n\
         SuccessExitStatus=143\n\
         Restart=on-failure\n\
         RestartSec=10\n\
         Nice=5\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n"
    )
}

/// An argument as ExecStart takes it: in quotes, with `%` and `$` doubled.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    let mut out = String::from("\"");
    for c in argument.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '%' | '$' => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_mean_the_same_to_systemd() {
        assert_eq!(quoted("--to"), "--to");
        assert_eq!(quoted("gguf:q4_k_m"), "gguf:q4_k_m");
        assert_eq!(quoted("my runs/100% $HOME \"x\""), "\"my runs/100%% $$HOME \\\"x\\\"\"");
        assert!(
            text("/r", "/w", "Environment=REMOLD_JOBS=/j\n", "/bin/remold watch /r")
                .contains("\nEnvironment=REMOLD_JOBS=/j\nExecStart=/bin/remold watch /r\nKillMode=process\n")
        );
    }
}
