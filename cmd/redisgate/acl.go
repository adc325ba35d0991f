package main

import (
	"errors"
	"fmt"
	"strings"

	"redisgate/config"
	"redisgate/policy"
	"redisgate/policy/command"
)

// aclProblem says what is wrong with a user's rules and what to do about it. A
// word that may be a password is named by its place alone.
func aclProblem(rules string, err error) (text, hint string) {
	var rule *policy.RuleError
	if !errors.As(err, &rule) {
		if strings.HasPrefix(err.Error(), "Unmatched parenthesis") { // it quotes a word
			return "a selector is not closed", "write ')' at its end: (+get ~data:*)"
		}
		return err.Error(), "the rules are those of Redis: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/"
	}
	text = fmt.Sprintf("word %d", wordOf(rules))
	if shown := config.Rules(rule.Token).String(); shown == rule.Token && !strings.Contains(shown, "(hidden)") {
		text += fmt.Sprintf(", %q", shown)
	}
	return text + ": " + rule.Msg, ruleHint(rule)
}

// wordOf returns the place, from 1, of the first word that makes rules wrong.
func wordOf(rules string) int {
	words := strings.Fields(rules)
	for i := range words {
		var rule *policy.RuleError
		if _, err := policy.NewUser("", words[:i+1], policy.Options{}); errors.As(err, &rule) {
			return i + 1
		}
	}
	return len(words)
}

func ruleHint(rule *policy.RuleError) string {
	switch {
	case strings.HasPrefix(rule.Msg, "Unknown command"):
		return commandHint(rule.Token)
	case strings.Contains(rule.Msg, "hash"):
		return "`redisgate hash-password` makes the #hash of a password"
	case strings.Contains(rule.Msg, "after the * pattern"):
		return "remove the pattern, or what allows everything before it"
	case rule.Msg == "Syntax error":
		return "a #hash or a >password, key patterns as ~data:*, channels as &events:*, commands as +get or -keys, categories as +@read"
	}
	return "the rules are those of Redis: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/"
}

// commandHint looks for what an unknown command or category was meant to be.
func commandHint(token string) string {
	sign, name := token[:1], strings.ToLower(token[1:])
	if category, ok := strings.CutPrefix(name, "@"); ok {
		known := append([]string{"all"}, command.CategoryNames()...)
		if near := config.Nearest(category, known); near != "" {
			return "did you mean " + sign + "@" + near + "?"
		}
		return "the categories are @" + strings.Join(known, " @")
	}
	var known []string
	for _, c := range command.All() {
		known = append(known, c.Name)
	}
	if near := config.Nearest(name, known); near != "" {
		return "did you mean " + sign + near + "?"
	}
	return "commands are written as +get, subcommands as +config|get"
}
