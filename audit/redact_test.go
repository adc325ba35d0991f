package audit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisgate/policy/command"
)

// shown says of which command which places may show any word that looks like a name.
var shown = map[string][]int{
	"acl|setuser": {2}, "acl|getuser": {2}, "acl|dryrun": {2},
	"acl|deluser": everywhere, "client|kill": everywhere,
}

var everywhere = []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}

// carriers are requests in which clients send secrets; S is one.
var carriers = []string{
	"AUTH S", "AUTH user S", "HELLO 3 AUTH user S", "HELLO 3 AUTH user S SETNAME n", "HELLO 3 SETNAME n AUTH user S",
	"ACL SETUSER u >S", "ACL SETUSER u on <S", "ACL SETUSER u #S", "ACL SETUSER u !S", "ACL SETUSER u on ~* +@all >S", "ACL SETUSER u S", "ACL SETUSER u (~S",
	"ACL DRYRUN u SET k S", "ACL DRYRUN u AUTH S",
	"CONFIG SET requirepass S", "CONFIG SET masterauth S", "CONFIG SET primaryauth S", "CONFIG SET masteruser S", "CONFIG SET tls-key-file-pass S",
	"CONFIG SET tls-client-key-file-pass S", "CONFIG SET maxmemory 1 requirepass S", "CONFIG SET requirepass two S words", "CONFIG SET requirepass and S", "CONFIG SET S x",
	"MIGRATE h 1 k 0 10 AUTH S", "MIGRATE h 1 k 0 10 COPY AUTH2 u S", "MIGRATE h 1 k 0 10 REPLACE AUTH S KEYS a b", "MIGRATE 10.0.0.1 S",
	"MODULE LOAD /m.so password S", "MODULE LOADEX /m.so CONFIG m.pass S ARGS S", "SENTINEL SET m auth-pass S",
	"SET k S", "EVAL S 0", "EVAL return 0 S", "FUNCTION LOAD S", "SCRIPT LOAD S", "PUBLISH c S", "DEBUG S", "DEBUG SET-ACTIVE-EXPIRE S", "SHUTDOWN S",
	"CLIENT SETNAME S", "CLIENT NO-EVICT S", "REPLICAOF S 1", "REPLICAOF 10.0.0.1 S", "FAILOVER TO h 1 S", "S", "S S", "CONFIG S", "ACL S S",
}

func recorder(t *testing.T, keys Keys) *Recorder {
	t.Helper()
	r := &Recorder{trail: &Trail{}}
	r.trail.withoutKeys.Store(keys == KeysNone)
	return r
}

// lineOf is the line of a request, with its keys in plain text.
func lineOf(t *testing.T, args [][]byte) string {
	t.Helper()
	r := recorder(t, KeysPlain)
	e := Event{Class: Admin, Command: Unknown, Duration: -1}
	var keys [][]byte
	if cmd, failure := command.Lookup(args); cmd != nil {
		e.Command = cmd.Name
		var uses command.Uses
		if failure == command.Found && cmd.Parse(args, &uses) == nil {
			for _, k := range uses.Keys {
				keys = append(keys, args[k.Arg])
			}
		}
	}
	return string(newScribe(KeysPlain, nil).append(nil, &e, r.Pack(nil, e.Command, args, keys, 0), "", 0))
}

// spell varies the case of a request's words but not of its secret.
func spell(request, secret string, how func(string) string) [][]byte {
	var args [][]byte
	for _, w := range strings.Fields(request) {
		if strings.Contains(w, "S") && strings.Trim(w, "S>#<!(~") == "" {
			args = append(args, []byte(strings.ReplaceAll(w, "S", secret)))
		} else {
			args = append(args, []byte(how(w)))
		}
	}
	return args
}

func TestSecretsOfCommandsThatCarryThemAreNotShown(t *testing.T) {
	for _, secret := range []string{"hunter2", "correct-horse", "0123456789012345678901234567890123456789", "p\xffss\nword"} {
		for _, request := range carriers {
			for _, how := range []func(string) string{strings.ToUpper, strings.ToLower, func(s string) string { return s }} {
				args := spell(request, secret, how)
				line := lineOf(t, args)
				if strings.Contains(line, string(Escape(nil, []byte(secret)))) || strings.Contains(line, secret) || strings.Contains(line, strings.SplitN(secret, "\xff", 2)[0]+`\\x`) {
					t.Errorf("%q shows the secret: %s", bytes.Join(args, []byte(" ")), line)
				}
			}
		}
	}
}

// TestNoCommandShowsAWordThatIsNotExpected gives each command of the table a word in
// each of its places, and the rest of them filled with others.
func TestNoCommandShowsAWordThatIsNotExpected(t *testing.T) {
	r := recorder(t, KeysNone)
	s := newScribe(KeysNone, nil)
	const secret = "Zaq12wsx"
	tried := 0
	for _, cmd := range command.All() {
		name := strings.Split(cmd.Name, "|")
		for place := len(name); place < 20; place++ {
			for _, word := range []string{secret, ">" + secret, strings.ToUpper(secret), secret + ":" + secret, "10.0.0.1" + secret} {
				args := make([][]byte, 20)
				for i := range args {
					args[i] = []byte("get")
				}
				for i, n := range name {
					args[i] = []byte(n)
				}
				args[place] = []byte(word)
				tried++
				e := Event{Command: cmd.Name, Duration: -1}
				line := s.append(nil, &e, r.Pack(nil, cmd.Name, args, nil, 0), "", 0)
				if bytes.Contains(bytes.ToLower(line), bytes.ToLower([]byte(secret))) && !(slices.Contains(shown[cmd.Name], place) && word[0] != '>') {
					t.Errorf("%s shows a word in place %d: %s", cmd.Name, place, line)
				}
			}
		}
	}
	if tried < 10000 {
		t.Errorf("%d requests were tried", tried)
	}
}

