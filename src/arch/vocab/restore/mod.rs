//! stub
use crate::model::*;
/// x
pub fn restore_sidecars(_m: &Metadata) -> Result<Sidecars> {
    Err(ModelError::unsupported("x"))
}
/// x
pub fn config_fields(_m: &Metadata) -> serde_json::Map<String, serde_json::Value> {
    Default::default()
}
