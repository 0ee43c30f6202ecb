#!/bin/sh
# Finds nginx and PostgreSQL for the tests of large installations, or installs them from the
# distribution's packages as root. Without them: under CI an error, elsewhere a plain note (the
# tests that need them are skipped).
set -u
# Debian keeps the server's programs out of the PATH.
has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; }
missing() {
    command -v nginx >/dev/null 2>&1 || printf 'nginx-light '
    has_postgres || printf 'postgresql '
}
[ -z "$(missing)" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $(missing)from the distribution's packages ..."
    # shellcheck disable=SC2046
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends $(missing) >/dev/null
    [ -z "$(missing)" ] && exit 0
fi
echo "Not found: $(missing). Install it (Debian, Ubuntu: sudo apt-get install $(missing)); the tests of replicas need it." >&2
[ -z "${CI:-}" ] || exit 1
echo "Going on without these tests." >&2
