# One image for all parts: docker-compose.yml says which program each service runs.

# The page is built with packages that the running image does not need.
FROM node:24-bookworm-slim AS page
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
COPY apps/web/package.json apps/web/
COPY packages/client/package.json packages/client/
COPY packages/shared/package.json packages/shared/
RUN npm ci --workspace apps/web --include=dev --ignore-scripts --no-audit --no-fund
COPY packages packages
COPY apps/web apps/web
RUN node apps/web/build.ts

FROM node:24-bookworm-slim

# What a coding agent expects around it; setpriv and unshare (util-linux) are in the base image.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates git procps \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /app

# Packages change more rarely than the source. No install script is needed: the CLI's platform package carries its
# executable. The checkout's own Node 24 (an optional package) is left out, since the image has one.
COPY package.json package-lock.json ./
COPY apps/cli/package.json apps/cli/
COPY apps/demo-model/package.json apps/demo-model/
COPY apps/gateway/package.json apps/gateway/
COPY apps/web/package.json apps/web/
COPY apps/worker/package.json apps/worker/
COPY packages/client/package.json packages/client/
COPY packages/shared/package.json packages/shared/
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node-linux-* /root/.npm

COPY packages packages
COPY apps apps
COPY --from=page /app/apps/web/dist apps/web/dist

# Named volumes take over the owner of the folders they cover.
RUN install -d -o node -g node -m 700 /data && install -d -o node -g node /workspaces
ENV NODE_ENV=production HOLDFAST_DATA_DIR=/data HOLDFAST_WORKSPACE_ROOTS=/workspaces
USER node
EXPOSE 8787
CMD ["node", "apps/gateway/src/main.ts"]
