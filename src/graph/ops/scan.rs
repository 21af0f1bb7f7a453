//! `Scan`.

use super::{Infer, Operator, Version};
use crate::graph::eval::Eval;

/// Schemas: ONNX 1.23, `Scan`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Scan",
    versions: &[
        Version {
            since: 8,
            inputs: "sequence_lens?: I, initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "I = i64; V = ALL",
            attributes: "body!: graph, directions: ints, num_scan_inputs!: int",
            deprecated: false,
        },
        Version {
            since: 9,
            inputs: "initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "V = ALL",
            attributes: "body!: graph, num_scan_inputs!: int, scan_input_axes: ints, scan_input_directions: ints, scan_output_axes: ints, scan_output_directions: ints",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "V = ALL",
            attributes: "body!: graph, num_scan_inputs!: int, scan_input_axes: ints, scan_input_directions: ints, scan_output_axes: ints, scan_output_directions: ints",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "V = ALL16",
            attributes: "body!: graph, num_scan_inputs!: int, scan_input_axes: ints, scan_input_directions: ints, scan_output_axes: ints, scan_output_directions: ints",
            deprecated: false,
        },
        Version {
            since: 19,
            inputs: "initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "V = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz",
            attributes: "body!: graph, num_scan_inputs!: int, scan_input_axes: ints, scan_input_directions: ints, scan_output_axes: ints, scan_output_directions: ints",
            deprecated: false,
        },
        Version {
            since: 21,
            inputs: "initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "V = ALL16 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "body!: graph, num_scan_inputs!: int, scan_input_axes: ints, scan_input_directions: ints, scan_output_axes: ints, scan_output_directions: ints",
            deprecated: false,
        },
        Version {
            since: 23,
            inputs: "initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz i4 u4",
            attributes: "body!: graph, num_scan_inputs!: int, scan_input_axes: ints, scan_input_directions: ints, scan_output_axes: ints, scan_output_directions: ints",
            deprecated: false,
        },
        Version {
            since: 24,
            inputs: "initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i4 u4",
            attributes: "body!: graph, num_scan_inputs!: int, scan_input_axes: ints, scan_input_directions: ints, scan_output_axes: ints, scan_output_directions: ints",
            deprecated: false,
        },
        Version {
            since: 25,
            inputs: "initial_state_and_scan_inputs~+: V",
            outputs: "final_state_and_scan_outputs~+: V",
            types: "V = ALL16 f4_e2m1 f8_e4m3 f8_e4m3fnuz f8_e5m2 f8_e5m2fnuz f8_e8m0 i2 i4 u2 u4",
            attributes: "body!: graph, num_scan_inputs!: int, scan_input_axes: ints, scan_input_directions: ints, scan_output_axes: ints, scan_output_directions: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Scan,
    eval: Eval::Scan,
};
