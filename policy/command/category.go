package command

// Categories is a set of ACL categories.
type Categories uint32

// In the order in which ACL CAT lists them (acl.c, ACLCommandCategories).
const (
	CategoryKeyspace Categories = 1 << iota
	CategoryRead
	CategoryWrite
	CategorySet
	CategorySortedSet
	CategoryList
	CategoryHash
	CategoryString
	CategoryBitmap
	CategoryHyperLogLog
	CategoryGeo
	CategoryStream
	CategoryPubSub
	CategoryAdmin
	CategoryFast
	CategorySlow
	CategoryBlocking
	CategoryDangerous
	CategoryConnection
	CategoryTransaction
	CategoryScripting
)

var categoryNames = [...]string{
	"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream",
	"pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
}

// CategoryByName finds a category by its name without '@', in any case.
func CategoryByName(name string) (Categories, bool) {
	for i, n := range categoryNames {
		if equalFold(name, n) {
			return 1 << i, true
		}
	}
	return 0, false
}

// CategoryNames lists the categories in Redis's order, without '@'.
func CategoryNames() []string { return append([]string(nil), categoryNames[:]...) }
