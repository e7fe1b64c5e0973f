#!/bin/sh
# Install requirements-SET.txt (run, demo or dev) into .venv: `scripts/install.sh SET PYTHON`. Each set contains the
# sets before it. The files .venv/.SET mark the installed sets. uv does the work if it is on PATH, otherwise pip.
set -eu
PIP=pip==26.3
cd "$(dirname "$0")/.."
set=$1 host=$2 python=.venv/bin/python file=requirements-$1.txt
case $set in run) covers=run ;; demo) covers="run demo" ;; dev) covers="run demo dev" ;; *) exit 2 ;; esac

progress() { # one line for each pinned requirement, instead of pip's many
  awk '/\(from -r / { gsub(".*/", "", $2); print "  " $2; fflush() }
    /^Installing collected/ { print "  unpacking ..."; fflush() }'
}

rm -f ".venv/.$set"
echo "Installing $file into .venv (only when it has changed) ..."
if command -v uv >/dev/null; then
  [ -x $python ] || uv venv --quiet --seed --clear --python "$host" .venv
  uv pip install --python $python -r "$file"
else
  if [ ! -x .venv/bin/pip ]; then
    # Python's own pip is often old and needs three times as long as a new one.
    if "$host" -m pip --python "$host" --version >/dev/null 2>&1; then
      "$host" -m venv --without-pip --clear .venv
      "$host" -m pip --python $python install --quiet --disable-pip-version-check "$PIP"
    else
      "$host" -m venv --clear .venv
      $python -m pip install --quiet --disable-pip-version-check "$PIP"
    fi
  fi
  { $python -m pip install --no-compile --disable-pip-version-check -r "$file" && touch ".venv/.$set"; } | progress
  [ -e ".venv/.$set" ]
fi
$python -m compileall -q -j 0 -x '/(pip|tests?|testing)/' .venv/lib >/dev/null 2>&1 || true # pip uses one core only
for name in $covers; do touch ".venv/.$name"; done
