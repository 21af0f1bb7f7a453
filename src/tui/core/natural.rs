//! The order of names as people read them.

use std::cmp::Ordering;

/// Compares names with runs of digits by value: `checkpoint-500` before `checkpoint-1000`.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let (Some(&p), Some(&q)) = (x.peek(), y.peek()) else {
            return x.peek().is_some().cmp(&y.peek().is_some()).then_with(|| a.cmp(b));
        };
        if p.is_ascii_digit() && q.is_ascii_digit() {
            let number = |it: &mut std::iter::Peekable<std::str::Chars<'_>>| {
                let mut digits = String::new();
                while let Some(d) = it.next_if(char::is_ascii_digit) {
                    if !(digits.is_empty() && d == '0') {
                        digits.push(d);
                    }
                }
                digits
            };
            let (m, n) = (number(&mut x), number(&mut y));
            match m.len().cmp(&n.len()).then_with(|| m.cmp(&n)) {
                Ordering::Equal => {}
                other => return other,
            }
        } else {
            match p.to_lowercase().cmp(q.to_lowercase()) {
                Ordering::Equal => {}
                other => return other,
            }
            x.next();
            y.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order() {
        let mut v = vec!["b", "a10", "a9", "A1", "a01x", "a"];
        v.sort_by(|a, b| natural(a, b));
        assert_eq!(v, ["a", "A1", "a01x", "a9", "a10", "b"]);
    }
}
