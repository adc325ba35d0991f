// Package config is what the operator wrote: a TOML file turned into plain
// structs, strictly. It knows the keys, their defaults and which values make
// sense together, and says everything that is wrong at once, each with the
// TOML path and line where it stands.
//
// It does not know how anything is compiled or used: certificates stay file
// names, ACL rules and addresses stay text.
package config

import "time"

// Config is one configuration file. The zero value is not useful: start from
// [Default], [Load] or [Parse].
type Config struct {
	Listen   Listen   `toml:"listen"`
	TLS      TLS      `toml:"tls"`
	Network  Network  `toml:"network"`
	Upstream Upstream `toml:"upstream"`
	Users    []User   `toml:"user"`
	ACL      ACL      `toml:"acl"`
	Auth     Auth     `toml:"auth"`
	Limits   Limits   `toml:"limits"`
	Reload   Reload   `toml:"reload"`
	Metrics  Metrics  `toml:"metrics"`
	Audit    Audit    `toml:"audit"`
	Log      Log      `toml:"log"`

	source source
}

// Listen says where clients arrive and how long they may take.
type Listen struct {
	Address              Addresses `toml:"address"`                // "host:port" (TLS) or "unix:///path" (plain RESP)
	MaxConnections       int       `toml:"max_connections"`        // clients at one time
	HandshakeTimeout     Duration  `toml:"handshake_timeout"`      // accept to the end of the TLS handshake
	AuthTimeout          Duration  `toml:"auth_timeout"`           // end of the handshake to a successful AUTH
	IdleTimeout          Duration  `toml:"idle_timeout"`           // without a request; 0: never
	ProxyProtocolFrom    []string  `toml:"proxy_protocol_from"`    // addresses and prefixes of load balancers, whose header is required
	ProxyProtocolTimeout Duration  `toml:"proxy_protocol_timeout"` // accept to the end of that header
	UnixMode             Mode      `toml:"unix_mode"`              // file mode of a unix:// listener
	RequestTimeout       Duration  `toml:"request_timeout"`        // first to last byte of one request
	Workers              int       `toml:"workers"`                // event loops; 0: automatic
	DrainTimeout         Duration  `toml:"drain_timeout"`          // SIGTERM to the end of the last client
	DrainDelay           Duration  `toml:"drain_delay"`            // SIGTERM to the end of accepting, and then drain_timeout
	Handover             string    `toml:"handover"`               // unix socket at which a new process asks for the listening ones; empty: none
}

// TLS names the server's certificate and the CAs of its clients. File names
// are absolute after [Load].
type TLS struct {
	Cert       string `toml:"cert"`
	Key        string `toml:"key"`
	MinVersion string `toml:"min_version"` // "1.2" or "1.3"
	ClientCA   string `toml:"client_ca"`   // PEM bundle, or empty
	ClientAuth string `toml:"client_auth"` // "none", "optional" or "require"
	CRL        Files  `toml:"crl"`         // revocation lists, PEM or DER
	OCSPStaple string `toml:"ocsp_staple"` // OCSP response about Cert, DER, or empty

	Curves       []string `toml:"curves"`        // names; empty: a safe choice
	CipherSuites []string `toml:"cipher_suites"` // of TLS 1.2; names; empty: a safe choice

	Certificates []Certificate `toml:"certificate"` // further ones, for other names
}

// Certificate is one [[tls.certificate]] table.
type Certificate struct {
	Cert       string `toml:"cert"`
	Key        string `toml:"key"`
	OCSPStaple string `toml:"ocsp_staple"`
}

// Network lists the addresses that get as far as a handshake. Each entry is
// an address or a prefix. Deny wins over Allow. File names are absolute after [Load].
type Network struct {
	Allow     []string  `toml:"allow"`
	AllowFile Addresses `toml:"allow_file"` // files of more of them, one a line
	Deny      []string  `toml:"deny"`
	DenyFile  Addresses `toml:"deny_file"`
	AdminFrom []string  `toml:"admin_from"` // get in when max_connections is reached, 16 of them
}

// Upstream is the Redis behind.
type Upstream struct {
	Address             string   `toml:"address"` // "host:port" or "unix:///path"
	Username            string   `toml:"username"`
	PasswordFile        string   `toml:"password_file"`
	PasswordEnv         string   `toml:"password_env"`
	UnsafeRemote        bool     `toml:"unsafe_remote"`
	TLS                 bool     `toml:"tls"`
	CA                  string   `toml:"ca"`          // PEM bundle; empty: the system's
	Cert                string   `toml:"cert"`        // redisgate's own, for Redis; or empty
	Key                 string   `toml:"key"`         // the key of cert, PEM
	ServerName          string   `toml:"server_name"` // in Redis's certificate; empty: the host of address
	ConnectTimeout      Duration `toml:"connect_timeout"`
	MaxShared           int      `toml:"max_shared"`
	MaxDedicated        int      `toml:"max_dedicated"`
	MaxDedicatedPerUser int      `toml:"max_dedicated_per_user"`
}

// User is one [[user]] table.
type User struct {
	Name               string   `toml:"name"`                // what the client gives to AUTH; "default" serves clients that send a password alone
	ACL                Rules    `toml:"acl"`                 // empty if ACL.File has the rules
	Password           Hashes   `toml:"password"`            // PHC strings: passwords besides those of the rules
	Allow              []string `toml:"allow"`               // addresses and prefixes; empty: all that Network admits
	Databases          []int    `toml:"databases"`           // empty: all; the first is where the user starts
	RequireCertificate bool     `toml:"require_certificate"` // a password counts only with one of Certificates
	UnsafeScripts      bool     `toml:"unsafe_scripts"`
	MaxConnections     int      `toml:"max_connections"` // 0: as limits.connections_per_user

	MaxCommandsPerSecond int      `toml:"max_commands_per_second"` // 0: as limits.commands_per_second_per_user
	MaxBytesPerSecond    Size     `toml:"max_bytes_per_second"`    // 0: as limits.bytes_per_second_per_user
	Certificates         []string `toml:"certificates"`            // patterns of client certificates, such as "CN:app"
}

