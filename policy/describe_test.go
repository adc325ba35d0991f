package policy

import (
	"reflect"
	"testing"
)

func TestDescribe(t *testing.T) {
	h := "#5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
	for _, tt := range []struct {
		rules string
		want  Description
	}{
		{"", Description{[]string{"off", "sanitize-payload"}, []SelectorTexts{{Commands: "-@all"}}}},
		{"on nopass skip-sanitize-payload ~* &* +@all", Description{
			[]string{"on", "nopass", "skip-sanitize-payload"}, []SelectorTexts{{"+@all", "~*", "&*"}},
		}},
		{"on " + h + " ~a %R~b %W~c %RW~* &x &y* +@read +GET -set (+ping ~z) (allkeys) ()", Description{
			[]string{"on", "sanitize-payload"}, []SelectorTexts{
				{"-@all +@read +get -set", "~a %R~b %W~c %RW~*", "&x &y*"},
				{"-@all +ping", "~z", ""},
				{"-@all", "~*", ""},
				{"-@all", "", ""},
			},
		}},
		{`(~"a)" &it's)`, Description{[]string{"off", "sanitize-payload"}, []SelectorTexts{{Commands: "-@all"}, {"-@all", "", ""}}}},
		{`(~"a)")`, Description{[]string{"off", "sanitize-payload"}, []SelectorTexts{{Commands: "-@all"}, {"-@all", "~a)", ""}}}},
	} {
		if got := mustUser(t, tt.rules, Options{}).Describe(); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Describe() of %q = %q; want %q", tt.rules, got, tt.want)
		}
	}
}

func TestWhoMayAskAboutUsers(t *testing.T) {
	for _, tt := range []struct {
		rules     string
		databases []int
		request   string
		want      Reason
	}{
		{"~* &* +@all", nil, "ACL SETUSER a on", ReasonAllowed},
		{"~* &* +@all", nil, "ACL LIST", ReasonAllowed},
		{"~* &* +@all", []int{0}, "ACL SETUSER a on", ReasonCommand},
		{"~* &* +@all", []int{0}, "ACL LIST", ReasonCommand},
		{"~* +@all", nil, "ACL SETUSER a on", ReasonCommand},
		{"~* +@all", nil, "ACL USERS", ReasonCommand},
		{"~a &* +@all", nil, "ACL DELUSER a", ReasonCommand},
		{"~* &* +acl", nil, "ACL LOAD", ReasonCommand},
		{"~* &* +acl|save", nil, "ACL SAVE", ReasonCommand},
		{"~* &* +acl", nil, "ACL LIST", ReasonCommand},
		{"~* &* +@admin", nil, "ACL GETUSER a", ReasonCommand},
		{"+acl|list", nil, "ACL LIST", ReasonAllowed},
		{"+acl|list +acl", nil, "ACL LIST", ReasonAllowed},
		{"+acl +acl|list", nil, "ACL LIST", ReasonAllowed},
		{"+acl +acl|list -@admin", nil, "ACL LIST", ReasonCommand},
		{"+acl|list -@all +acl", nil, "ACL LIST", ReasonCommand},
		{"+acl|list", nil, "ACL USERS", ReasonCommand},
		{"+acl|users", []int{0}, "ACL USERS", ReasonAllowed},
		{"+acl|users", []int{3}, "ACL USERS", ReasonDatabase},
		{"+acl|log", nil, "ACL LOG RESET", ReasonAllowed},
		{"+acl|dryrun", nil, "ACL DRYRUN a get k", ReasonAllowed},
		{"~* +@admin (+acl|getuser)", nil, "ACL GETUSER a", ReasonAllowed},
		{"+acl", nil, "ACL WHOAMI", ReasonAllowed},
		{"+@slow", nil, "ACL CAT", ReasonAllowed},
		{"+@slow", nil, "ACL HELP", ReasonAllowed},
		{"+acl|genpass", nil, "ACL GENPASS", ReasonAllowed},
		{"+get", nil, "ACL WHOAMI", ReasonCommand},
	} {
		for _, scripts := range []bool{false, true} {
			u := mustUser(t, tt.rules, Options{Databases: tt.databases, UnsafeScripts: scripts})
			d, text := judge(t, u, split(tt.request))
			if d.Reason != tt.want {
				t.Errorf("user %q of databases %v: %q = %v %q; want %v", tt.rules, tt.databases, tt.request, d.Reason, text, tt.want)
			}
		}
	}
}
