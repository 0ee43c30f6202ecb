#!/bin/sh
# Proves that requirements.txt has wheels on every supported system and Python, without installing:
# pip resolves each in turn. Takes about five minutes and the package index, so it is no test.
# Run it after a change of requirements.txt: make platforms
set -u
pip="${1:-python3 -m pip}"
linux="manylinux_2_17_x86_64 manylinux2014_x86_64 manylinux_2_27_x86_64 manylinux_2_28_x86_64"
macos="macosx_11_0_arm64 macosx_12_0_arm64 macosx_13_0_arm64 macosx_14_0_arm64"
status=0
for version in 3.11 3.12 3.13; do
    for tags in "$linux" "$macos" win_amd64; do
        options=""
        for tag in $tags; do options="$options --platform $tag"; done
        # shellcheck disable=SC2086
        if $pip install --quiet --dry-run --ignore-installed --target unused --only-binary=:all: \
            --python-version "$version" $options -r requirements.txt >/dev/null; then
            echo "Python $version, ${tags%% *}: installs"
        else
            echo "Python $version, ${tags%% *}: FAILS"
            status=1
        fi
    done
done
exit $status
