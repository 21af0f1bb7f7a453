#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| remold::fuzzing::fuzz_ggml(data));
