# Recipes; `.ci/run` calls the same commands.

[private]
default:
    @just --list --unsorted

# Everything CI checks that needs no cluster.
ci: fmt-check lint test doc

# The tests; arguments go to cargo.
test *args:
    cargo test --workspace --locked {{ args }}

# The tests with real peers: curl, gRPC's Python library, a packet capture; installs what they need.
peers:
    cargo build --workspace --locked --bins
    PROBEFLIP_TEST_PEERS="$(tests/peers/install)" cargo test --locked -p tests peers::

# Clippy over everything, warnings are errors.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Formats the sources.
fmt:
    cargo fmt --all

[private]
fmt-check:
    cargo fmt --all --check

# The API documentation, warnings are errors.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Writes docs/faults.md anew, on the cluster that PROBEFLIP_TEST_KUBECONFIG names.
faults:
    UPDATE_EXPECT=1 cargo test --locked -p tests faults::a_node

# Writes docs/timing.md anew, from the cluster that PROBEFLIP_TEST_KUBECONFIG names. Its machine is
# described by PROBEFLIP_TEST_MACHINE.
timing:
    cargo test --locked -p tests timing::a_node -- --ignored
    UPDATE_EXPECT=1 cargo test --locked -p tests timing::the_page

# Records what a node answers to bad requests, on the new cluster that PROBEFLIP_TEST_KUBECONFIG
# names.
bad-requests:
    cargo test --locked -p tests bad_requests::a_node -- --ignored

# Writes docs/predictions-on-a-node.md anew, from the same cluster; takes two hours. With
# PROBEFLIP_TEST_ROWS, such as `rollout,startup`, only rows with one of these words in their names
# run on the cluster.
predictions-on-node:
    cargo test --locked -p tests predictions::a_node_is_recorded -- --ignored
    UPDATE_EXPECT=1 cargo test --locked -p tests predictions::the_page

# Kubernetes' own tests against pocket, whose images are test doubles: which of them, how many times
# in a row. With `node` as the place, the same doubles on a real node, which must be up.
upstream specs="Probing" times="3" place="pocket":
    #!/usr/bin/env bash
    set -euo pipefail
    cluster=../shared/cluster
    if [[ {{ place }} == node ]]; then
        RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" \
            cargo build --locked -p doubles --no-default-features --bin double --profile dist \
            --target "$(rustc --print host-tuple)"
        double="target/$(rustc --print host-tuple)/dist/double"
        for name in {agnhost:2.63.0,busybox:1.37.0-1}; do
            tests/doubles/pack "$double" target/double.tar "registry.k8s.io/e2e-test-images/$name"
            $cluster/cluster load target/double.tar
        done
        tests/doubles/pack "$double" target/double.tar registry.k8s.io/pause:3.10.2
        $cluster/cluster load target/double.tar
        run() { $cluster/cluster exec $cluster/upstream.py run "$@"; }
    else
        cargo build --locked -p doubles --bins
        directory=$(mktemp -d)
        export KUBECONFIG=$directory/pocket.yaml
        target/debug/pocket-with-doubles "$KUBECONFIG" &
        trap 'kill $!; rm -r "$directory"' EXIT
        until [[ -s $KUBECONFIG ]]; do sleep 0.1; done
        run() { $cluster/upstream.py run "$@"; }
    fi
    for _ in $(seq {{ times }}); do run '{{ specs }}' -p 16; done

# Writes the fields of pocket's protobuf messages anew, from Kubernetes' Go modules.
protobuf modules=`go env GOMODCACHE`:
    UPDATE_EXPECT=1 PROBEFLIP_TEST_GO_MODULES={{ modules }} \
        cargo test --locked -p pocket protobuf::generate -- --ignored

# probeflip itself, e.g. `just run run manifests/seed/*.yaml`.
run *args:
    cargo run --release -- {{ args }}

# Writes docs/report.png anew: the lanes of the seed's report, by a headless browser.
picture browser="chromium":
    cargo run --release --locked -- run manifests/seed/two-services.yaml --on virtual \
        --report target/report.html
    printf '%s' '<body style="margin:0"><iframe src="report.html#x1-lanes"' \
        ' style="border:0;width:1200px;height:640px"></iframe>' > target/picture.html
    {{ browser }} --headless --hide-scrollbars --window-size=1200,640 \
        --screenshot=docs/report.png "file://$PWD/target/picture.html"

# Every experiment of manifests/ in virtual time, once for each of so many seeds.
seeds number="200":
    cargo run --release --locked -- run --on virtual --repeat {{ number }} \
        $(grep -l 'kind: Experiment' manifests/seed/*.yaml manifests/experiments/*.yaml)

# The static probe-target and its images: target/probe-target.tar and target/probe-target-tls.tar.
image: (packed "" "") (packed "tls" "-tls")

[private]
packed features suffix:
    RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" \
        cargo build --locked -p probe-target --features "{{ features }}" --profile tiny \
        --target "$(rustc --print host-tuple)"
    cargo run --release --locked -- image \
        --binary "target/$(rustc --print host-tuple)/tiny/probe-target" \
        -t "probe-target:$(cargo pkgid -p probe-target | sed 's/.*[#@]//'){{ suffix }}" \
        -o target/probe-target{{ suffix }}.tar

# What a release carries, in target/release-files: static binaries, images, their checksums, and a
# CycloneDX list of what they are made of for each.
dist: image
    #!/usr/bin/env bash
    set -euo pipefail
    host=$(rustc --print host-tuple)
    version=$(cargo pkgid -p orchestrator | sed 's/.*[#@]//')
    files=target/release-files
    rm -rf "$files"
    mkdir -p "$files"
    RUSTFLAGS="-C target-feature=+crt-static" \
        cargo build --locked -p orchestrator --profile dist --target "$host"
    cp "target/$host/dist/probeflip" "$files"
    # `image` has built the one with TLS last.
    cp "target/$host/tiny/probe-target" "$files/probe-target-tls"
    cp target/probe-target{,-tls}.tar "$files"
    "$files/probeflip" image --program probeflip -t "probeflip:$version" -o "$files/probeflip.tar"
    cargo install --locked --quiet --version 0.5.9 --root target/tools cargo-cyclonedx
    # It writes a file beside each manifest of the workspace.
    target/tools/bin/cargo-cyclonedx cyclonedx --quiet --format json --override-filename sbom
    for package in orchestrator probe-target; do
        mv "crates/$package/sbom.json" "$files/$package.cdx.json"
    done
    rm crates/*/sbom.json tests/sbom.json tests/doubles/sbom.json
    cd "$files"
    sha256sum -- * > SHA256SUMS

# The budgets of the probe target, as the table of docs/performance.md; then the cost of large runs.
bench:
    RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" \
        cargo build --locked -p probe-target --profile tiny --target "$(rustc --print host-tuple)"
    ulimit -n "$(ulimit -Hn)" && \
        cargo bench --locked -p probe-target --profile dist --bench budgets -- \
        "$PWD/target/$(rustc --print host-tuple)/tiny/probe-target"
    cargo bench --locked -p orchestrator --profile dist --bench scale

# Throws mutated input at the probe target for so many seconds; needs a C++ compiler.
fuzz seconds="60":
    fuzz/run {{ seconds }}
