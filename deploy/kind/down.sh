#!/bin/sh
# Removes what deploy/kind/up.sh has made.
set -eu
kind delete cluster --name berth
docker rm --force --volumes berth-registry >/dev/null 2>&1 || true
