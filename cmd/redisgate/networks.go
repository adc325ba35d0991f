package main

import (
	"redisgate/config"
	"redisgate/policy"
)

// networks compiles [network] and what else judges addresses alone.
func (c *compiler) networks() {
	n := c.cfg.Network
	c.built.allow = c.networkList("network.allow", n.Allow, n.AllowFile)
	c.built.deny = c.networkList("network.deny", n.Deny, n.DenyFile)
	c.built.admin = c.parseNetworks("network.admin_from", n.AdminFrom)
	c.built.balancers = c.parseNetworks("listen.proxy_protocol_from", c.cfg.Listen.ProxyProtocolFrom)
	if len(n.Allow) == 0 && len(n.AllowFile) > 0 && c.built.allow != nil && c.built.allow.Len() == 0 {
		c.add("network.allow_file", "there is no network in it: nobody could connect", "write one network on each line, such as 10.0.0.0/8")
	}
}

// networkList compiles the networks at path together with those of files.
func (c *compiler) networkList(path string, inline, files []string) *policy.Networks {
	list, problems, err := readNetworks(c.cfg, path, inline, files)
	c.filed = append(c.filed, problems...)
	if err != nil {
		c.add(path, err.Error(), networkHint)
	}
	return list
}

// readNetworks reads the files and compiles what is in them with the networks that the
// configuration has inline. It gives no list if there are problems or an error, the
// latter of an inline network.
func readNetworks(cfg *config.Config, path string, inline, files []string) (*policy.Networks, config.Problems, error) {
	filed, problems := cfg.ReadNetworks(path+"_file", files)
	if len(problems) > 0 {
		return nil, problems, nil
	}
	list, err := policy.ParseNetworks(append(inline[:len(inline):len(inline)], filed...))
	return list, nil, err
}

func (c *compiler) parseNetworks(path string, texts []string) *policy.Networks {
	n, err := policy.ParseNetworks(texts)
	if err != nil {
		c.add(path, err.Error(), networkHint)
	}
	return n
}

const networkHint = `write networks such as "10.0.0.0/8" or "fd00::/8"`
