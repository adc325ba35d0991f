package identity

import "strings"

// Table finds the owners of certificates among many patterns. It is immutable after
// the last Add and may then be read from any goroutine.
type Table[T comparable] struct {
	exact [kinds]map[string][]T
	wild  [kinds]map[string][]T // by the pattern's text
}

// Add makes all names that a pattern matches owner's.
func (t *Table[T]) Add(p Pattern, owner T) {
	m := &t.exact[p.kind]
	if p.wild {
		m = &t.wild[p.kind]
	}
	if *m == nil {
		*m = make(map[string][]T)
	}
	(*m)[p.text] = append((*m)[p.text], owner)
}

// Find gives the owners to whom names of the certificate belong, each once: there
// should be one at most.
func (t *Table[T]) Find(c *Certificate) []T {
	f := finder[T]{t: t}
	f.exactly(SHA256, string(c.Sum[:]))
	if c.CommonName != "" {
		f.exactly(CommonName, c.CommonName)
	}
	for _, name := range c.Emails {
		f.exactly(Email, name)
	}
	for _, name := range c.DNS {
		f.exactly(DNS, name)
		f.widely(DNS, name)
	}
	for _, name := range c.URIs {
		f.exactly(URI, name)
		f.widely(URI, name)
	}
	return f.owners
}

type finder[T comparable] struct {
	t      *Table[T]
	owners []T
}

func (f *finder[T]) exactly(k Kind, name string) { f.add(f.t.exact[k][name]) }

// widely looks for each label of the name as the one that is free.
func (f *finder[T]) widely(k Kind, name string) {
	if len(f.t.wild[k]) == 0 || len(name) > maxName {
		return
	}
	for start := 0; start < len(name); {
		end := len(name)
		if i := strings.IndexAny(name[start:], k.separators()); i >= 0 {
			end = start + i
		}
		if label := name[start:end]; label != "" && !strings.Contains(label, "*") {
			f.add(f.t.wild[k][name[:start]+"*"+name[end:]])
		}
		start = end + 1
	}
}

func (f *finder[T]) add(owners []T) {
next:
	for _, o := range owners {
		for _, have := range f.owners {
			if have == o {
				continue next
			}
		}
		f.owners = append(f.owners, o)
	}
}

// Clashes lists the pairs of patterns, by their places, i before j, that some name is
// both of.
func Clashes(patterns []Pattern) (pairs [][2]int) {
	var t Table[int]
	var free [kinds][]int
	for i, p := range patterns {
		t.Add(p, i)
		if p.wild {
			free[p.kind] = append(free[p.kind], i)
		}
	}
	for i, p := range patterns {
		if p.wild {
			continue
		}
		f := finder[int]{t: &t}
		f.exactly(p.kind, p.text)
		if p.kind == DNS || p.kind == URI {
			f.widely(p.kind, p.text)
		}
		for _, j := range f.owners {
			if j > i || patterns[j].wild {
				pairs = append(pairs, [2]int{min(i, j), max(i, j)})
			}
		}
	}
	for _, list := range free {
		for k, i := range list {
			for _, j := range list[k+1:] {
				if patterns[i].Overlaps(patterns[j]) {
					pairs = append(pairs, [2]int{i, j})
				}
			}
		}
	}
	return pairs
}
