#!/usr/bin/env bash
# Fetch llama-cpp-python's source package from PyPI and build the llama.cpp in it (CPU only, no server, no network).
# Prints the folder of the llama.cpp tree on stdout; does nothing when it is built already. Needs a C++ compiler.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${REMOLD_PEERS_VENV:-$root/.venv}
version=0.3.36
home=$venv/llama-cpp
tree=$home/llama_cpp_python-$version/vendor/llama.cpp

if [[ ! -e $tree/build/complete || ! -x $tree/build/bin/llama-gguf-split ]]; then
    mkdir -p "$home"
    {
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir cmake==4.2.1 ninja==1.13.0
        if [[ ! -d $tree ]]; then
            "$venv/bin/pip" download --quiet --disable-pip-version-check --no-cache-dir --no-deps \
                --no-binary llama-cpp-python --dest "$home" "llama-cpp-python==$version"
            tar -xzf "$home/llama_cpp_python-$version.tar.gz" -C "$home"
        fi
        "$venv/bin/cmake" -S "$tree" -B "$tree/build" -G Ninja -DCMAKE_MAKE_PROGRAM="$venv/bin/ninja" \
            -DCMAKE_BUILD_TYPE=Release -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
            -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_MTMD=OFF -DLLAMA_OPENSSL=OFF
        "$venv/bin/cmake" --build "$tree/build" --target llama llama-quantize llama-gguf-split llama-perplexity
        touch "$tree/build/complete"
    } >&2
fi
echo "$tree"
