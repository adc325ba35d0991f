#!/bin/sh
# Looks for what the tests need beyond Go: redis-server 7 or newer with its
# tools, openssl, sslscan, curl, haproxy, stunnel, jq, fail2ban, prometheus with promtool and
# mandoc; on Linux nftables, iptables, ufw, iproute2, systemd-analyze and chromium with a font; with
# LIBRARIES=true, for the tests with other languages' libraries, redis-py with and
# without hiredis, node and npm; a C compiler for the race detector when CI=true.
# Installs it with apt-get where that needs no password, and otherwise says what to do.
# It ends with success even so: the tests that need what is missing are skipped
# and listed, and in CI that fails.
set -u

redis_version() {
	redis-server --version 2>/dev/null | sed -n 's/.* v=\([0-9][0-9]*\)\..*/\1/p'
}

# has_python says whether a python3 has the module; the one that Debian's packages
# are for need not be the first in PATH.
has_python() {
	python3 -c "import $1" 2>/dev/null || /usr/bin/python3 -c "import $1" 2>/dev/null
}

missing() {
	version=$(redis_version)
	[ "${version:-0}" -ge 7 ] || echo redis-server
	command -v redis-cli >/dev/null && command -v redis-benchmark >/dev/null || echo redis-tools
	# What Debian installs as a daemon is in a directory that a user's PATH may lack.
	PATH=$PATH:/usr/sbin
	for tool in openssl sslscan curl haproxy jq; do
		command -v "$tool" >/dev/null || echo "$tool"
	done
	command -v stunnel4 >/dev/null || command -v stunnel >/dev/null || echo stunnel4
	command -v fail2ban-regex >/dev/null || echo fail2ban
	if [ "$(uname)" = Linux ]; then
		PATH=$PATH:/sbin
		command -v nft >/dev/null || echo nftables
		command -v iptables-restore >/dev/null && command -v ip6tables-restore >/dev/null || echo iptables
		command -v ufw >/dev/null || echo ufw
		command -v ip >/dev/null || echo iproute2
		command -v systemd-analyze >/dev/null || echo systemd
		command -v chromium >/dev/null || echo chromium fonts-dejavu-core
	fi
	command -v promtool >/dev/null && command -v prometheus >/dev/null || echo prometheus
	command -v mandoc >/dev/null || echo mandoc
	if [ "${LIBRARIES:-}" = true ]; then
		has_python redis || echo python3-redis
		has_python hiredis || echo python3-hiredis
		command -v node >/dev/null || echo nodejs
		command -v npm >/dev/null || echo npm
	fi
	if [ "${CI:-}" = true ] && [ "$(go env CGO_ENABLED)" != 1 ]; then
		# The race detector is C underneath.
		echo gcc libc6-dev
	fi
}

packages=$(missing | tr '\n' ' ')
[ -n "$packages" ] || exit 0
echo "missing: $packages"

root=
if [ "$(id -u)" != 0 ]; then
	root=sudo
	if ! sudo -n true 2>/dev/null; then
		root=no
	fi
fi
if [ "$root" != no ] && command -v apt-get >/dev/null; then
	# RUNLEVEL=1: where init scripts are in charge, the package shall not start
	# a Redis of its own.
	install="env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120"
	$root $install update >/dev/null
	# shellcheck disable=SC2086
	$root $install install --no-install-recommends $packages
fi

packages=$(missing | tr '\n' ' ')
[ -n "$packages" ] || exit 0
cat >&2 <<TEXT

Still missing: $packages
The tests that need it will be skipped and listed at the end. To run them all:
  Debian, Ubuntu:  sudo apt-get install $packages
  macOS:           brew install redis openssl sslscan curl haproxy jq
  other systems:   https://redis.io/docs/latest/operate/oss_and_stack/install/
redis-server must be version 7 or newer. If your distribution's is older, take
it from https://packages.redis.io, or put another one first in PATH.

TEXT
