# The probe target from source: one static binary on nothing. Build from the repository's root:
#   docker build -f docker/probe-target.Dockerfile -t probe-target:0.1.0 .
#   docker build -f docker/probe-target.Dockerfile -t probe-target:0.1.0-tls \
#     --build-arg FEATURES=tls .
# `docker buildx build --platform linux/amd64,linux/arm64 …` builds for both architectures.
# `just image` builds and packs the images without Docker.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# Static, and not position-independent: 50 KB less, and no relocations at start.
ENV RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static"
ARG FEATURES=""
RUN host="$(rustc --print host-tuple)" \
    && cargo build --locked -p probe-target --features "$FEATURES" --profile tiny --target "$host" \
    && cp "target/$host/tiny/probe-target" /probe-target

FROM scratch
COPY --from=build /probe-target /probe-target
# A user other than root satisfies Pod Security `restricted` without a field in the manifest.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/probe-target"]
