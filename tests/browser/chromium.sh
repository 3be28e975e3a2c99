#!/usr/bin/env bash
# Prints the path of a Chromium: the one of the machine, or else Debian's, unpacked into the folder
# that is given. Only if that does not start, and only for root, Debian's is installed.
#
#     tests/browser/chromium.sh .tools/chromium
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
    if command -v "$name"; then exit; fi
done

mkdir -p "$1"
folder="$(cd "$1" && pwd)"
starts() { "$folder/chromium" --version >/dev/null 2>&1; }

# The packages that the machine does not have, fetched by apt with folders of its own: no root needed.
fetch() {
    local apt=(apt-get -qq -o "Dir::State=$folder/state" -o "Dir::Cache=$folder/cache"
        -o Dir::State::status=/var/lib/dpkg/status -o Debug::NoLocking=true
        -o "APT::Sandbox::User=$(id -un)")
    rm -rf "$folder"
    mkdir -p "$folder"/{root,state/lists/partial,cache/archives/partial}
    # `set -e` does not hold where a failure is answered for.
    "${apt[@]}" update &&
        "${apt[@]}" install --yes --download-only --no-install-recommends chromium &&
        find "$folder/cache/archives" -name '*.deb' -exec dpkg-deb -x {} "$folder/root" ';' &&
        rm -rf "$folder/state" "$folder/cache"
}

# Libraries and fonts are those unpacked here, then those of the machine.
wrap() {
    local libraries
    libraries="$(find "$folder/root" -name '*.so*' -path '*linux-gnu*' -printf '%h\n' | sort -u | paste -sd:)"
    cat >"$folder/fonts.conf" <<XML
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>$folder/root/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>$folder/fonts</cachedir>
</fontconfig>
XML
    cat >"$folder/chromium" <<SH
#!/bin/sh
export LD_LIBRARY_PATH="$libraries"
export FONTCONFIG_FILE="$folder/fonts.conf"
exec "$folder/root/usr/lib/chromium/chromium" "\$@"
SH
    chmod +x "$folder/chromium"
}

if ! starts; then
    { fetch && wrap; } >&2 || true
    if ! starts; then
        [ "$(id -u)" = 0 ] || {
            echo "chromium.sh: no Chromium; on Debian: apt install chromium" >&2
            exit 1
        }
        { apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium; } >&2
        command -v chromium
        exit
    fi
fi
echo "$folder/chromium"
