#!/bin/sh
# DPKG_ROOT is set when dpkg installs into another directory than /.
set -e

if [ "$1" = configure ]; then
	systemd-sysusers ${DPKG_ROOT:+--root="$DPKG_ROOT"} redisgate.conf
	if grep -q '^redis:' "$DPKG_ROOT/etc/group"; then
		# Whom Debian's Redis lets use its socket.
		usermod ${DPKG_ROOT:+--prefix "$DPKG_ROOT"} -a -G redis redisgate
	fi
	if [ -z "$2" ]; then
		# Hashes, keys and passwords are for redisgate alone. Later changes are the operator's.
		group=$(sed -n 's/^redisgate:[^:]*:\([0-9]*\):.*/\1/p' "$DPKG_ROOT/etc/group")
		chgrp "$group" "$DPKG_ROOT/etc/redisgate" "$DPKG_ROOT/etc/redisgate/redisgate.toml"
	fi
	if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		# After an upgrade: clients drain, and the new one starts. A new installation waits
		# for its configuration.
		systemctl try-restart redisgate.service
	fi
fi
