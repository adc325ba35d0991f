package users

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"redisgate/aclfile"
	"redisgate/auth"
	"redisgate/identity"
	"redisgate/policy"
)

// Extra is what a [[user]] of the configuration adds to the aclfile's user of that
// name.
type Extra struct {
	Allow          *policy.Networks // nil: everywhere
	Slow           []auth.Slow      // more passwords
	MaxConnections int              // 0: as all others
	Rates          Rates            // 0: the same
	Databases      []int            // empty: all
	UnsafeScripts  bool

	// Certificates and RequireCertificate are as in User.
	Certificates       []identity.Pattern
	RequireCertificate bool
}

// DirectoryOptions say where users come from.
type DirectoryOptions struct {
	File   string           // the aclfile, or "" for none
	Config string           // the configuration's name, for error texts
	Extras map[string]Extra // by name; with an aclfile only

	MaxConnections int // of each user of whom no Extra says otherwise; 0: any number
	Rates          Rates
}

// Directory changes the users of a Store as the ACL commands do, one change at a
// time. Its errors are the texts for the client without "-ERR ", in one line, and
// show no password. An error means that nothing has changed.
//
// Methods may be called from any goroutine; Load and Save wait for the disk. by is the
// name of the user who asks, and who must still be one who may do everything; "" is
// whoever runs redisgate.
type Directory struct {
	store *Store
	o     atomic.Pointer[DirectoryOptions] // replaced with changing held

	changing  sync.Mutex               // held by a change until everybody has been told; guards what follows
	listeners []func(old, latest *Set) // told of each change
	discards  []func(Discarded)
	saves     []func(file string)
	source    *Set // what was read last, or saved: what differs from it is a run-time change

	retired atomic.Bool
	version atomic.Uint64 // moved with changing held
}

// NewDirectory makes a directory of a store's users, to which the extras have been
// applied already.
func NewDirectory(store *Store, o DirectoryOptions) *Directory {
	d := &Directory{store: store, source: store.Load()}
	d.o.Store(&o)
	return d
}

// File is the aclfile's name, or "".
func (d *Directory) File() string { return d.o.Load().File }

// OnChange has f called after each change, before the method that made it returns and
// before the next change. f may look at the store, and must not change users.
func (d *Directory) OnChange(f func(old, latest *Set)) {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.listeners = append(d.listeners, f)
}

// Retire has every further change of a client's refused: another process has users of its
// own for the clients to come, and would hear nothing of it. It does not wait for one that
// has begun.
func (d *Directory) Retire() { d.retired.Store(true) }

// change replaces the set by what f makes of it, and tells the listeners. If f returns
// its argument nothing happens.
func (d *Directory) change(f func(old *Set) (*Set, error)) error { return d.changeBeside(f, nil) }

// changeBeside is change with something beside it, as Replace has it.
func (d *Directory) changeBeside(f func(old *Set) (*Set, error), beside func() (wait func())) error {
	var was, is *Set
	err := d.store.Update(func(old *Set) (*Set, error) {
		next, err := f(old)
		was, is = old, next
		return next, err
	})
	if err != nil {
		return err
	}
	if beside != nil {
		defer beside()()
	}
	if was == is {
		return nil
	}
	for _, f := range d.listeners {
		f(was, is)
	}
	return nil
}

