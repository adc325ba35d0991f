# A static binary in an image with nothing else in it.
#
#   docker build -t redisgate .
#   docker run -v ./redisgate:/etc/redisgate:ro -p 6380:6380 redisgate
#
# The configuration must let others than the container itself in: a
# listen.address of "0.0.0.0:6380" and a network.allow with the clients.

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
