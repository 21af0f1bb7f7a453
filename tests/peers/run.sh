#!/usr/bin/env bash
# The peer checks: other people's readers judge what remold writes.
#
#   tests/peers/run.sh [--llama-cpp] [WORD ...]
#
# Uses target/release/remold (REMOLD_BIN names another). --llama-cpp builds llama.cpp first (about ten minutes, once) unless
# REMOLD_LLAMA_CPP and REMOLD_LLAMA_CPP_BIN name a tree and its built tools. The rest is in README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

"$here/setup.sh"
for word in "$@"; do
    if [[ $word == --llama-cpp && -z ${REMOLD_LLAMA_CPP:-} ]]; then
        built=$("$here/build_llama_cpp.sh")
        export REMOLD_LLAMA_CPP=$built REMOLD_LLAMA_CPP_BIN=$built/build/bin
    fi
done
binary=${REMOLD_BIN:-${CARGO_TARGET_DIR:-$root/target}/release/remold}
exec "${REMOLD_PEERS_VENV:-$root/.venv}/bin/python" "$here/run.py" --binary "$binary" "$@"
