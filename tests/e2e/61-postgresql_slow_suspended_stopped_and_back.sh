# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# PostgreSQL and psql; pg_sleep is the slow query. The server refuses to run as
# root, so it is the user postgres.
. "$(dirname "$0")/servers.sh"
need initdb
need psql
NAME=database
PORT=7432

ask() { in_cgroup env PGCONNECT_TIMEOUT=60 psql -X -q -t -A -h "$1" -p "$PORT" -U postgres -d postgres -c "$2"; }
call() { ask "$1" 'select 40 + 2' 2>&1 | tee /dev/stderr | grep -qx 42; }
slow() { ask "$1" 'select pg_sleep(0.8)'; }

as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
start() {
	serve setpriv --reuid=postgres --regid=postgres --clear-groups postgres -D "$T/pg/data" \
		-c port="$PORT" -c unix_socket_directories="$T/pg" -c listen_addresses="$S4,$S6" \
		-c fsync=off -c max_connections=60 -c shared_buffers=4MB -c autovacuum=off
	SERVER_PID=$LAST
	expect "PostgreSQL does not answer" 20 psql -X -h "$T/pg" -p "$PORT" -U postgres -d postgres -c 'select 1'
}
stop() { end INT "$SERVER_PID"; }

sandbox
install -d -o postgres -g postgres "$T/pg"
as_postgres initdb -D "$T/pg/data" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions > "$T/initdb" 2>&1 ||
	fail "initdb: $(cat "$T/initdb")"
echo 'host all all all trust' >> "$T/pg/data/pg_hba.conf"
start
protect
start_agent
call_well healthy 2
becomes_slow
is_suspended
is_stopped
released
