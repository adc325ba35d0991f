package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisgate/policy"
)

func TestJudge(t *testing.T) {
	yes, no := true, false
	healthy := func() Facts {
		return Facts{
			Name: "redis", Version: "7.0.15", Mode: "standalone", Open: &no, Root: &no,
			Settings: map[string]string{
				"bind": "127.0.0.1 -::1", "port": "6379", "tls-port": "0", "protected-mode": "yes", "enable-debug-command": "no",
				"maxclients": "10000", "timeout": "0", "proto-max-bulk-len": "536870912", "client-query-buffer-limit": "1073741824",
				"client-output-buffer-limit": "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", "maxmemory-clients": "0", "tcp-keepalive": "300",
			},
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*Facts, *Gate)
		want   string // severity and about of each finding
	}{
		{"healthy", func(*Facts, *Gate) {}, ""},
		{"nothing seen", func(f *Facts, _ *Gate) { *f = Facts{} }, ""},
		{"old", func(f *Facts, _ *Gate) { f.Version = "6.2.14" }, "critical version"},
		{"Valkey", func(f *Facts, _ *Gate) { f.Name, f.Version = "valkey", "8.0.1" }, ""},
		{"old Valkey", func(f *Facts, _ *Gate) { f.Name, f.Version = "valkey", "7.2.5" }, "critical version"},
		{"cluster", func(f *Facts, _ *Gate) { f.Mode = "cluster" }, "high mode"},
		{"remote", func(f *Facts, g *Gate) { g.Local = false; f.Settings["bind"] = "* -::*" }, "high remote"},
		{"root", func(f *Facts, _ *Gate) { f.Root = &yes }, "high root"},
		{"bound to all", func(f *Facts, _ *Gate) { f.Settings["bind"] = "* -::*" }, "medium bind"},
		{"bound to all, no port", func(f *Facts, _ *Gate) { f.Settings["bind"], f.Settings["port"] = "* -::*", "0" }, ""},
		{"bound to all with TLS", func(f *Facts, _ *Gate) {
			f.Settings["bind"], f.Settings["port"], f.Settings["tls-port"] = "0.0.0.0", "0", "6379"
		}, "medium bind"},
		{"bound to nothing", func(f *Facts, _ *Gate) { f.Settings["bind"] = "" }, ""},
		{"reached", func(f *Facts, _ *Gate) { f.Reached = []Reach{{"10.0.0.5:6379", AnswersPassword}} }, "high reach"},
		{"reached, protected", func(f *Facts, _ *Gate) { f.Open, f.Reached = &yes, []Reach{{"10.0.0.5:6379", AnswersProtected}} }, "high reach, high password"},
		{"reached, open", func(f *Facts, _ *Gate) {
			f.Open, f.Reached = &yes, []Reach{{"10.0.0.5:6379", AnswersTLS}, {"10.0.0.6:6379", AnswersAll}}
		}, "critical reach, critical password"},
		{"open", func(f *Facts, _ *Gate) { f.Open = &yes; f.Settings["protected-mode"] = "no" }, "high protected-mode, high password"},
		{"default off", func(f *Facts, _ *Gate) { f.Dangerous, f.Default = []string{"FLUSHALL"}, &Account{} }, ""},
		{"default on", func(f *Facts, _ *Gate) { f.Dangerous, f.Default = []string{"FLUSHALL"}, &Account{Enabled: true} }, "medium default-user"},
		{"default unseen", func(f *Facts, _ *Gate) { f.Dangerous = []string{"FLUSHALL"} }, "medium default-user"},
		{"open and dangerous", func(f *Facts, _ *Gate) { f.Open, f.Dangerous = &yes, []string{"FLUSHALL"} }, "high password, high default-user"},
		{"debug for local ones", func(f *Facts, _ *Gate) { f.Settings["enable-debug-command"] = "local" }, "medium enable-debug-command"},
		{"just enough clients", func(f *Facts, _ *Gate) { f.Settings["maxclients"] = "4162" }, ""},
		{"one too few", func(f *Facts, _ *Gate) { f.Settings["maxclients"] = "4161" }, "high maxclients"},
		{"no limit of normal clients", func(f *Facts, _ *Gate) { f.Settings["client-output-buffer-limit"] = "slave 1 2 3" }, ""},
		{"a soft limit", func(f *Facts, _ *Gate) { f.Settings["client-output-buffer-limit"] = "pubsub 0 0 0 normal 0 1 60" }, "high client-output-buffer-limit"},
		{"small values", func(f *Facts, _ *Gate) { f.Settings["proto-max-bulk-len"] = "536870911" }, "high proto-max-bulk-len"},
		{"files", func(f *Facts, _ *Gate) { f.Exposed = []File{{"Redis's configuration", "/etc/redis.conf", 0o644}} }, "medium files"},
		{"open socket", func(f *Facts, _ *Gate) { f.Open, f.Exposed = &yes, []File{{"the socket", "/run/redis.sock", 0o777}} }, "high password, high files"},
		{"the worst first", func(f *Facts, _ *Gate) {
			f.Settings["tcp-keepalive"], f.Settings["timeout"], f.Version = "0", "5", "5.0"
		}, "critical version, medium timeout, low tcp-keepalive"},
	} {
		f, g := healthy(), gate()
		tc.change(&f, &g)
		var got []string
		for _, finding := range Judge(f, g) {
			got = append(got, string(finding.Severity)+" "+finding.About)
			if finding.Text == "" || len(finding.Fix) == 0 {
				t.Errorf("%s: %+v says not what is wrong and how to fix it", tc.name, finding)
			}
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%s: findings = %v; want %q", tc.name, got, tc.want)
		}
	}
}