// ACL names a Redis aclfile, which then has the rules of all users. A User adds the
// rest to the one of its name.
type ACL struct {
	File string `toml:"file"` // or empty
}

// Auth says how patient redisgate is with wrong passwords.
type Auth struct {
	FreeAttempts int      `toml:"free_attempts"` // wrong ones of a user from an address before delays begin
	Lockout      Duration `toml:"lockout"`       // the longest delay
}

// Limits bounds what clients may make the process hold.
type Limits struct {
	ConnectionsPerUser    int `toml:"connections_per_user"`    // 0: any number
	ConnectionsPerAddress int `toml:"connections_per_address"` // 0: any number

	// Commands, and bytes to and fro, in a second. 0: any number.
	CommandsPerSecondPerUser    int    `toml:"commands_per_second_per_user"`
	CommandsPerSecondPerAddress int    `toml:"commands_per_second_per_address"`
	BytesPerSecondPerUser       Size   `toml:"bytes_per_second_per_user"`
	BytesPerSecondPerAddress    Size   `toml:"bytes_per_second_per_address"`
	RateExceeded                string `toml:"rate_exceeded"` // what becomes of a command too many: "wait" or "error"

	MaxCommandBytes         Size     `toml:"max_command_bytes"`
	MaxArgumentBytes        Size     `toml:"max_argument_bytes"`
	MaxBufferedCommandBytes Size     `toml:"max_buffered_command_bytes"`
	MaxArguments            int      `toml:"max_arguments"`
	OutputBuffer            Size     `toml:"output_buffer"`
	OutputTimeout           Duration `toml:"output_timeout"`
	Memory                  Size     `toml:"memory"`
}

// Reload says when the configuration is read again, besides when somebody asks for it.
type Reload struct {
	Watch bool `toml:"watch"` // when a file of it has changed
}

// Metrics is the operators' HTTP listener.
type Metrics struct {
	Address string `toml:"address"` // "host:port"; empty: off
}

// Audit says what is audited and where to.
type Audit struct {
	Path          string   `toml:"path"`            // a file, "-" for standard output, "syslog" or "syslog:///path"; empty: off
	Events        []string `toml:"events"`          // kinds: "auth", "denied", "admin", "config", "connection", "command"
	Keys          string   `toml:"keys"`            // of commands: "hash", "plain" or "none"
	KeySecretFile string   `toml:"key_secret_file"` // of the hashes; or empty
	KeySecretEnv  string   `toml:"key_secret_env"`
	MaxSize       Size     `toml:"max_size"` // of the file, before it is put aside; 0: any
	Keep          int      `toml:"keep"`     // files that were put aside
	Queue         int      `toml:"queue"`    // events of one kind that may wait, for each event loop
	OnFull        string   `toml:"on_full"`  // "drop" or "refuse"
}

// Log says how redisgate logs to standard error.
type Log struct {
	Level  string `toml:"level"`  // "debug", "info", "warn" or "error"
	Format string `toml:"format"` // "text" or "json"
}

// Default is the one place where defaults stand. It returns a value of its
// own on each call.
func Default() *Config {
	return &Config{
		Listen: Listen{
			Address:              Addresses{"127.0.0.1:6380"},
			MaxConnections:       10000,
			HandshakeTimeout:     Duration(10 * time.Second),
			AuthTimeout:          Duration(10 * time.Second),
			IdleTimeout:          0,
			ProxyProtocolFrom:    []string{},
			ProxyProtocolTimeout: Duration(3 * time.Second),
			UnixMode:             0o600,
			RequestTimeout:       Duration(60 * time.Second),
			Workers:              0,
			DrainTimeout:         Duration(10 * time.Second),
		},
		TLS: TLS{
			Cert:       "server.crt",
			Key:        "server.key",
			MinVersion: "1.2",
			ClientAuth: "none",

			Curves:       []string{},
			CipherSuites: []string{},
		},
		Network: Network{
			Allow:     []string{"127.0.0.0/8", "::1/128"},
			AllowFile: Addresses{},
			Deny:      []string{},
			DenyFile:  Addresses{},
			AdminFrom: []string{},
		},
		Upstream: Upstream{
			Address:             "127.0.0.1:6379",
			ConnectTimeout:      Duration(2 * time.Second),
			MaxShared:           64,
			MaxDedicated:        4096,
			MaxDedicatedPerUser: 1024,
		},
		Auth: Auth{FreeAttempts: 20, Lockout: Duration(5 * time.Minute)},
		Limits: Limits{
			MaxCommandBytes:         1 << 30,
			MaxArgumentBytes:        512 << 20,
			MaxBufferedCommandBytes: 16 << 20,
			MaxArguments:            1048576,
			OutputBuffer:            8 << 20,
			OutputTimeout:           Duration(60 * time.Second),
			RateExceeded:            "wait",
			Memory:                  256 << 20,
		},
		Metrics: Metrics{Address: "127.0.0.1:9121"},
		Audit: Audit{
			Events: []string{"auth", "denied", "admin", "connection"}, Keys: "hash", MaxSize: 100 << 20, Keep: 10, Queue: 4096, OnFull: "drop",
		},
		Log: Log{Level: "info", Format: "text"},
	}
}

// defaultUser is what a [[user]] table starts from.
func defaultUser() User {
	return User{Password: Hashes{}, Allow: []string{}, Databases: []int{}, Certificates: []string{}}
}
