package config

import "strings"

// unsupported refuses keys whose feature this version does not have. They
// are known, so that a file may spell out their default, but a value that
// would be ignored is worse than none: somebody relies on it.
func (c *Config) unsupported(v *validator) {
	refuse := func(path string, used bool, hint string) {
		if used {
			v.add(path, hint, "this version of redisgate does not support it yet")
		}
	}
	refuse("audit.path", c.Audit.Path != "", "remove it; /metrics counts refused commands by user and reason")
	events := Default().Audit.Events
	if strings.Join(c.Audit.Events, ",") != strings.Join(events, ",") {
		v.add("audit.events", "remove it", "this version of redisgate does not support auditing yet")
	}
}
