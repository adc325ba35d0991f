package users

import (
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

// Replace is a reload of the configuration: from now on o says where users come from,
// and all users are replaced by those of set, which may be a set without predecessor. It
// returns when everybody has been told. On an error nothing has changed.
func (d *Directory) Replace(o DirectoryOptions, set *Set) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	definitions := make([]Definition, 0, len(set.all))
	for _, u := range set.all {
		definitions = append(definitions, u.definition())
	}
	return d.replace(func(old *Set) (*Set, error) {
		next, err := NewSet(definitions, old)
		if err == nil {
			d.o.Store(&o)
		}
		return next, err
	})
}

// replace is change for all users read anew.
func (d *Directory) replace(f func(old *Set) (*Set, error)) error {
	old := d.store.Load()
	if err := d.change(f); err != nil {
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
