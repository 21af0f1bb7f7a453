//! What the tests, benches and fuzz targets of this package use. It is not an API: any commit may change it.

#[allow(missing_docs, reason = "described where it is defined")]
pub mod arch {
    pub use crate::arch::{
        ConfigStatus, GgufModel, GgufOptions, OutType, check_complete, identify, open, to_gguf, to_hf,
    };

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod vocab {
        pub use crate::arch::vocab::{
            Encoded, Piece, VocabRequest, config_fields, describe, describe_metadata, restore_sidecars, vocab_metadata,
        };
    }
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod engine {
    pub use crate::engine::{
        Event, EventBody, EventSink, Failure, Gate, Hash128, OutputReport, Report, RunOptions, Stop, from_json,
        is_part_name, run,
    };
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod evaluate {
    pub use crate::evaluate::{
        Baseline, BaselineSource, Comparison, Evaluated, Figure, Figures, Group, HiddenFigures, Measured, ModelFigures,
        Names, Sameness, TensorFigures, TensorShapes, TypeShare, Unpaired, ValueShape, Variant, rows,
    };
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod forecast {

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod values {
        pub use crate::forecast::values::Values;
    }
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod formats {
    /// The extensions of the formats that are read.
    pub fn readable_extensions() -> impl Iterator<Item = &'static str> {
        crate::formats::FORMATS.iter().filter(|f| f.read.is_some()).flat_map(|f| f.extensions.iter().copied())
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod gguf {
        #[cfg(feature = "verify-gguf-rs")]
        pub use crate::formats::gguf::verify;
        pub use crate::formats::gguf::{layout, open_alone, shard_metadata};
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod hf {
        pub use crate::formats::hf::{Weights, find_weights};
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod safetensors {
        pub use crate::formats::safetensors::{layout, open_index, verify};
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod pytorch {
        pub use crate::formats::pytorch::open;
    }

    pub use crate::formats::{
        FilePlan, Found, FoundKind, LayoutRequest, LayoutTensor, Split, open, open_file, scan, write_spec,
    };
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod graph {
    pub use crate::graph::Graph;
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod job {
    pub use crate::job::{JobFolder, JobKind, JobState, JobSummary};
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod model {
    pub use crate::model::{
        ConcatRows, Defect, ErrorCode, ErrorKind, FormatId, Hint, MemoryRows, MetaArray, MetaValue, Metadata, Model,
        ModelError, Network, OptionName, OutputIndex, PerLayer, Piece, Place, Remedy, Result, Role, Rope, RopeKind,
        RopeScaling, Sidecar, Sidecars, TensorClass, TensorData, TensorEntry, TensorIndex, TensorKind, Warning,
        decode_piece,
    };
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod monitor {
    pub use crate::monitor::{Check, Gpu, GpuMemory, Machine};
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod plan {
    pub use crate::plan::goals::RuntimeMemory;
    pub use crate::plan::{
        Chosen, Dial, Estimate, Forecast, Forecasted, Heavy, Plan, PlannedOutput, PlannedStep, PlannedTensor, prepare,
    };
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod quant {
    pub use crate::quant::{
        BlockType, Encoding, can_quantize, dequantize_rows, instruction_sets, needs_imatrix, quantize_rows,
    };
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod recipe {
    pub use crate::recipe::{
        Available, Recipe, Selector, Source, Step, Syntax, Target, apply_set, check, lint, lint_file, load, manual,
        parse, parse_size, parse_text, template, to_toml,
    };

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod keys {
        pub use crate::recipe::keys::{KeyTable, Kind, OptionGroup, keys, keys_of};
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod options {
        pub use crate::recipe::options::formats_of;

        #[allow(missing_docs, reason = "described where it is defined")]
        pub mod gguf {
            pub use crate::recipe::options::gguf::{
                BUDGET_DATA, CONTEXT_LENGTH, EFFORT, EMBEDDING_TYPE, IMATRIX, MAX_KLD, SCORE_TIME, SCORES, TARGET_BPW,
                TARGET_SIZE, USE_MLOCK,
            };
        }
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod remedies {
        pub use crate::recipe::remedies::on_command_line;
    }
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod task {
    pub use crate::task::Task;
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod tensor {
    pub use crate::tensor::{DType, Shape, decode_f32, encode_f32};
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod transform {
    pub use crate::transform::{FileType, Imatrix};
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod tui {

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod config {
        pub use crate::tui::config::default_file;
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod core {
        pub use crate::tui::core::{
            Action, BaselineChoice, Binding, Cmd, Effect, ErrorCard, Focus, FoundModel, Hit, Keymap, Layer, Level,
            MeasureWhat, MeasuredReport, Notify, Outside, Session, Settings, State, Tab, Toast, all_commands,
            edited_words, farewell, glossary_markdown, hints, keys_markdown, panes, parse_keys, search_position,
            searched, tail_hints, update,
        };
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod look {
        pub use crate::tui::look::{Depth, Look, Theme};
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod runtime {
        pub use crate::tui::runtime::{Screen, enter, hook_panics};

        #[allow(missing_docs, reason = "described where it is defined")]
        pub mod effects {
            pub use crate::tui::runtime::effects::take_out;
        }
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod tabs {

        #[allow(missing_docs, reason = "described where it is defined")]
        pub mod compare {
            pub use crate::tui::tabs::compare::{
                Amount, Chart, Compared, EvaluationJob, Limit, ModelQuality, Order, Page, PageNews, PageRequest,
                Prompt, Quality, QualityChart, QualityNews, QualityValue, SpeechNews, Spoke, Spoken, SpokenPosition,
                TensorOrder,
            };
        }

        #[allow(missing_docs, reason = "described where it is defined")]
        pub mod jobs {
            pub use crate::tui::tabs::jobs::{JobAction, JobSection};
        }

        #[allow(missing_docs, reason = "described where it is defined")]
        pub mod models {
            pub use crate::tui::tabs::models::{
                Check, FileList, Finding, InspectRequest, InspectResponse, ModelInfo, Section, Summary, TensorHit,
                TensorSort, TokenizerTrial,
            };
        }

        #[allow(missing_docs, reason = "described where it is defined")]
        pub mod recipe {
            pub use crate::tui::tabs::recipe::{
                BatchOutcome, BatchOutlook, Budget, EditOutcome, EditPlace, Field, LibraryEntry, Overwrite,
                PlanResponse, Prompt, RecipePane, Row, SaveRefusal, TargetRejection, presets,
            };
        }

        #[allow(missing_docs, reason = "described where it is defined")]
        pub mod watch {
            pub use crate::tui::tabs::watch::{ExportQuality, WatchPlace, WatcherQuery};
        }
    }

    #[allow(missing_docs, reason = "described where it is defined")]
    pub mod view {
        pub use crate::tui::view::{Ui, draw};
    }
}

#[allow(missing_docs, reason = "described where it is defined")]
pub mod watch {
    pub use crate::watch::{
        Dirty, Request, Tree, WatchBody, WatchEvent, WatcherInfo, WatcherStart, list_watchers, units,
    };
}
