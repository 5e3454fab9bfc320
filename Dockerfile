# The daemon. Two stages: what compiles it does not run it.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential pkg-config libssl-dev git \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin auto-update

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bubblewrap ca-certificates openssh-client python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/auto-update --shell /usr/sbin/nologin auto-update \
 && install --directory --owner=auto-update --mode=0750 /var/lib/auto-update \
 && install --directory --owner=auto-update --mode=0700 /var/lib/auto-update/keys \
 && install --directory --owner=auto-update --mode=0755 /srv/munki
COPY --from=build /build/target/release/auto-update /usr/local/bin/auto-update
USER auto-update
WORKDIR /var/lib/auto-update
# State, and the repository that web servers read: volumes take their owner and mode from these folders.
VOLUME ["/var/lib/auto-update", "/srv/munki"]
EXPOSE 8787
ENTRYPOINT ["auto-update"]
CMD ["serve"]
