#!/bin/sh
# Makes what docker-compose.yml calls secrets. Nothing that is there is written over.
# 生成证书和密码;已有的文件不会被覆盖。
#
#   deploy/make-secrets.sh NAME-OR-ADDRESS...
#
# The names and addresses are those by which boxes reach the broker; they go into its
# certificate. SECRETS=DIR puts the files elsewhere.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
secrets=${SECRETS:-$here/secrets}
mkdir -p "$secrets"
cd "$secrets"

names="DNS:mosquitto,DNS:localhost,IP:127.0.0.1"
for name in "$@"; do
    case $name in
        *:* | *[0-9].[0-9]*.[0-9]*.[0-9]*) names="$names,IP:$name" ;;
        *) names="$names,DNS:$name" ;;
    esac
done

if [ ! -e broker-ca.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 7300 \
        -subj "/CN=doorward broker authority" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout broker-ca-key.pem -out broker-ca.pem 2>/dev/null
fi
if [ ! -e broker-cert.pem ]; then
    if [ ! -e broker-ca-key.pem ]; then
        echo "put broker-ca-key.pem back into $secrets first: it signs the certificate" >&2
        exit 1
    fi
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj "/CN=doorward broker" -keyout broker-key.pem -out broker.csr 2>/dev/null
    printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' "$names" >broker.ext
    printf 'authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n' >>broker.ext
    openssl x509 -req -in broker.csr -CA broker-ca.pem -CAkey broker-ca-key.pem -CAcreateserial \
        -days 825 -extfile broker.ext -out broker-cert.pem 2>/dev/null
    rm -f broker.csr broker.ext broker-ca.srl
fi
[ -e grafana-admin-password ] || openssl rand -hex 24 >grafana-admin-password
[ -e mosquitto-passwords ] || : >mosquitto-passwords
if [ ! -e broker-password ] || ! grep -q "^doorward-monitor:" mosquitto-passwords; then
    openssl rand -hex 24 >broker-password
    SECRETS=$secrets "$here/add-box.sh" doorward-monitor <broker-password
fi

chmod 644 broker-ca.pem
if [ "$(id -u)" = 0 ]; then
    chown 1883 broker-cert.pem broker-key.pem mosquitto-passwords
    chown 10001 broker-password
    chown 472 grafana-admin-password
else
    echo "Now give each file to the user in its container that reads it:"
    echo "  sudo chown 1883 $secrets/broker-cert.pem $secrets/broker-key.pem $secrets/mosquitto-passwords"
    echo "  sudo chown 10001 $secrets/broker-password"
    echo "  sudo chown 472 $secrets/grafana-admin-password"
fi
