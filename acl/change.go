package acl

import (
	"slices"

	"github.com/tidwall/redcon"

	"redisgate/users"
)

func (r *request) setUser(dst []byte) []byte {
	return appendOutcome(dst, r.Directory.SetUser(r.who.Name, string(r.args[2]), strs(r.args[3:])))
}

// delUser looks for default among all names before any user goes, as Redis does.
func (r *request) delUser(dst []byte) []byte {
	names := strs(r.args[2:])
	if slices.Contains(names, users.Default) {
		return appendError(dst, "The 'default' user cannot be removed")
	}
	deleted, err := r.Directory.DelUser(r.who.Name, names)
	if err != nil {
		return appendError(dst, err.Error())
	}
	return redcon.AppendInt(dst, int64(deleted))
}

func (r *request) load(dst []byte) []byte { return appendOutcome(dst, r.Directory.Load(r.who.Name)) }

func (r *request) save(dst []byte) []byte { return appendOutcome(dst, r.Directory.Save(r.who.Name)) }

func appendOutcome(dst []byte, err error) []byte {
	if err != nil {
		return appendError(dst, err.Error())
	}
	return redcon.AppendOK(dst)
}