func TestAccountIsComparedByKeysAndChannels(t *testing.T) {
	g := gate(parsed(t, "app", "on >x ~app:* %R~log:* &ev:* -@all +get", policy.Options{}))
	least := Least(g, nil)
	for _, tc := range []struct {
		keys, channels, want string
	}{
		{"%R~log:* ~app:*", "&ev:*", ""},
		{"~*", "&ev:*", `account: the keys "~*"`},
		{"%R~log:* ~app:* ~more:*", "&*", `account: the keys "~more:*"; the channels "&*"`},
		{"~app:*", "", `account-lacks: the keys "%R~log:*"; the channels "&ev:*"`},
	} {
		f := Facts{Account: &Account{Enabled: true, Selectors: []Selector{{Commands: least.Commands, Keys: strings.Fields(tc.keys), Channels: strings.Fields(tc.channels)}}}}
		var got []string
		for _, finding := range Judge(f, g) {
			_, list, _ := strings.Cut(finding.Text, ": ")
			list, _, _ = strings.Cut(list, ". ")
			got = append(got, finding.About+": "+list)
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("keys %q and channels %q are judged %q; want %q", tc.keys, tc.channels, got, tc.want)
		}
	}
}

// others' process numbers are no Redis's.
func TestRootIsSaidOfRedisOnly(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	for pid, want := range map[string]string{
		strconv.Itoa(os.Getpid()): "is no Redis", "999999999": "not to be seen here", "../1": "process number", "": "",
	} {
		s := &sight{}
		s.root(pid)
		if s.f.Root != nil || (len(s.f.Unseen) > 0) != (want != "") || want != "" && !strings.Contains(s.f.Unseen[0].Why, want) {
			t.Errorf("root(%q) = %v, %v; want it unseen: %q", pid, s.f.Root, s.f.Unseen, want)
		}
	}
}

func TestFilesThatOthersCanReadAreExposed(t *testing.T) {
	dir := t.TempDir()
	conf, aclfile := filepath.Join(dir, "redis.conf"), filepath.Join(dir, "users.acl")
	if err := errors.Join(os.WriteFile(conf, nil, 0o600), os.WriteFile(aclfile, nil, 0o600), os.Chmod(conf, 0o644)); err != nil {
		t.Fatal(err)
	}
	s := &sight{f: Facts{Settings: map[string]string{"aclfile": aclfile, "unixsocket": "relative"}}}
	s.files(conf)
	if want := []File{{"Redis's configuration", conf, 0o644}}; !slices.Equal(s.f.Exposed, want) || len(s.f.Unseen) != 0 {
		t.Errorf("files are exposed: %v, unseen: %v; want %v", s.f.Exposed, s.f.Unseen, want)
	}
}
