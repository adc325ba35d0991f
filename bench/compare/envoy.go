package main

import (
	"context"
	"encoding/json"
	"net"
	"strconv"
)

type object = map[string]any

func startEnvoy(ctx context.Context, b *bed) (*target, error) {
	return b.tunnel(ctx, func(addr string) ([]string, error) {
		conf, err := envoyConfig(addr, b.tcp.Addr(), b.certificate.CertFile, b.certificate.KeyFile)
		if err != nil {
			return nil, err
		}
		path, err := b.write("envoy.json", string(conf))
		return []string{"-c", path, "--log-level", "error", "--use-dynamic-base-id"}, err
	}, "envoy")
}

// envoyConfig is a listener with TLS 1.3 whose bytes go to Redis.
func envoyConfig(listen, redis, cert, key string) ([]byte, error) {
	from, err := envoyAddress(listen)
	if err != nil {
		return nil, err
	}
	to, err := envoyAddress(redis)
	if err != nil {
		return nil, err
	}
	const types = "type.googleapis.com/envoy.extensions."
	return json.Marshal(object{"static_resources": object{
		"listeners": []object{{
			"address": from,
			"filter_chains": []object{{
				"transport_socket": object{
					"name": "envoy.transport_sockets.tls",
					"typed_config": object{
						"@type": types + "transport_sockets.tls.v3.DownstreamTlsContext",
						"common_tls_context": object{
							"tls_params":       object{"tls_minimum_protocol_version": "TLSv1_3"},
							"tls_certificates": []object{{"certificate_chain": object{"filename": cert}, "private_key": object{"filename": key}}},
						},
					},
				},
				"filters": []object{{
					"name": "envoy.filters.network.tcp_proxy",
					"typed_config": object{
						"@type":       types + "filters.network.tcp_proxy.v3.TcpProxy",
						"stat_prefix": "redis", "cluster": "redis", "idle_timeout": "0s",
					},
				}},
			}},
		}},
		"clusters": []object{{
			"name": "redis", "type": "STATIC",
			"load_assignment": object{
				"cluster_name": "redis",
				"endpoints":    []object{{"lb_endpoints": []object{{"endpoint": object{"address": to}}}}},
			},
		}},
	}})
}

func envoyAddress(addr string) (object, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	return object{"socket_address": object{"address": host, "port_value": n}}, err
}
