package policy

import "strings"

// Description is a user in the parts in which ACL GETUSER tells of one; Passwords are in the User itself.
type Description struct {
	Flags     []string        // "on" or "off", "nopass", "sanitize-payload" or "skip-sanitize-payload", in Redis's order
	Selectors []SelectorTexts // the root selector first; there always is one
}

// SelectorTexts are the rules of one selector as ACL LIST prints them, words separated by one space. Unlike there nothing is
// quoted, and nothing stands where no key or channel is allowed.
type SelectorTexts struct {
	Commands string // "-@all +get", "+@all"
	Keys     string // "~*" for all keys, "~a %R~b", "" for none; %RW~* is what Redis prints as ~* although it is not
	Channels string // "&*" for all channels, "&a &b", "" for none
}

// Describe tells of the user as Redis 7.2 and newer do (acl.c, aclAddReplySelectorDescription). The caller owns the result.
func (u *User) Describe() Description {
	d := Description{Flags: u.flagWords()}
	for _, s := range u.selectors {
		d.Selectors = append(d.Selectors, SelectorTexts{
			Commands: strings.Join(s.commandWords(), " "),
			Keys:     strings.Join(s.keyWords(), " "),
			Channels: strings.Join(s.channelWords(), " "),
		})
	}
	return d
}
