# syntax=docker/dockerfile:1
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /berth
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --omit=optional --no-audit --no-fund

FROM alpine/helm:4.1.4 AS helm
FROM docker/buildx-bin:0.31.1 AS buildx

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Berth" \
      org.opencontainers.image.description="A running copy of your application for every pull request" \
      org.opencontainers.image.licenses="Apache-2.0"
# What installs packages has nothing to do where nothing is to be installed any more.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/* /opt/yarn-* /usr/local/lib/node_modules \
      /usr/local/bin/corepack /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/yarn /usr/local/bin/yarnpkg
COPY --from=helm /usr/bin/helm /usr/local/bin/helm
COPY --from=buildx /buildx /usr/local/bin/docker-buildx
WORKDIR /berth
COPY --from=build /berth/node_modules node_modules
COPY --from=build /berth/dist dist
COPY package.json LICENSE THIRD_PARTY_LICENSES.md ./
COPY charts charts
RUN mkdir /var/lib/berth && chown 65532:65532 /var/lib/berth \
 && chmod +x dist/cli.js && ln -s /berth/dist/cli.js /usr/local/bin/berth
# Nothing but /var/lib/berth is ever written to: the root file system may be read-only.
USER 65532:65532
ENV NODE_ENV=production
EXPOSE 8080 8081 9090
ENTRYPOINT ["berth"]