func TestTheTableOfFormsHasCommandsThatThereAre(t *testing.T) {
	for name := range forms {
		if command.ByName(name) == nil {
			t.Errorf("there is no command %s", name)
		}
	}
	for name := range shown {
		if forms[name] == nil {
			t.Errorf("%s shows nothing", name)
		}
	}
}

func TestWhatIsShownOfAdministratorsCommands(t *testing.T) {
	for request, want := range map[string]string{
		"CONFIG SET maxmemory 5mb":                    `["maxmemory","(redacted)"]`,
		"config set MaxMemory 5mb appendonly yes":     `["MaxMemory","(redacted)"]`,
		"CONFIG SET secretword x":                     `["(redacted)"]`,
		"CONFIG GET maxmemory requirepass":            `["maxmemory","requirepass"]`,
		"CONFIG GET *":                                `["(redacted)"]`,
		"ACL SETUSER bob on >pw":                      `["bob","(redacted)"]`,
		"ACL SETUSER >pw":                             `["(redacted)"]`,
		"ACL DELUSER a b":                             `["a","b"]`,
		"CLIENT KILL 10.0.0.1:6379":                   `["10.0.0.1:6379"]`,
		"CLIENT KILL ADDR [::1]:1 USER bob SKIPME no": `["ADDR","[::1]:1","USER","bob","SKIPME","no"]`,
		"SHUTDOWN NOSAVE NOW":                         `["NOSAVE","NOW"]`,
		"DEBUG SLEEP 1":                               `["SLEEP","(redacted)"]`,
		"REPLICAOF NO ONE":                            `["NO","ONE"]`,
		"REPLICAOF 10.0.0.1 6379":                     `["10.0.0.1","6379"]`,
		"FLUSHALL ASYNC":                              `["ASYNC"]`,
		"SLOWLOG GET 10":                              `["10"]`,
		"MIGRATE 10.0.0.1 6379 k 0 10 AUTH pw":        `["10.0.0.1","6379","(redacted)"],"keys":["k"]`,

		// More of them than are shown.
		"ACL DELUSER 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18": `["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","(redacted)"]`,
	} {
		line := lineOf(t, spell(request, "", func(s string) string { return s }))
		if _, got, _ := strings.Cut(line, `"arguments":`); strings.TrimSuffix(got, "}\n") != want {
			t.Errorf("%s shows %s; want %s", request, strings.TrimSuffix(got, "}\n"), want)
		}
	}
}

func TestKeysAreBoundedAndTheRestCounted(t *testing.T) {
	long := []byte(strings.Repeat("k", maxKey+1))
	var keys [][]byte
	for range 20 {
		keys = append(keys, long)
	}
	e := Event{Class: Command, Command: "mget", Duration: -1}
	line := string(newScribe(KeysPlain, nil).append(nil, &e, recorder(t, KeysPlain).Pack(nil, "mget", nil, keys, 30), "", 0))
	if n := strings.Count(line, strings.Repeat("k", maxKey)); n != maxShown || strings.Contains(line, string(long)) || !strings.Contains(line, `"keys_cut":50`) {
		t.Errorf("%d keys are shown, in %.200s...%s; want %d, and that 50 are not, or not whole", n, line, line[len(line)-40:], maxShown)
	}
	line = string(newScribe(KeysNone, nil).append(nil, &e, recorder(t, KeysNone).Pack(nil, "mget", nil, keys, 30), "", 0))
	if strings.Contains(line, "key") {
		t.Errorf("keys are told of although they are not wanted: %s", line)
	}
}

func TestHashesOfKeys(t *testing.T) {
	hash := func(secret string, key []byte) string {
		e := Event{Class: Command, Command: "get", Duration: -1}
		line := string(newScribe(KeysHash, []byte(secret)).append(nil, &e, recorder(t, KeysHash).Pack(nil, "get", nil, [][]byte{key}, 0), "", 0))
		_, rest, _ := strings.Cut(line, `"keys":["`)
		h, _, _ := strings.Cut(rest, `"`)
		return h
	}
	// printf %s app:1 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
	if got, want := hash("0123456789abcdef0123456789abcdef", []byte("app:1")), knownHash; got != want {
		t.Errorf("the hash of app:1 = %q; want %q", got, want)
	}
	a, b := bytes.Repeat([]byte("k"), maxKey), bytes.Repeat([]byte("k"), maxKey+1)
	c := bytes.Repeat([]byte("k"), maxKey+2)
	if hashes := []string{hash("s", a), hash("s", b), hash("s", c), hash("t", a)}; len(slices.Compact(slices.Sorted(slices.Values(hashes)))) != 4 {
		t.Errorf("different keys or secrets have one hash: %v", hashes)
	}
	if fmt.Sprint(hash("s", a)) != hash("s", a) {
		t.Error("a key has two hashes")
	}
}

const knownHash = "2f25a69c79913ba3b398f91e19e126da"
