#!/usr/bin/env bash
# Make the Python environment of the peer checks, from PyPI only.
#
#   tests/peers/setup.sh            makes ${REMOLD_PEERS_VENV:-.venv}; does nothing when it is there and complete
#
# REMOLD_PEERS_PYTHON (default python3; 3.11 or newer) is the interpreter to start from.
# Takes a minute or two and 4.3 GB of disk: nearly all of it is torch, whose wheel on PyPI is the CUDA build.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${REMOLD_PEERS_VENV:-$root/.venv}
python=${REMOLD_PEERS_PYTHON:-python3}
stamp=$venv/remold-peers.sha256
wanted=$(sha256sum <"$here/requirements.txt")

if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    exit 0
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "peers: $python is older than Python 3.11; set REMOLD_PEERS_PYTHON to a newer one" >&2
    exit 1
fi
echo "peers: making $venv (a minute or two, 4.3 GB)" >&2
rm -f "$stamp"
"$python" -m venv "$venv" || {
    echo "peers: cannot make a virtual environment in $venv; is the venv module of Python installed?" >&2
    exit 1
}
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-cache-dir -r "$here/requirements.txt" || {
    echo "peers: pip could not install tests/peers/requirements.txt (its message is above); is PyPI reachable?" >&2
    exit 1
}
"$venv/bin/python" -c 'import gguf, safetensors, sentencepiece, tokenizers, torch, transformers'
printf '%s\n' "$wanted" >"$stamp"
