#!/bin/sh
# Creates the virtual environment named by $1 with everything in uv.lock, and compiles it.
set -eu
venv=$1
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "medsupply needs Python 3.11 or later; $python is $("$python" --version). Set PYTHON=/path/to/python3." >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || {
    echo "$python -m venv failed. On Debian and Ubuntu: apt-get install python3-venv, then run make again." >&2
    exit 2
}
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
# --inexact keeps pip and uv themselves in the environment.
UV_PROJECT_ENVIRONMENT=$venv "$venv/bin/uv" sync --locked --all-extras --inexact --compile-bytecode --quiet
"$venv/bin/python" -m compileall -q medsupply
