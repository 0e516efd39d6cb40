# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# PostgreSQL and psql; pg_sleep is the slow query.
. "$(dirname "$0")/servers.sh"
need initdb
need psql
NAME=database
PORT=7432

ask() { in_cgroup env PGCONNECT_TIMEOUT=60 psql -X -q -t -A -h "$1" -p "$PORT" -U postgres -d postgres -c "$2"; }
call() { ask "$1" 'select 40 + 2' 2>&1 | tee /dev/stderr | grep -qx 42; }
slow() { ask "$1" 'select pg_sleep(0.8)'; }

start() { start_postgres; }
stop() { end INT "$SERVER_PID"; }

sandbox
make_postgres
start
protect
start_agent
call_well healthy 2
becomes_slow
is_suspended
is_stopped
released
