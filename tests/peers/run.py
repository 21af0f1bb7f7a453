#!/usr/bin/env python3
"""Judge what remold writes with the programs that people read it with. See README.md; run.sh sets everything up."""

import argparse
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import check_gguf  # noqa: E402, F401
import check_torch  # noqa: E402, F401
import check_hf  # noqa: E402, F401
import check_llama_cpp  # noqa: E402, F401
import check_llama_quantize  # noqa: E402, F401
import check_divergence  # noqa: E402, F401
import check_eval  # noqa: E402, F401
import check_tokenizers  # noqa: E402, F401
import check_ollama  # noqa: E402, F401
import check_onnx  # noqa: E402, F401
import check_graphs  # noqa: E402, F401
import check_precision  # noqa: E402, F401
import harness  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=harness.ROOT / "target" / "release" / "remold")
    parser.add_argument("--llama-cpp", action="store_true", help="also the checks that need llama.cpp built")
    parser.add_argument("only", nargs="*", help="run only the checks whose title holds one of these words")
    args = parser.parse_args()
    if not os.access(args.binary, os.X_OK):
        sys.exit(f"peers: {args.binary} is not there; build it with: cargo build --release")
    sys.exit(harness.run_all(args.binary, args.llama_cpp, args.only))


if __name__ == "__main__":
    main()
