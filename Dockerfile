# The image of the gateway, the worker and `gpt2 serve`: one program and the bundled models.
#
#   docker build --tag gpt2-service .
#   docker run --rm --read-only -p 127.0.0.1:8080:8080 -e HOST=0.0.0.0 -e INSECURE=true gpt2-service serve
#
# It needs BuildKit, the builder of Docker since version 23 (before that: DOCKER_BUILDKIT=1).

FROM swift:6.3-bookworm AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends libhiredis-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /build

# Fetches the dependencies, in a layer that only a change of the manifest makes anew.
COPY Package.swift Package.resolved* ./
RUN swift package resolve

# The test targets are part of the manifest; without their folders it doesn't load. What was compiled before stays in
# the cache mount, so that a change of a source doesn't compile the dependencies again.
COPY Sources Sources
COPY Tests Tests
RUN --mount=type=cache,target=/cache,sharing=locked \
  swift build -c release --product gpt2 --static-swift-stdlib --scratch-path /cache \
  && mkdir -p /app \
  && cp "$(swift build -c release --static-swift-stdlib --scratch-path /cache --show-bin-path)/gpt2" /app/ \
  && strip --strip-debug /app/gpt2 \
  && cp "$(dirname "$(readlink -f "$(command -v swift)")")/../libexec/swift/linux/swift-backtrace-static" /app/

COPY LICENSE /app/
COPY Models /app/Models
RUN chmod -R a-w,a+rX /app

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends libhiredis0.14 \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --system --gid 10001 gpt2 \
  && useradd --system --uid 10001 --gid gpt2 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gpt2 \
  && install -d -o gpt2 -g gpt2 /cache \
  && install -d /models
COPY --from=build /app /app

# Converted checkpoints go to /cache. The program looks for `model.pth` in its working directory.
ENV MODEL_CACHE_DIR=/cache
# A crash is reported by its functions, without values from the memory of the process.
ENV SWIFT_BACKTRACE=enable=yes,interactive=no,color=no,threads=crashed,images=none,registers=none,sanitize=yes,\
swift-backtrace=/app/swift-backtrace-static
WORKDIR /models
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["/app/gpt2"]
CMD ["serve"]
