package users

import (
	"os"
	"path/filepath"
	"testing"

	"redisgate/aclfile"
)

// TestWhoAsksMustStillMay: who waits for a change that takes the right away does not
// change users after it.
func TestWhoAsksMustStillMay(t *testing.T) {
	const gone = "redisgate: the user who asks may not change users any more"
	file := filepath.Join(t.TempDir(), "users.acl")
	rules := "user admin on nopass ~* &* +@all\nuser few on nopass ~few &* +@all\nuser ops on ~* &* +@all +config|set +monitor\n"
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	entries, err := aclfile.Read(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := NewSet(DefineFiled(entries, DirectoryOptions{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDirectory(NewStore(set), DirectoryOptions{File: file})
	for _, by := range []string{"few", "nobody"} {
		wantError(t, "SetUser by "+by, d.SetUser(by, "x", []string{"on"}), gone)
		_, err := d.DelUser(by, []string{"ops"})
		wantError(t, "DelUser by "+by, err, gone)
		wantError(t, "Load by "+by, d.Load(by), gone)
		wantError(t, "Save by "+by, d.Save(by), gone)
	}
	if err := d.SetUser("admin", "x", []string{"on"}); err != nil {
		t.Errorf("SetUser by one who may = %v", err)
	}

	// A password of one's own for a user with reserved commands would give them.
	wantError(t, "SetUser of ops", d.SetUser("admin", "ops", []string{">mine"}), "redisgate: user 'ops' has reserved commands, and so is changed in the ACL file only")
	if err := d.SetUser("ops", "ops", []string{">mine"}); err != nil {
		t.Errorf("SetUser by one who has them = %v", err)
	}
	if _, err := d.DelUser("admin", []string{"ops"}); err != nil {
		t.Errorf("DelUser of ops = %v", err)
	}
}

// TestARetiredDirectoryChangesNothing: whoever asks it would believe that the change holds.
func TestARetiredDirectoryChangesNothing(t *testing.T) {
	d, st := filed(t, "user admin on nopass ~* &* +@all\nuser app on nopass ~* +get\n", nil)
	before := people(st)
	if err := d.SetUser("admin", "app", []string{"off"}); err != nil {
		t.Fatal(err)
	}
	if people(st) == before {
		t.Fatal("SetUser changes nothing before")
	}
	before = people(st)
	d.Retire()
	const want = "redisgate: another process has taken over from this one; connect again"
	wantError(t, "SetUser", d.SetUser("admin", "app", []string{"on"}), want)
	_, err := d.DelUser("admin", []string{"app"})
	wantError(t, "DelUser", err, want)
	wantError(t, "Load", d.Load("admin"), want)
	wantError(t, "Save", d.Save("admin"), want)
	if people(st) != before {
		t.Errorf("users are\n%s\nwant\n%s", people(st), before)
	}
}
