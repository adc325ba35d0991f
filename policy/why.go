package policy

import (
	"fmt"
	"strings"

	"redisgate/policy/command"
)

// why words a verdict of Authorise, and what would change it.
func (u *User) why(db int, e *Explanation, uses *command.Uses) (why, advice string) {
	j, name := &e.Selectors[e.Decider], e.Command.Name
	switch e.Decision.Reason {
	case ReasonAllowed:
		return whyAllowed(e), ""
	case ReasonCommand, ReasonReserved:
		return whyCommand(e, j)
	case ReasonKeyless:
		return whyKeyless(e, uses)
	case ReasonSortBy, ReasonSortGet:
		return "SORT with BY or GET reads keys that are not among its arguments", "add a pattern that reads all keys: ~* or %R~*"
	case ReasonKey:
		return whyKey(ground(j.Keys, j.Arg))
	case ReasonChannel:
		return whyChannel(ground(j.Channels, j.Arg))
	case ReasonDatabase:
		return u.whyDatabase(db, e.Command, uses), "add it to the databases of the user"
	case ReasonScript:
		return fmt.Sprintf("%s runs with the rights of redisgate's own account in Redis, or changes what does", name),
			"give the user all commands, keys, channels and databases, or set unsafe_scripts = true"
	case ReasonSyntax:
		return "the arguments do not parse, so nobody can say which keys they use: " + e.Decision.Err.Error(), ""
	}
	return "there is no verdict", ""
}

func (u *User) whyUnknown(d Decision) (why, advice string) {
	if d.Allowed() {
		return "redisgate does not know the command, and forwards it for a user who may do everything", ""
	}
	return "redisgate does not know the command, so only users with all commands, keys, channels and databases may run it", ""
}

func whyAllowed(e *Explanation) string {
	if e.Command.Flags.Has(command.FlagNoAuth) {
		return fmt.Sprintf("%s is allowed to everybody", e.Command.Name)
	}
	return fmt.Sprintf("%s allows the command%s", e.Selectors[e.Decider].Rule, whatElse(&e.Selectors[e.Decider]))
}

func whatElse(j *Judgement) string {
	switch {
	case len(j.Keys) > 0:
		return ", and patterns of the same selector all its keys"
	case len(j.Channels) > 0:
		return ", and patterns of the same selector all its channels"
	}
	return ""
}

func whyCommand(e *Explanation, j *Judgement) (why, advice string) {
	c := e.Command
	reserved := c.Flags.Has(command.FlagReserved)
	switch {
	case j.Runs: // what Redis's rules do not express
		return fmt.Sprintf("%s lets %s through, but it acts on redisgate's own users", j.Rule, c.Name),
			"it takes a user with all commands, keys, channels and databases, or for reading a rule that names the subcommand"
	case reserved && strings.HasPrefix(j.Rule, "-"):
		return fmt.Sprintf("%s takes it away, and it is reserved", j.Rule),
			fmt.Sprintf("add +%s after %s and the last +@all or -@all, in the configuration or the aclfile", c.Name, j.Rule)
	case reserved:
		why = fmt.Sprintf("%s is reserved: no category, no +@all and no rule for a container reaches it", c.Name)
	case j.Rule != "":
		return fmt.Sprintf("%s takes %s away", j.Rule, c.Name), fmt.Sprintf("remove that rule, or add +%s after it", c.Name)
	default:
		return fmt.Sprintf("no rule allows %s", c.Name), fmt.Sprintf("add +%s", c.Name)
	}
	return why, fmt.Sprintf("add +%s after the last +@all or -@all, in the configuration or the aclfile", c.Name)
}

func whyKeyless(e *Explanation, uses *command.Uses) (why, advice string) {
	c := e.Command
	switch {
	case uses.Broadcast:
		return "CLIENT TRACKING with BCAST tells of all keys, or of all that begin with a prefix", "add ~*, give a PREFIX within a pattern such as ~data:*, or track without BCAST"
	case c.Flags.Has(command.FlagKeyless):
		return fmt.Sprintf("%s takes no key and sees or changes all of them", c.Name), "it needs all keys: ~*"
	}
	tells := "of what others do"
	if c.Flags.Has(command.FlagFiltered) {
		tells = "the names of all of them"
	}
	return fmt.Sprintf("%s takes no key and tells %s", c.Name, tells), fmt.Sprintf("it needs all keys, ~*, or a rule that names it: +%s", c.Name)
}

func ground(all []Ground, arg int) Ground {
	for _, g := range all {
		if g.Arg == arg && g.Pattern == "" {
			return g
		}
	}
	return Ground{Arg: arg}
}

func whyKey(g Ground) (why, advice string) {
	why = fmt.Sprintf("no pattern allows to %s the key %q", g.Purpose(), g.Name)
	if g.Near != "" {
		why += fmt.Sprintf(": %s does not allow enough", g.Near)
	}
	example := ""
	if g.Name != "" && !hasSpace(g.Name) && !strings.ContainsAny(g.Name, `*?[\`) {
		may := g.Need
		if may == command.Any {
			may = command.Read
		}
		example = ", such as " + keyPattern{newPattern(g.Name), may}.String()
	}
	if g.Need == command.Read|command.Write {
		return why, "one pattern must allow both to read and to write" + example
	}
	return why, "add a pattern that matches it" + example
}

func whyChannel(g Ground) (why, advice string) {
	if g.Literal {
		return fmt.Sprintf("no rule has the pattern %q letter by letter", g.Name), fmt.Sprintf("add &%s", g.Name)
	}
	return fmt.Sprintf("no pattern allows the channel %q", g.Name), "add a pattern that matches it"
}

func (u *User) whyDatabase(db int, c *command.Command, uses *command.Uses) string {
	why := fmt.Sprintf("the user has the databases %v only", u.Databases)
	used := uses.Databases
	if !leaves(c) {
		used = append([]int{db}, used...)
	}
	for _, d := range used {
		if !u.MayUse(d) {
			return fmt.Sprintf("%s, and not %d", why, d)
		}
	}
	if c.Flags.Has(command.FlagEveryDatabase) || uses.Broadcast {
		return fmt.Sprintf("%s, and %s acts on others too", why, c.Name)
	}
	return why + ", and the channel tells of keys in others"
}

// Purpose says in words what a key is needed for: "read", "write", "read and write", or "know of".
func (g Ground) Purpose() string {
	switch g.Need {
	case command.Read:
		return "read"
	case command.Write:
		return "write"
	case command.Read | command.Write:
		return "read and write"
	}
	return "know of"
}
