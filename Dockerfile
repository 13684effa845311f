# syntax=docker/dockerfile:1
# ciam alone, on its own SQLite file, mails as files in /data/outbox:
#   docker build -t ciam .
#   docker run -p 127.0.0.1:8080:8080 -v ciam:/data -e CIAM_PUBLIC_URL=http://127.0.0.1:8080 ciam
# The first administrator's one-time link is in what it prints. With PostgreSQL and a mail catcher: compose.yaml.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked && install -D target/release/ciam /out/ciam

FROM debian:bookworm-slim
# The certificates that SMTP, PostgreSQL and Redis over TLS are checked against.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin ciam \
    && install -d --owner=ciam --group=ciam --mode=0700 /data
COPY --from=build /out/ciam /usr/local/bin/ciam
COPY LICENSE /usr/share/doc/ciam/LICENSE
USER ciam
WORKDIR /data
# Inside a container the service listens on all addresses, so that /outbox is not served: see docs/security.md.
# Set CIAM_PUBLIC_URL too: the links in mails begin with it.
ENV CIAM_LISTEN=0.0.0.0:8080 CIAM_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# What Ctrl-C sends: requests and jobs under way are finished first.
STOPSIGNAL SIGINT
# Bash alone, nothing to install. It asks port 8080: change it with CIAM_LISTEN.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["ciam"]
