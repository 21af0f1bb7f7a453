//! What the user may set: the values behind `config.toml`, and the table that names, checks and documents them.

use toml::de::DeValue;

/// How to notify the user when a long job ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notify {
    /// The sequence that this terminal is known for.
    #[default]
    Auto,
    /// OSC 9: iTerm2, kitty, WezTerm, ghostty, Windows Terminal.
    Osc9,
    /// OSC 777: foot, urxvt, WezTerm, ghostty.
    Osc777,
    /// The bell.
    Bell,
    /// Not at all.
    Off,
}

impl Notify {
    /// All, with the words of the file.
    pub const ALL: [(&str, Self); 5] = [
        ("auto", Self::Auto),
        ("osc9", Self::Osc9),
        ("osc777", Self::Osc777),
        ("bell", Self::Bell),
        ("off", Self::Off),
    ];
}

/// What the user may set, with everything at its default to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Theme by name; nothing = as the terminal's colours allow.
    pub theme: Option<String>,
    /// ASCII only; nothing = as the locale says.
    pub ascii: Option<bool>,
    /// Take the mouse.
    pub mouse: bool,
    /// Frames a second that only show progress, over SSH.
    pub ssh_fps: u32,
    /// How to notify when a long job ends.
    pub notify: Notify,
    /// Seconds after which a job counts as long.
    pub notify_after: u32,
    /// Come back to where the folder was left.
    pub restore: bool,
    /// Ask what a model is for when a recipe begins.
    pub ask_purpose: bool,
    /// Memory of the GPU that models are for, in bytes; nothing = of the GPU of this machine.
    pub gpu_memory: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: None,
            ascii: None,
            mouse: true,
            ssh_fps: 1,
            notify: Notify::Auto,
            notify_after: 30,
            restore: true,
            ask_purpose: true,
            gpu_memory: None,
        }
    }
}

/// A key of `config.toml`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Its name.
    pub key: &'static str,
    /// Its default as the file writes it.
    pub default: &'static str,
    /// What it does and what it may be.
    pub help: &'static str,
    /// Sets a value; returns the problem if it is invalid.
    pub set: fn(&mut Settings, &DeValue<'_>) -> Result<(), String>,
}

/// Every key of `config.toml`, in the order of the documentation.
pub(crate) const SETTINGS: [Setting; 9] = [
    Setting {
        key: "theme",
        default: "\"auto\"",
        help: "A theme by name (`remold config path` shows where your own themes go); \"auto\" is dark or light as the terminal's background, or ansi16 on terminals with 16 colours. The last theme chosen with T goes before this, until this file changes.",
        set: |s, v| {
            let name = text(v)?;
            s.theme = (name != "auto").then(|| name.to_owned());
            Ok(())
        },
    },
    Setting {
        key: "ascii",
        default: "\"auto\"",
        help: "Draw with ASCII characters only: true, false, or \"auto\" to decide by the locale and TERM.",
        set: |s, v| {
            s.ascii = match v {
                DeValue::String(word) if word == "auto" => None,
                other => Some(yes_no(other).map_err(|_| String::from("must be true, false or \"auto\""))?),
            };
            Ok(())
        },
    },
    Setting {
        key: "mouse",
        default: "true",
        help: "Use clicks and the wheel; false leaves the mouse to the terminal.",
        set: |s, v| {
            s.mouse = yes_no(v)?;
            Ok(())
        },
    },
    Setting {
        key: "ssh_fps",
        default: "1",
        help: "Frames per second for progress over SSH: 1 to 30. Input is always shown immediately.",
        set: |s, v| {
            s.ssh_fps = number(v, 1, 30)?;
            Ok(())
        },
    },
    Setting {
        key: "notify",
        default: "\"auto\"",
        help: "How to notify when a long job ends: \"auto\", \"osc9\", \"osc777\", \"bell\" or \"off\".",
        set: |s, v| {
            let word = text(v)?;
            let known = Notify::ALL.iter().find(|(name, _)| *name == word);
            s.notify = known.map(|(_, n)| *n).ok_or("must be \"auto\", \"osc9\", \"osc777\", \"bell\" or \"off\"")?;
            Ok(())
        },
    },
    Setting {
        key: "notify_after",
        default: "30",
        help: "Seconds after which a job counts as long.",
        set: |s, v| {
            s.notify_after = number(v, 0, 86_400)?;
            Ok(())
        },
    },
    Setting {
        key: "restore",
        default: "true",
        help: "Restore the tab, the model, the filters and the recipe of the last session in a folder; `--fresh` skips this once.",
        set: |s, v| {
            s.restore = yes_no(v)?;
            Ok(())
        },
    },
    Setting {
        key: "ask_purpose",
        default: "true",
        help: "Ask what the model is for, once in a session, when `c` begins a recipe.",
        set: |s, v| {
            s.ask_purpose = yes_no(v)?;
            Ok(())
        },
    },
    Setting {
        key: "gpu_memory",
        default: "\"auto\"",
        help: "Memory of the GPU that models are for, as in \"24GiB\": the plot of the Recipe tab marks the largest file that fits. \"auto\" is the first GPU that NVML finds on this machine, if there is one.",
        set: |s, v| {
            let word = text(v)?;
            let size = || {
                crate::recipe::parse_size(word).filter(|n| *n > 0).ok_or("must be \"auto\" or a size such as \"24GiB\"")
            };
            s.gpu_memory = if word == "auto" { None } else { Some(size()?) };
            Ok(())
        },
    },
];

fn text<'v>(v: &'v DeValue<'_>) -> Result<&'v str, String> {
    v.as_str().ok_or_else(|| "must be text in quotes".into())
}

fn yes_no(v: &DeValue<'_>) -> Result<bool, String> {
    v.as_bool().ok_or_else(|| "must be true or false".into())
}

fn number(v: &DeValue<'_>, least: u32, most: u32) -> Result<u32, String> {
    let n = v.as_integer().and_then(|i| u32::from_str_radix(i.as_str(), i.radix()).ok());
    n.filter(|n| (least..=most).contains(n)).ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}
