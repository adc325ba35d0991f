package command

import (
	"slices"
	"strings"
	"testing"
)

// What commands need of their keys, from the flags of the key specifications in Redis's own table (src/commands/*.json).
// A name with a star stands for all that begin so.
const (
	readAndWrite = `blmpop blpop brpop bzmpop bzpopmax bzpopmin decr decrby eval evalsha fcall getdel getex getset hincrby hincrbyfloat
		incr incrby incrbyfloat lmpop lpop move rpop setbit spop zincrby zmpop zpopmax zpopmin`
	firstReadAndWrite = "blmove lmove rpoplpush brpoplpush smove rename renamenx pfmerge migrate"
	onlyWrite         = `append del expire expireat geoadd hdel hexpire hexpireat hmset hpersist hpexpire hpexpireat hset hsetnx linsert lpush
		lpushx lrem lset ltrim mset msetnx persist pexpire pexpireat pfadd psetex restore rpush rpushx sadd setex setnx setrange srem
		unlink xack xadd xautoclaim xclaim xdel xgroup|create xgroup|createconsumer xgroup|delconsumer xgroup|destroy xgroup|setid
		xsetid xtrim zadd zrem zremrangebylex zremrangebyrank zremrangebyscore`
	onlyRead = `bitcount bitfield_ro bitpos dump expiretime geodist geohash geopos georadius georadius_ro georadiusbymember
		georadiusbymember_ro geosearch get getbit getrange hexpiretime hget hgetall hkeys hmget hpexpiretime hpttl hrandfield hscan
		httl hvals lcs lindex lpos lrange mget pexpiretime pfcount pttl sdiff sinter sintercard smembers smismember sort sort_ro
		srandmember sscan substr sunion ttl xinfo|consumers xinfo|groups xinfo|stream xpending xrange xread xreadgroup xrevrange
		zcount zdiff zinter zintercard zlexcount zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange
		zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion eval_ro evalsha_ro fcall_ro`
	existence = `exists hexists hlen hstrlen llen memory|usage object|encoding object|freq object|idletime object|refcount scard
		sismember strlen touch type watch xlen zcard`
	destinationFirst = "sdiffstore sinterstore sunionstore zdiffstore zinterstore zunionstore zrangestore geosearchstore bitop"
)

func TestNeeds(t *testing.T) {
	seen := map[string]bool{"set": true, "bitfield": true, "copy": true}
	check := func(names string, wants ...Need) {
		for name := range strings.FieldsSeq(names) {
			c := ByName(name)
			if c == nil {
				t.Errorf("there is no command %s", name)
				continue
			}
			seen[name] = true
			var got []Need
			for _, k := range c.keys {
				got = append(got, k.need)
			}
			if c.syntax == syntaxSort || c.syntax == syntaxSortRO || c.syntax == syntaxGeoRadius || c.syntax == syntaxGeoRadiusByMember ||
				c.syntax == syntaxXRead || c.syntax == syntaxXReadGroup || c.syntax == syntaxMigrate {
				continue // TestParse has them
			}
			if len(got) < len(wants) || !slices.Equal(got[:len(wants)], wants) {
				t.Errorf("%s needs %v of its keys; want %v", name, got, wants)
			}
		}
	}
	check(readAndWrite, Read|Write)
	check(firstReadAndWrite, Read|Write)
	check(onlyWrite, Write)
	check(onlyRead, Read)
	check(existence, Any)
	check(destinationFirst, Write, Read)
	check("rpoplpush brpoplpush lmove blmove smove rename renamenx", Read|Write, Write)
	check("pfmerge", Read|Write, Read)
	for _, c := range All() {
		if c.HasKeys() && !seen[c.Name] && versionsDiffer[c.Name] == "" && !c.Flags.Has(FlagReserved) {
			t.Errorf("nobody has said what %s needs of its keys", c.Name)
		}
	}
}

// Channels are not keys, though Redis's table has them among the key specifications of some (NOT_KEY).
func TestChannelsAreNotKeys(t *testing.T) {
	for _, name := range []string{"spublish", "ssubscribe", "sunsubscribe", "publish", "subscribe", "psubscribe", "unsubscribe", "punsubscribe"} {
		if ByName(name).HasKeys() {
			t.Errorf("%s has keys; want channels only", name)
		}
	}
}
