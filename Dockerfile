# Berth and the three programs that it runs: Helm, buildx and git. docs/image.md says what is in the image, and why.
ARG NODE_IMAGE=node:24-bookworm-slim
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS node

FROM alpine/helm:4.1.4 AS helm
FROM docker/buildx-bin:0.31.1 AS buildx

# What Berth is made of, without what is only there to develop it.
FROM node AS packages
WORKDIR /berth
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

# Their code is in the bundle. Their names, versions and licences stay where scanners and people look for them.
FROM packages AS inventory
RUN find node_modules ! -type d ! -iregex '\(.*/\)?node_modules/\(@[^/]*/\)?[^/]*/\(package\.json\|\(licen[cs]e\|notice\|copying\)[^/]*\)' -delete \
 && find node_modules -type d -empty -delete

# `npm run check` checks types. Taking them off and joining files needs esbuild alone, as the lock file has it.
FROM node AS bundler
WORKDIR /berth
COPY package.json package-lock.json .npmrc ./
RUN esbuild=$(node --print 'require("./package.json").devDependencies.esbuild') \
 && npm pkg delete dependencies devDependencies overrides allowScripts \
 && npm pkg set "devDependencies.esbuild=$esbuild" \
 && npm install --ignore-scripts --no-audit --no-fund
COPY --from=packages /berth/node_modules node_modules

FROM bundler AS build
COPY deploy/image/bundle.ts ./
COPY src src
RUN node bundle.ts

FROM ${DEBIAN_IMAGE} AS system
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git libatomic1 libstdc++6 tini
COPY --from=node /usr/local/bin/node /usr/local/bin/
COPY deploy/image/system.sh /
RUN mkdir /empty && sh /system.sh /system base-files ca-certificates dash git tini \
      /usr/bin/dash /usr/bin/git /usr/lib/git-core/git-remote-https /usr/bin/tini /usr/local/bin/node

# All that stays the same from one version of Berth to most others.
FROM scratch AS foundation
COPY --from=system /system /
COPY --from=node /usr/local/bin/node /usr/local/bin/
COPY --from=helm /usr/bin/helm /usr/local/bin/
COPY --from=buildx /buildx /usr/local/bin/docker-buildx
COPY --from=inventory /berth/node_modules /berth/node_modules
COPY --from=system --chown=65532:65532 /empty /var/lib/berth

FROM foundation
COPY charts/preview /berth/charts/preview
COPY charts/berth/files /berth/charts/berth/files
COPY package.json LICENSE THIRD_PARTY_LICENSES.md /berth/
COPY --from=build /berth/dist /berth/dist
COPY --chmod=755 deploy/image/berth.sh /usr/local/bin/berth
WORKDIR /var/lib/berth
# Nothing but /var/lib/berth and /tmp is ever written to: the root file system may be read-only.
USER 65532:65532
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    HOME=/var/lib/berth \
    NODE_ENV=production
EXPOSE 8080 8081 9090
# Helm and git may leave processes behind when they are ended: somebody must collect them, and Node does not.
ENTRYPOINT ["tini", "--", "berth"]

ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Berth" \
      org.opencontainers.image.description="A running copy of your application for every pull request" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/berth-dev/berth" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
