#!/bin/sh
# Makes the database where there is none, then runs the server in place of this shell.
set -eu
case ${1:-} in
  postgres) ;;
  "" | -*) set -- postgres "$@" ;;
  *) exec "$@" ;;
esac

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
# The server refuses a user without a name, which any user of a pod may be.
if ! whoami > /dev/null 2>&1; then
  passwd=$(mktemp)
  echo "postgres:x:$(id -u):$(id -g)::/:/bin/false" > "$passwd"
  export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD="$passwd" NSS_WRAPPER_GROUP=/etc/group
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?set a password for the superuser}"
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA" || true
  secret=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" > "$secret"
  initdb --username="$user" --pwfile="$secret" --auth-local=trust --auth-host=scram-sha-256 --no-sync
  rm "$secret"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  # Not over the network: whoever waits for the server must not find this one.
  pg_ctl --wait --options="-c listen_addresses=''" start
  if [ "$database" != postgres ]; then createdb --username="$user" --maintenance-db=postgres "$database"; fi
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -f "$file" ] || psql --username="$user" --dbname="$database" --set=ON_ERROR_STOP=1 --no-psqlrc --file="$file"
  done
  pg_ctl --wait --mode=fast stop
fi
exec "$@"
