//! Codes of errors: stable names for programs that read events.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What kind of thing went wrong. The names are a promise: events and reports have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// A file is damaged or contradicts itself.
    FileBad,
    /// This version cannot do it.
    Unsupported,
    /// More than a limit allows.
    Limit,
    /// The request is wrong.
    Request,
    /// The operating system refused.
    Io,
    /// The disk or the quota is full.
    DiskFull,
    /// The process of a job ended without a word.
    JobDied,
    /// A code of another version.
    Unknown,
}

/// Every code with its name.
const CODES: &[(ErrorCode, &str)] = &[
    (ErrorCode::FileBad, "file.bad"),
    (ErrorCode::Unsupported, "unsupported"),
    (ErrorCode::Limit, "limit"),
    (ErrorCode::Request, "request"),
    (ErrorCode::Io, "io"),
    (ErrorCode::DiskFull, "disk.full"),
    (ErrorCode::JobDied, "job.died"),
];

impl ErrorCode {
    /// Its name: `file.bad`.
    pub fn name(self) -> &'static str {
        CODES.iter().find(|(code, _)| *code == self).map_or("unknown", |(_, name)| name)
    }

    /// The code of that name.
    pub(crate) fn parse(name: &str) -> Self {
        CODES.iter().find(|(_, known)| *known == name).map_or(Self::Unknown, |(code, _)| *code)
    }

    /// True if the same may succeed later without any change: space and memory come back.
    pub(crate) fn may_pass(self) -> bool {
        matches!(self, Self::Io | Self::DiskFull | Self::Limit)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_invert() {
        let names: Vec<&str> = CODES.iter().map(|(_, name)| *name).collect();
        assert_eq!(names, ["file.bad", "unsupported", "limit", "request", "io", "disk.full", "job.died"]);
        for (code, name) in CODES {
            assert_eq!((code.name(), ErrorCode::parse(name)), (*name, *code));
        }
        assert_eq!(ErrorCode::parse("of.tomorrow"), ErrorCode::Unknown);
        let json = serde_json::to_string(&ErrorCode::DiskFull).unwrap();
        assert_eq!(json, "\"disk.full\"");
        assert_eq!(serde_json::from_str::<ErrorCode>(&json).unwrap(), ErrorCode::DiskFull);
    }
}
