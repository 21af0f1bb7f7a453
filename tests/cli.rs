//! The program from outside: what it prints, where, with which exit code, and what it leaves on disk.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "cli/bad_files.rs"]
mod bad_files;
#[path = "cli/bad_requests.rs"]
mod bad_requests;
#[path = "cli/budget.rs"]
mod budget;
#[path = "cli/checksums.rs"]
mod checksums;
#[path = "cli/command_line.rs"]
mod command_line;
#[path = "cli/compare.rs"]
mod compare;
#[path = "cli/compare_text.rs"]
mod compare_text;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/contract.rs"]
mod contract;
#[path = "cli/data_budget.rs"]
mod data_budget;
#[path = "cli/disk.rs"]
mod disk;
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/documented.rs"]
mod documented;
#[path = "cli/eval.rs"]
mod eval;
#[path = "cli/forecast.rs"]
mod forecast;
#[path = "cli/foreseen.rs"]
mod foreseen;
#[path = "cli/goals.rs"]
mod goals;
#[path = "cli/graph_precision.rs"]
mod graph_precision;
#[path = "cli/graphs.rs"]
mod graphs;
#[path = "cli/hostile_text.rs"]
mod hostile_text;
#[path = "cli/imatrix.rs"]
mod imatrix;
#[path = "cli/jobs.rs"]
mod jobs;
#[path = "cli/kills.rs"]
mod kills;
#[path = "cli/lab.rs"]
mod lab;
#[path = "cli/made.rs"]
mod made;
#[path = "formats/made_zip.rs"]
mod made_zip;
#[path = "cli/manifest.rs"]
mod manifest;
#[path = "cli/many.rs"]
mod many;
#[path = "cli/material.rs"]
mod material;
#[path = "cli/memory.rs"]
mod memory;
#[path = "cli/newcomers.rs"]
mod newcomers;
#[path = "cli/no_files.rs"]
mod no_files;
#[path = "cli/odd_places.rs"]
mod odd_places;
#[path = "cli/ollama.rs"]
mod ollama;
#[path = "cli/options.rs"]
mod options;
#[path = "cli/pipeline.rs"]
mod pipeline;
#[path = "cli/pruning.rs"]
mod pruning;
#[path = "cli/quantize_flags.rs"]
mod quantize_flags;
#[path = "cli/ranks.rs"]
mod ranks;
#[path = "cli/safety.rs"]
mod safety;
#[path = "cli/shared_jobs.rs"]
mod shared_jobs;
#[path = "../src/skip.rs"]
mod skip;
#[path = "cli/sources.rs"]
mod sources;
#[path = "cli/splitting.rs"]
mod splitting;
#[path = "cli/table.rs"]
mod table;
#[path = "cli/trainers.rs"]
mod trainers;
#[path = "cli/validate.rs"]
mod validate;
#[path = "cli/walked.rs"]
mod walked;
#[path = "cli/watch.rs"]
mod watch;
#[path = "cli/watch_care.rs"]
mod watch_care;
#[path = "cli/watch_control.rs"]
mod watch_control;
#[path = "cli/watch_lab.rs"]
mod watch_lab;
#[path = "cli/watch_policies.rs"]
mod watch_policies;
#[path = "cli/watch_requests.rs"]
mod watch_requests;
#[path = "cli/watch_rules.rs"]
mod watch_rules;
#[path = "cli/whole.rs"]
mod whole;
