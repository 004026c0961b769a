# probeflip from source, for a Job such as manifests/job.yaml: one static binary on nothing. Build
# from the repository's root:
#   docker build -f docker/probeflip.Dockerfile -t probeflip:0.1.0 .
# `docker buildx build --platform linux/amd64,linux/arm64 …` builds for both architectures.
# `just dist` builds and packs the image without Docker.
FROM rust:1.95-slim-bookworm AS build
# mimalloc and ring are written in C.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /src
COPY . .
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN host="$(rustc --print host-tuple)" \
    && cargo build --locked -p orchestrator --profile dist --target "$host" \
    && cp "target/$host/dist/probeflip" /probeflip

FROM scratch
COPY --from=build /probeflip /probeflip
# A user other than root satisfies Pod Security `restricted` without a field in the manifest.
USER 65532:65532
ENTRYPOINT ["/probeflip"]
