# Starts Postgres in any image that has its programs: the official ones, Debian's, and what is made from them.
set -eu
PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"
data=/data/postgres
new=/data/new

if [ ! -d "$data" ]; then
  # What fails on the way is begun anew, and its reason is in the log again.
  rm -rf "$new"
  printf '%s' "$PGPASSWORD" > /tmp/password
  initdb --pgdata="$new" --username="$PGUSER" --pwfile=/tmp/password --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 > /tmp/initdb.log || { cat /tmp/initdb.log; exit 1; }
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$new/pg_hba.conf"
  # Nobody but this script reaches it yet.
  pg_ctl --pgdata="$new" --wait --silent --log=/tmp/seed.log --options="-c listen_addresses='' -c unix_socket_directories=/tmp" start
  run() { psql --host=/tmp --quiet --set=ON_ERROR_STOP=1 "$@"; }
  # Which apps' setups have been done, for their workers.
  run --dbname=postgres --command='CREATE TABLE setup (mark text PRIMARY KEY)'
  run --dbname=postgres --command="CREATE DATABASE $PGDATABASE"
  run --dbname="$PGDATABASE" --file=/config/seed.sql
  pg_ctl --pgdata="$new" --wait --silent --mode=fast stop
  mv "$new" "$data"
fi

# Kubernetes lets the volume's group in, Postgres wants it out.
chmod 700 "$data"
# The password is the Secret's, whatever it was when the data was made.
echo "ALTER ROLE $PGUSER PASSWORD '$PGPASSWORD'" | postgres --single -D "$data" postgres > /dev/null
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
