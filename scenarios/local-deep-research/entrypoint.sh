#!/bin/sh
# Starts as root, hands the data volume to the unprivileged user, then drops to it for good.
set -eu
mkdir -p "$LDR_DATA_DIR"
chown -R ldruser "$LDR_DATA_DIR" /app/.config
exec env HOME=/home/ldruser setpriv --reuid=ldruser --regid=ldruser --init-groups -- "$@"