// SetUser is ACL SETUSER: it applies rules from left to right to a copy of the user,
// or to a new one that is off and may do nothing. Rules that grant a reserved command
// are refused, and so are changes of a user that the configuration defines.
func (d *Directory) SetUser(by, name string, rules []string) error {
	if text, wrong := aclfile.CheckName(name); wrong {
		return errors.New(text)
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	if err := d.mayAsk(by); err != nil {
		return err
	}
	return d.change(func(old *Set) (*Set, error) {
		u := old.byName[name]
		if err := d.mayChange(u); err != nil {
			return nil, err
		}
		if err := d.mayTakeOver(by, u); err != nil {
			return nil, err
		}
		var next Definition
		// Adding a pattern looks at all others.
		if len(rules) > aclfile.MaxRules {
			return nil, fmt.Errorf("redisgate: more than %d rules", aclfile.MaxRules)
		}
		var err error
		if u != nil {
			next = u.definition()
			next.User, err = u.With(rules, policy.Options{RefuseReserved: true})
		} else {
			o := d.o.Load()
			next = o.define(name, nil)
			opt := o.Extras[name].options()
			opt.RefuseReserved = true
			next.User, err = policy.NewUser(name, rules, opt)
		}
		if err != nil {
			return nil, errors.New(oneLine(err.Error()))
		}
		next.Origin = Runtime
		if err := mayForget(next, rules); err != nil {
			return nil, err
		}
		// What ACL SAVE writes is what ACL LOAD must take.
		if err := aclfile.Fits(next.User); err != nil {
			return nil, fmt.Errorf("redisgate: %w", err)
		}
		set, err := old.with(next, nil)
		if err != nil {
			return nil, err
		}
		if set.size > aclfile.MaxFile {
			return nil, errors.New("redisgate: the rules of all users are longer than 64MB")
		}
		return set, nil
	})
}

// DelUser is ACL DELUSER: it removes users and says how many there were. If one of
// them may not be removed, none is.
func (d *Directory) DelUser(by string, names []string) (deleted int, err error) {
	for _, name := range names {
		if name == Default {
			return 0, errors.New("The 'default' user cannot be removed")
		}
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	if err := d.mayAsk(by); err != nil {
		return 0, err
	}
	err = d.change(func(old *Set) (*Set, error) {
		gone := make(map[string]bool)
		for _, name := range names {
			u := old.byName[name]
			if err := d.mayChange(u); err != nil {
				return nil, err
			}
			if u != nil {
				gone[name] = true
			}
		}
		deleted = len(gone)
		if deleted == 0 {
			return old, nil
		}
		return old.with(Definition{}, gone)
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// mayAsk refuses a user who may not change users, or not any more: it may have waited
// for the very change that took the right away. "" is whoever runs redisgate.
func (d *Directory) mayAsk(by string) error {
	if by == "" {
		return nil
	}
	if d.retired.Load() {
		return errors.New("redisgate: another process has taken over from this one; connect again")
	}
	if u := d.store.Load().byName[by]; u == nil || !u.AllPowerful() {
		return errors.New("redisgate: the user who asks may not change users any more")
	}
	return nil
}

// mayTakeOver refuses to change a user who has reserved commands that by has not:
// with a password of one's own for it, one would have them too.
func (d *Directory) mayTakeOver(by string, u *User) error {
	if by == "" || u == nil {
		return nil
	}
	if asker := d.store.Load().byName[by]; !u.ReservedWithin(asker.User) {
		return fmt.Errorf("redisgate: user '%s' has reserved commands, and so is changed in the ACL file only", u.Name)
	}
	return nil
}

// mayChange refuses to change what would be there again after a restart.
func (d *Directory) mayChange(u *User) error {
	if u == nil || u.Origin != Configured {
		return nil
	}
	where := "the configuration"
	if name := d.o.Load().Config; name != "" {
		where = oneLine(name)
	}
	return fmt.Errorf("User '%s' is defined in %s and is changed there", u.Name, where)
}

// mayForget refuses rules that take all passwords away, or the need for one, from a user
// who has more in the configuration: these would go on to be right.
func mayForget(d Definition, rules []string) error {
	if len(d.Slow) == 0 {
		return nil
	}
	for _, r := range rules {
		if strings.EqualFold(r, "resetpass") || strings.EqualFold(r, "reset") || strings.EqualFold(r, "nopass") {
			return fmt.Errorf("redisgate: user '%s' has passwords in the configuration, and these are changed there; 'off' keeps the user out", d.User.Name)
		}
	}
	return nil
}

// errNoFile is Redis's text (acl.c, aclCommand).
var errNoFile = errors.New("This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.")

// Load is ACL LOAD: it replaces all users by those of the aclfile, or none if
// anything is wrong with the file.
func (d *Directory) Load(by string) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	o := d.o.Load()
	if o.File == "" {
		return errNoFile
	}
	if err := d.mayAsk(by); err != nil {
		return err
	}
	definitions, err := o.read()
	if err != nil {
		return o.loadError(err)
	}
	err = d.replace(func(old *Set) (*Set, error) {
		set, err := NewSet(definitions, old)
		if err != nil {
			return nil, fmt.Errorf("%s: %w. %s", oneLine(o.File), err, aclfile.Unchanged)
		}
		return set, nil
	}, nil)
	if err == nil {
		d.version.Add(1)
	}
	return err
}

func (o *DirectoryOptions) loadError(err error) error {
	var problems aclfile.Problems
	if errors.As(err, &problems) {
		return errors.New(problems.LoadText(o.File))
	}
	reason := err
	var path *fs.PathError
	if errors.As(err, &path) {
		reason = path.Err
	}
	text := []rune(reason.Error())
	if len(text) > 0 {
		text[0] = unicode.ToUpper(text[0]) // as strerror has it
	}
	return errors.New(oneLine(fmt.Sprintf("Error loading ACLs, opening file '%s': %s", o.File, string(text))))
}

// Save is ACL SAVE: it writes all users into the aclfile. A user who is gone, but to
// whom the configuration adds something, is written as one who is off and may do
// nothing: without a line the next start would fail.
func (d *Directory) Save(by string) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	o := d.o.Load()
	if o.File == "" {
		return errNoFile
	}
	if err := d.mayAsk(by); err != nil {
		return err
	}
	set := d.store.Load()
	all := make([]*policy.User, 0, len(set.all))
	for _, u := range set.all {
		all = append(all, u.User)
	}
	for name := range o.Extras {
		if set.byName[name] == nil {
			off, err := policy.NewUser(name, nil, policy.Options{})
			if err != nil {
				return saveError(err)
			}
			all = append(all, off)
		}
	}
	text, err := aclfile.Format(all)
	if err != nil {
		return saveError(err)
	}
	if err := aclfile.Write(o.File, text); err != nil {
		return saveError(err)
	}
	d.version.Add(1)
	for _, f := range d.saves {
		f(o.File)
	}
	d.source = set
	return d.change(func(old *Set) (*Set, error) { return old.saved() })
}

// saveError begins as Redis does, which tells the reason in its log only.
func saveError(err error) error {
	return errors.New(oneLine("There was an error trying to save the ACLs: " + err.Error()))
}

// oneLine keeps a text what an error in RESP has room for.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
