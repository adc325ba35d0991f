# A static binary in an image with nothing else in it.
#
#   docker build -t redisgate .
#
# One way to run it, with a Redis in a container beside it. Both run as the same
# user and see the same directory at the same path, so that Redis's socket in it
# is all that they share:
#
#   mkdir gate && sudo chown 65532:65532 gate
#   docker run --rm -v "$PWD/gate:/etc/redisgate" redisgate init --name "$(hostname)" /etc/redisgate
#   sudo sed -i 's/"127.0.0.1:6380"/"0.0.0.0:6380"/; s/^allow = .*"::1.*/allow = ["127.0.0.0\/8", "172.16.0.0\/12"]/' gate/redisgate.toml
#   docker run -d -v "$PWD/gate:/etc/redisgate" --user 65532:65532 redis:7 redis-server /etc/redisgate/redis.conf
#   docker run -d -v "$PWD/gate:/etc/redisgate:ro" -p 6380:6380 redisgate
#
# 172.16.0.0/12 are Docker's own networks: the port is reached from one of them by
# this machine and by other containers, and by everybody if Docker is rootless.
# Clients elsewhere come from their own addresses: add these to network.allow.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# .git is part of the context, so that `redisgate version` knows the commit.
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/redisgate ./cmd/redisgate

FROM scratch
COPY --from=build /out/redisgate /redisgate
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 6380 9121
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 CMD ["/redisgate", "health", "--config", "/etc/redisgate/redisgate.toml"]
ENTRYPOINT ["/redisgate"]
CMD ["serve", "--config", "/etc/redisgate/redisgate.toml"]
