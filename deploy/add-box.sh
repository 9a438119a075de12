#!/bin/sh
# Gives a box a user at the broker, or a new password to one that has.
# 给盒子开户,或更换其密码。
#
#   deploy/add-box.sh b0417-03                  makes a password and shows it once
#   deploy/add-box.sh b0417-03 <password-file   takes the first line
#
# Then: docker compose restart mosquitto (a second; boxes and gateway come back by themselves).
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
secrets=${SECRETS:-$here/secrets}
box=$1
case $box in
    "" | *[!a-z0-9-]*) echo "a box's name is made of a-z, 0-9 and -" >&2; exit 1 ;;
    doorward) echo "'doorward' is the gateway's client id; no box may have it" >&2; exit 1 ;;
esac

if [ -t 0 ]; then
    password=$(openssl rand -hex 16)
    echo "$box $password"
else
    IFS= read -r password
fi

# The password goes through a file, never through a command line that others can see.
work=$(mktemp -d "$secrets/new.XXXXXX")
trap 'rm -rf "$work"' EXIT
printf '%s:%s\n' "$box" "$password" >"$work/one"
if command -v mosquitto_passwd >/dev/null; then
    mosquitto_passwd -U "$work/one"
else
    docker run --rm --user 0 -v "$work:/work" eclipse-mosquitto:2.0.22 mosquitto_passwd -U /work/one
fi
grep -v "^$box:" "$secrets/mosquitto-passwords" >"$work/all" || true
cat "$work/one" >>"$work/all"
cat "$work/all" >"$secrets/mosquitto-passwords" # into the same file: owner and mode stay
