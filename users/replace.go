package users

import (
	"fmt"
	"slices"

	"redisgate/auth"
)

// Discarded are the changes made while running that are gone since all users were read
// anew: names of users, none of them twice.
type Discarded struct {
	Changed []string // made or changed by ACL SETUSER
	Deleted []string // removed by ACL DELUSER, and there again
}

// OnDiscard has f called when changes have been discarded, after everybody was told of
// the users. f must not change users.
func (d *Directory) OnDiscard(f func(Discarded)) {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.discards = append(d.discards, f)
}

// OnSave has f called when the aclfile was written, before anything else is done with
// users. f must not change users.
func (d *Directory) OnSave(f func(file string)) {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.saves = append(d.saves, f)
}

// Replacement is what a reload puts in place of all users.
type Replacement struct {
	Options DirectoryOptions // where users come from, from now on
	Set     *Set             // they; it may be without a predecessor
	Version uint64           // what Version said before Set was read
}

// Version counts how often Save and Load have succeeded. Who is about to read users to
// replace all of them takes it before.
func (d *Directory) Version() uint64 { return d.version.Load() }

// Replace is a reload of the configuration. If the aclfile was written or read by Save or
// Load since r was begun, it is read again: nobody who was removed meanwhile comes back. It
// returns when everybody has been told. On an error nothing has changed.
//
// beside, unless it is nil, is called when the users are in force and nobody was told yet:
// it exchanges what is to change in the same moment, waits for nothing, and returns what
// waits until that is so for everybody. It must not call d.
func (d *Directory) Replace(r Replacement, beside func() (wait func())) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	definitions, err := d.definitions(&r)
	if err != nil {
		return err
	}
	return d.replace(func(old *Set) (*Set, error) {
		next, err := NewSet(definitions, old)
		if err == nil {
			d.o.Store(&r.Options)
		}
		return next, err
	}, beside)
}

// definitions are those of r's users. It is for who holds changing.
func (d *Directory) definitions(r *Replacement) ([]Definition, error) {
	if r.Options.File != "" && r.Version != d.version.Load() {
		definitions, err := r.Options.read()
		if err != nil {
			return nil, fmt.Errorf("ACL SAVE or ACL LOAD was used meanwhile, and the aclfile does not fit the new configuration: %w", r.Options.loadError(err))
		}
		return definitions, nil
	}
	definitions := make([]Definition, 0, len(r.Set.all))
	for _, u := range r.Set.all {
		definitions = append(definitions, u.definition())
	}
	return definitions, nil
}

// replace is change for all users read anew.
func (d *Directory) replace(f func(old *Set) (*Set, error), beside func() (wait func())) error {
	old := d.store.Load()
	if err := d.changeBeside(f, beside); err != nil {
		return err
	}
	latest := d.store.Load()
	gone := discarded(d.source, old, latest)
	d.source = latest
	if len(gone.Changed)+len(gone.Deleted) > 0 {
		for _, f := range d.discards {
			f(gone)
		}
	}
	return nil
}

// discarded compares users as they were read, as they were then, and as they are now.
func discarded(source, then, now *Set) (out Discarded) {
	for _, u := range then.all {
		if read := source.byName[u.Name]; read != nil && read.User.Same(u.User) {
			continue
		}
		if is := now.byName[u.Name]; is == nil || !is.User.Same(u.User) {
			out.Changed = append(out.Changed, u.Name)
		}
	}
	for _, u := range source.all {
		if then.byName[u.Name] == nil && now.byName[u.Name] != nil {
			out.Deleted = append(out.Deleted, u.Name)
		}
	}
	return out
}

// asIn gives the user of that name in an earlier set, if it is the same, and else u.
func (u *User) asIn(s *Set) *User {
	if s == nil {
		return u
	}
	if was := s.byName[u.Name]; was != nil && was.same(u) {
		return was
	}
	return u
}

func (u *User) same(v *User) bool {
	return u.Origin == v.Origin && u.Index == v.Index && u.Label == v.Label &&
		u.MaxConnections == v.MaxConnections && u.Rates == v.Rates &&
		u.RequireCertificate == v.RequireCertificate && slices.Equal(u.Certificates, v.Certificates) &&
		slices.EqualFunc(u.Slow, v.Slow, func(a, b auth.Slow) bool { return a.Text().Reveal() == b.Text().Reveal() }) &&
		u.Allow.Same(v.Allow) && u.User.Same(v.User)
}
