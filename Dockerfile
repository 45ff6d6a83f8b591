# `tidemark serve` in a container: docs/serve.md says how to run it.
#   docker build --build-arg VERSION=$(git describe --tags --always) -t tidemark .

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/tidemark ./cmd/tidemark
# Volumes that are made anew take on the owner of the folder that they cover.
RUN mkdir -p /out/data

# DuckDB takes the C++ library of the same release. The zones of the calendar are in the binary.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libstdc++6 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/tidemark /usr/local/bin/tidemark
COPY --from=build --chown=65532:65532 /out/data /data

# What the server keeps: its store, and a cache of what it has read. The config is mounted at /etc/tidemark.
ENV TIDEMARK_SERVER_STORE=/data/store.db \
    TIDEMARK_SERVER_LISTEN=0.0.0.0:8080 \
    XDG_CACHE_HOME=/data/cache \
    HOME=/data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["tidemark"]
CMD ["serve", "-c", "/etc/tidemark/tidemark.yaml"]
