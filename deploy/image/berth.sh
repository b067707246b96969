#!/bin/sh
# The `berth` of the image, which has no `env` to find Node with.
exec /usr/local/bin/node /berth/dist/cli.js "$@"
