#!/bin/sh
# Berth on a kind cluster of its own: cluster, registry, image, chart. Safe to run again; deploy/kind/down.sh removes it all.
#
#   deploy/kind/up.sh [values.yaml…]
#
# The Secret berth-github must be there, in the namespace berth: `berth setup` makes it. Without one this says how, and ends.
set -eu
cd "$(dirname "$0")/../.."

cluster=berth
registry=berth-registry
image=ghcr.io/berth-dev/berth:kind

for program in docker kind kubectl helm; do
  command -v "$program" >/dev/null || { echo "$program is missing: install it and try again" >&2; exit 1; }
done

if ! kind get clusters 2>/dev/null | grep -qx "$cluster"; then
  kind create cluster --name "$cluster" --config deploy/kind/kind-config.yaml --wait 3m
fi
kubectl config use-context "kind-$cluster" >/dev/null

if ! docker inspect "$registry" >/dev/null 2>&1; then
  docker run --detach --restart=always --name "$registry" --network kind \
    --env REGISTRY_STORAGE_DELETE_ENABLED=true registry:2 >/dev/null
fi
# Where nodes look for registries since kind 0.27. Source: kind.sigs.k8s.io/docs/user/local-registry
# `server` keeps them from asking anywhere else for what is missing there.
url="http://$registry:5000"
for node in $(kind get nodes --name "$cluster"); do
  docker exec "$node" mkdir -p "/etc/containerd/certs.d/$registry:5000"
  printf 'server = "%s"\n[host."%s"]\n' "$url" "$url" |
    docker exec --interactive "$node" cp /dev/stdin "/etc/containerd/certs.d/$registry:5000/hosts.toml"
done

kubectl create namespace berth --dry-run=client --output yaml | kubectl apply --filename - >/dev/null
if ! kubectl --namespace berth get secret berth-github >/dev/null 2>&1; then
  echo 'The cluster is there. Now make the GitHub App, and run this again:' >&2
  echo '  node src/cli.ts setup --webhook-url https://berth.example.com' >&2
  echo 'GitHub must be able to reach that URL for webhooks to come; without them, changes are found within 20 seconds.' >&2
  exit 1
fi

# Alone, as `kind load` wants it, whichever store Docker has.
docker buildx build --load --provenance=false --tag "$image" .
kind load docker-image --name "$cluster" "$image"

values=''
for file in "$@"; do values="$values --values $file"; done
# shellcheck disable=SC2086 # one word for each argument
helm upgrade --install berth charts/berth --namespace berth --values deploy/values/kind.yaml $values \
  --set github.existingSecret=berth-github --set image.tag=kind --wait --timeout 10m
kubectl --namespace berth apply --filename deploy/kind/services.yaml >/dev/null
# The tag stays the same when the image is built anew.
kubectl --namespace berth rollout restart deployment --selector app.kubernetes.io/instance=berth >/dev/null
kubectl --namespace berth rollout status deployment --selector app.kubernetes.io/instance=berth --timeout 5m

echo 'Berth is up. Previews are at http://<preview>.previews.localhost:8080'
