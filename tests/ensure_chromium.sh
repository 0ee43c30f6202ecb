#!/bin/sh
# Finds Chromium for the browser tests, or installs it from the distribution's packages as root.
# Without it: under CI an error, elsewhere a plain note (the browser tests are skipped).
set -u
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium from the distribution's packages for the browser tests ..."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
    command -v chromium >/dev/null 2>&1 && exit 0
fi
echo "Chromium was not found. Install it (Debian, Ubuntu: sudo apt-get install chromium); the browser tests need it." >&2
[ -z "${CI:-}" ] || exit 1
echo "Going on without the browser tests." >&2
