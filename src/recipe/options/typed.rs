//! Options with the type of their value.

use crate::recipe::key::Key;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use std::marker::PhantomData;
use std::path::PathBuf;

/// An option whose value has the type `T`.
#[derive(Debug)]
pub struct TargetOption<T> {
    /// Everything else about it.
    pub key: Key,
    value: PhantomData<fn() -> T>,
}

impl<T> TargetOption<T> {
    /// An option with that key.
    pub(crate) const fn new(key: Key) -> Self {
        Self { key, value: PhantomData }
    }
}

/// A type that an option's value is read as.
pub trait OptionValue: Sized {
    /// The value from its canonical JSON; the default when the option is not given.
    fn read(json: Option<&Json>) -> Self;
    /// The canonical JSON; `None` if it is the default.
    fn write(self) -> Option<Json>;
}

impl OptionValue for bool {
    fn read(json: Option<&Json>) -> Self {
        json.and_then(Json::as_bool).unwrap_or(false)
    }

    fn write(self) -> Option<Json> {
        self.then_some(Json::Bool(true))
    }
}

impl OptionValue for Option<bool> {
    fn read(json: Option<&Json>) -> Self {
        json.and_then(Json::as_bool)
    }

    fn write(self) -> Option<Json> {
        self.map(Json::Bool)
    }
}

impl OptionValue for Option<u64> {
    fn read(json: Option<&Json>) -> Self {
        json.and_then(Json::as_u64)
    }

    fn write(self) -> Option<Json> {
        self.map(Json::from)
    }
}

impl OptionValue for Option<f64> {
    fn read(json: Option<&Json>) -> Self {
        json.and_then(Json::as_f64)
    }

    fn write(self) -> Option<Json> {
        self.map(Json::from)
    }
}

impl OptionValue for Option<String> {
    fn read(json: Option<&Json>) -> Self {
        json.map(text)
    }

    fn write(self) -> Option<Json> {
        self.map(Json::String)
    }
}

impl OptionValue for Option<PathBuf> {
    fn read(json: Option<&Json>) -> Self {
        json.map(|v| PathBuf::from(text(v)))
    }

    fn write(self) -> Option<Json> {
        self.map(|p| Json::String(p.to_string_lossy().into_owned()))
    }
}

impl OptionValue for Vec<String> {
    fn read(json: Option<&Json>) -> Self {
        json.and_then(Json::as_array).into_iter().flatten().map(text).collect()
    }

    fn write(self) -> Option<Json> {
        (!self.is_empty()).then(|| Json::from(self))
    }
}

impl OptionValue for Vec<u32> {
    fn read(json: Option<&Json>) -> Self {
        let items = json.and_then(Json::as_array).into_iter().flatten();
        items.filter_map(|n| n.as_u64()?.try_into().ok()).collect()
    }

    fn write(self) -> Option<Json> {
        (!self.is_empty()).then(|| Json::from(self))
    }
}

impl OptionValue for IndexMap<String, String> {
    fn read(json: Option<&Json>) -> Self {
        json.and_then(Json::as_object).into_iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect()
    }

    fn write(self) -> Option<Json> {
        let map: Map<String, Json> = self.into_iter().map(|(k, v)| (k, Json::String(v))).collect();
        (!map.is_empty()).then_some(Json::Object(map))
    }
}

impl OptionValue for IndexMap<String, Json> {
    fn read(json: Option<&Json>) -> Self {
        json.and_then(Json::as_object).into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    fn write(self) -> Option<Json> {
        (!self.is_empty()).then(|| Json::Object(self.into_iter().collect()))
    }
}

fn text(v: &Json) -> String {
    v.as_str().map_or_else(|| v.to_string(), str::to_owned)
}
