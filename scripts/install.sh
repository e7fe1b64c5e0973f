#!/bin/sh
# Install locks/SET.lock with its hashes: `scripts/install.sh SET PYTHON`. The sets run, demo and dev go into .venv, and
# each contains the sets before it; tools and docs go into virtual environments of their own. The files .venv/.SET mark the
# installed sets. uv does the work, in a fraction of pip's time: from PATH, or from PyPI unless pip is told to use another
# index. Where it fails, pip does.
set -eu
cd "$(dirname "$0")/.."
set=$1 host=$2 venv=.venv file=locks/$1.lock
case $set in
  run) covers=run ;;
  demo) covers="run demo" ;;
  dev) covers="run demo dev" ;;
  docs) covers=docs venv=.data/docs/venv ;;
  tools) covers=tools venv=.data/check-deploy/venv ;;
  *) exit 2 ;;
esac
python=$venv/bin/python

pip_install() {
  "$@" install --no-compile --disable-pip-version-check --require-hashes -r "$install_file"
}

find_uv() {
  uv=$(PATH=$PATH:.venv/bin:$venv/bin command -v uv) && return
  "$host" -m pip config list 2>/dev/null | grep -q '[.:]index-url' && return 1
  install_file=locks/uv.lock uv=$venv/bin/uv
  pip_install "$host" -m pip --quiet --python $python >/dev/null 2>&1 && [ -x "$uv" ]
}

progress() { # one line for each package, instead of pip's many
  awk '/^Collecting .*\(from -r / { gsub(".*/", "", $2); print "  " $2; fflush() }
    /^Installing collected/ { print "  unpacking ..."; fflush() }'
}

install_with_pip() {
  install_file=locks/pip.lock
  if [ ! -x $venv/bin/pip ]; then
    # Python's own pip is often old and needs three times as long as a new one.
    if "$host" -m pip --python "$host" --version >/dev/null 2>&1; then
      pip_install "$host" -m pip --quiet --python $python
    else
      "$host" -m venv --clear $venv
      pip_install $python -m pip --quiet
    fi
  fi
  install_file=$file
  { pip_install $python -m pip && touch "$venv/.$set"; } | progress
  [ -e "$venv/.$set" ]
}

[ "$set" = tools ] || "$host" scripts/lock.py --check "$set" # `make lock` itself needs the tools
rm -f "$venv/.$set"
echo "Installing $file into $venv (only when it has changed) ..."
[ -x $python ] || "$host" -m venv --without-pip --clear $venv
if ! { find_uv && "$uv" pip install --python $python --require-hashes -r locks/pip.lock -r "$file"; }; then
  install_with_pip
fi
for name in $covers; do touch "$venv/.$name"; done
