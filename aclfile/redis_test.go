package aclfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
)

// redisWithFile runs a Redis with an ACL file and returns its client and the file.
func redisWithFile(t *testing.T) (*redis.Client, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.acl")
	writeFile(t, path, "user default on nopass ~* &* +@all\n")
	return redistest.Start(t, redistest.Options{Args: []string{"--aclfile", path}}).Client(), path
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const openDefault = "user default on nopass ~* &* +@all\n"

// A selector that is not closed is left out: it kills Redis 7.0.
func TestErrorsOfLoadAreThoseOfRedis(t *testing.T) {
	client, path := redisWithFile(t)
	for _, text := range []string{
		"# comment",
		"USER app on",
		"user",
		"user \t",
		"user\tapp on",
		"app on",
		"\"user\" app on",
		"user app\ton",
		"user app\x0bx on",
		"user app on\nuser app off",
		"user app on\nuser b on\n\nuser app +nope\nuser b on",
		"user default on\nuser default off",
		"user app on +nope",
		"user app on  +nope +nada -@nothing",
		"user app on +@raed",
		"user app on -select|0",
		"user app on +get|",
		"user app on +get|a|b",
		"user app on +config|get|x",
		"user app on +config|nope",
		"user app on bogus",
		"user app on bogus +nope other #12 +nada",
		"user app on #12",
		"user app on " + strings.ToUpper(hash),
		"user app on <none",
		"user app on !" + hash[1:],
		"user app on ~* ~a",
		"user app on &* &a",
		"user app on &* &a ~* ~a +nope",
		"user app on %RR~a",
		"user app on %X~a",
		"user app on\t+get",
		"user app on (on)",
		"user app on (+nope ~a) ~b",
		"user app on ((+get))",
		"user app on (+get) ) x",
		"user app \t(+get (~a)",
		"# one\nuser a on +nope hunter2 +nada >x ~* ~y\nuser b on\nuser b off\nuser d +get",
	} {
		for _, text := range []string{openDefault + text + "\n", text + "\r\n" + openDefault} {
			writeFile(t, path, text)
			answer := client.Do(t.Context(), "ACL", "LOAD").Err()
			if answer == nil {
				t.Errorf("Redis takes %q; want a case that it refuses", text)
				writeFile(t, path, openDefault)
				client.Do(t.Context(), "ACL", "LOAD")
				continue
			}
			_, err := Read(path, nil)
			var ps Problems
			if !errors.As(err, &ps) {
				t.Errorf("Read of %q = %v; want Redis's %v", text, err, answer)
				continue
			}
			if got, want := ps.LoadText(path), oneLine(strings.TrimPrefix(answer.Error(), "ERR ")); got != want {
				t.Errorf("LoadText() of %q =\n%s\nRedis's is\n%s", text, got, want)
			}
		}
	}
}

func TestRedisAndParseReadTheSameFile(t *testing.T) {
	client, path := redisWithFile(t)
	text := strings.Join([]string{
		"", openDefault, "  user spaces on  >a  ~x   +get \r", "\t user tabs \ton\t >b\t ~y \t+set\t", "user upper ON >c ~Z +GET",
		"user hashes on " + hash + " >test >other", "user selectors (~a +get) ( %R~b  +set ) (+@read (~c) d)",
		"user odd/\"'(# on ~\"q ~'q ~(p ~p)", "user user on", "user grants +config|set +shutdown +select|0", "user ünï on ~ü*", "user tab on >p\tq",
		"user none", "\t", "user last off",
	}, "\n")
	text = strings.Replace(text, " (+@read (~c) d)", "", 1)
	writeFile(t, path, text)
	if err := client.Do(t.Context(), "ACL", "LOAD").Err(); err != nil {
		t.Fatal(err)
	}
	entries, err := Read(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Our printing of the file is loaded by Redis, whose own printing must not change.
	before := list(t, client)
	var names []string
	text = ""
	for _, e := range entries {
		names = append(names, e.Name)
		text += "user " + e.Name + " " + e.User.Rules() + "\n"
	}
	slices.Sort(names)
	users, err := client.Do(t.Context(), "ACL", "USERS").StringSlice()
	if err != nil || !slices.Equal(users, names) {
		t.Errorf("Redis has the users %q, %v; want %q", users, err, names)
	}
	writeFile(t, path, text)
	if err := client.Do(t.Context(), "ACL", "LOAD").Err(); err != nil {
		t.Fatalf("Redis does not take what Rules prints: %v\n%s", err, text)
	}
	if after := list(t, client); !slices.Equal(after, before) {
		t.Errorf("Redis lists\n%s\nand of our printing\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// list is ACL LIST without what Redis 7.0 prints only if a rule said so.
func list(t *testing.T, client *redis.Client) []string {
	t.Helper()
	lines, err := client.Do(context.Background(), "ACL", "LIST").StringSlice()
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range lines {
		lines[i] = strings.Replace(l, " sanitize-payload", "", 1)
	}
	return lines
}
