#!/bin/sh
# Makes a fresh clone runnable: installs the dependencies, among them the Node this project runs on, when they are
# missing or older than the lock file, then runs its arguments with that Node.
#
#   sh deploy/local/bootstrap.sh [script [arguments…]]
set -eu
cd "$(dirname "$0")/../.."

node=node_modules/.bin/node
installed=node_modules/.package-lock.json

# `npm ci` writes $installed last, so an interrupted installation counts as missing.
if [ ! -x "$node" ] || [ ! -f "$installed" ] || [ -n "$(find package-lock.json -newer "$installed")" ]; then
  if ! command -v npm >/dev/null 2>&1; then
    echo 'npm is missing: install Node.js with npm, any version from 20 on.' >&2
    exit 1
  fi
  echo 'installing dependencies with npm ci (once, under a minute) …' >&2
  # A registry that mirrors one platform only makes npm write a lock file that `npm ci` then finds incomplete;
  # `npm install` takes the same versions from it, and --no-save leaves the file alone.
  npm ci --no-audit --no-fund --loglevel=error </dev/null >/dev/null 2>&1 ||
    npm install --no-save --no-audit --no-fund --loglevel=error </dev/null >&2
  touch "$installed"
fi

if [ $# -gt 0 ]; then
  exec "$node" "$@"
fi
