#!/usr/bin/env bash
# Unpacks Debian's RabbitMQ and NATS, with what they need, into the folder that is given. Nothing is
# installed: no root is needed, and the machine stays as it is.
#
#     tests/peers/install.sh .tools/peers
set -euo pipefail

mkdir -p "$1"
folder="$(cd "$1" && pwd)"
# Written last, with the place: Erlang has it in its scripts.
if [ "$(cat "$folder/unpacked-in" 2>/dev/null)" = "$folder" ]; then exit; fi

command -v apt-get >/dev/null || {
    echo "install.sh: RabbitMQ and NATS are taken from Debian's packages, which need apt-get" >&2
    exit 1
}
rm -rf "$folder"
mkdir -p "$folder"/{root,state/lists/partial,cache/archives/partial}
# What the machine has, but for these themselves: they must lie in this folder.
awk -v RS= -v ORS='\n\n' '!/^Package: (rabbitmq-server|nats-server|erlang-[^\n]*)\n/' \
    /var/lib/dpkg/status >"$folder/state/status"
apt=(apt-get -qq -o "Dir::State=$folder/state" -o "Dir::Cache=$folder/cache"
    -o "Dir::State::status=$folder/state/status" -o Debug::NoLocking=true
    -o "APT::Sandbox::User=$(id -un)")
"${apt[@]}" update
"${apt[@]}" install --yes --download-only --no-install-recommends rabbitmq-server nats-server
for package in "$folder"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/root"
done
sed -i "s|ROOTDIR=/usr/lib/erlang\$|ROOTDIR=$folder/root/usr/lib/erlang|" "$folder/root/usr/lib/erlang/bin/erl"
rm -rf "$folder/state" "$folder/cache"
echo "$folder" >"$folder/unpacked-in"
