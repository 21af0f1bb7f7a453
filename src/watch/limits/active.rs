//! Times of day at which exports may start.

use super::{Edge, Limits, Readings};
use jiff::civil::Time;

/// Ranges of a day in local time, each from its beginning to before its end; one may go over midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Active(Vec<(Time, Time)>);

/// Ranges at most.
const MAX_RANGES: usize = 48;

impl Active {
    /// Reads `22:00-07:00`, or several ranges with commas between them.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let ranges: Vec<&str> = text.split(',').map(str::trim).collect();
        if ranges.len() > MAX_RANGES {
            return Err(format!("more than {MAX_RANGES} ranges"));
        }
        let range = |range: &&str| {
            let (from, to) = range.split_once('-').ok_or("write it as 22:00-07:00; separate several with commas")?;
            let (from, to) = (time(from.trim(), false)?, time(to.trim(), true)?);
            if from == to {
                return Err(format!("{range} is empty; without this option exports start at any time"));
            }
            Ok((from, to))
        };
        ranges.iter().map(range).collect::<Result<_, String>>().map(Self)
    }

    /// True if exports may start at this time of day.
    pub(crate) fn is_open(&self, at: Time) -> bool {
        self.0.iter().any(|(from, to)| match from < to {
            true => (*from..*to).contains(&at),
            false => at >= *from || at < *to,
        })
    }

    /// When the next range begins, seen from this time of day.
    fn next(&self, at: Time) -> Option<Time> {
        let starts = || self.0.iter().map(|(from, _)| *from);
        starts().filter(|from| *from > at).min().or_else(|| starts().min())
    }
}

/// A time of day: `22:00`, `7:30` or `22`; `24:00` is the end of the day.
fn time(text: &str, is_end: bool) -> Result<Time, String> {
    let wrong = || format!("`{text}` is not a time of day such as 22:00");
    let (hour, minute) = text.split_once(':').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.len() <= 2 && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return Err(wrong());
    }
    let (hour, minute): (i8, i8) = (hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?);
    if is_end && (hour, minute) == (24, 0) {
        return Ok(Time::midnight());
    }
    Time::new(hour, minute, 0, 0).map_err(|_| wrong())
}

/// The reason why exports may not start now, if there is one.
pub(super) fn closed(care: &Limits, readings: &Readings, _edge: Edge) -> Option<String> {
    let active = care.active.as_ref()?;
    if active.is_open(readings.time) {
        return None;
    }
    active.next(readings.time).map(|next| format!("waiting until {:02}:{:02}", next.hour(), next.minute()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_go_over_midnight_and_several_are_joined() {
        let t = |h, m| jiff::civil::time(h, m, 0, 0);
        let night = Active::parse("22:00-07:00, 12-13:30").unwrap();
        for (at, open) in [
            (t(22, 0), true),
            (t(0, 0), true),
            (t(6, 59), true),
            (t(7, 0), false),
            (t(11, 59), false),
            (t(13, 29), true),
            (t(13, 30), false),
            (t(21, 59), false),
        ] {
            assert_eq!(night.is_open(at), open, "{at}");
        }
        let care = Limits { active: Some(night), ..Limits::default() };
        let text = |at| closed(&care, &Readings { time: at, ..Readings::default() }, Edge::Enter);
        assert_eq!(text(t(7, 0)).unwrap(), "waiting until 12:00");
        assert_eq!(text(t(20, 0)).unwrap(), "waiting until 22:00");
        let early = Limits { active: Some(Active::parse("1-2").unwrap()), ..Limits::default() };
        let text = closed(&early, &Readings { time: t(20, 0), ..Readings::default() }, Edge::Enter);
        assert_eq!(text.unwrap(), "waiting until 01:00", "the next day");
        assert!(Active::parse("18:00-24:00").unwrap().is_open(t(23, 59)));
        for wrong in ["", "22", "22:00", "25:00-7:00", "7:60-8", "7-7", "a-b", "-7", "7-", "22:00-07:00,"] {
            assert!(Active::parse(wrong).is_err(), "{wrong}");
        }
    }
}
