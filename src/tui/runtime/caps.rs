//! What the environment says about the terminal and the language.

/// A variable of the environment, unless it is empty.
pub(super) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

/// True where only ASCII can be shown: a locale without UTF-8, or a terminal without the glyphs.
pub(super) fn ascii(var: impl Fn(&str) -> Option<String>) -> bool {
    let term = var("TERM").unwrap_or_default();
    if term == "linux" || term == "dumb" {
        return true;
    }
    // The first that is set decides (POSIX: LC_ALL, LC_CTYPE, LANG). None set is the C locale, but that is so in many
    // containers whose terminal is UTF-8 all the same.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|n| var(n));
    locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        !l.contains("utf-8") && !l.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_the_glyphs() {
        let env = |pairs: &'static [(&str, &str)]| {
            move |k: &str| pairs.iter().find(|(n, _)| *n == k).map(|(_, v)| (*v).to_owned())
        };
        assert!(!ascii(env(&[("LANG", "en_US.UTF-8")])));
        assert!(ascii(env(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")])));
        assert!(!ascii(env(&[])));
        assert!(ascii(env(&[("TERM", "linux"), ("LANG", "C.utf8")])));
    }
}
