package main

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// row is one line of the table.
type row struct {
	entry
	note   string // where versions differ
	route  string
	marks  []string
	ranges []keyRange
	syntax string
	stream int
}

// keyRange is keys at fixed places: every step-th argument from first to last, which counts from the end if negative.
type keyRange struct {
	first, last, step int
	need              string
}

func merge(tables [][]entry) ([]row, error) {
	byName := map[string]*row{}
	for i, table := range tables {
		for _, e := range table {
			r := byName[e.Name]
			if r == nil {
				byName[e.Name] = &row{entry: e, note: e.Since}
				continue
			}
			if sources[i] == "later" {
				return nil, fmt.Errorf("%s is in later.json and in a server's answer", e.Name)
			}
			if err := r.add(e, sources[i]); err != nil {
				return nil, err
			}
		}
	}
	rows := make([]row, 0, len(byName))
	for _, r := range byName {
		rows = append(rows, *r)
	}
	sort.Slice(rows, func(i, j int) bool { return fullName(rows[i].Name) < fullName(rows[j].Name) })
	err := errors.Join(classify(rows), mark(rows), position(rows))
	return rows, err
}

// fullName orders a container directly before its subcommands.
func fullName(name string) string { return strings.ReplaceAll(name, "|", "\x00") }

// add folds an older version's answer into r: the most permissive arity, the union of what its keys need.
func (r *row) add(e entry, source string) error {
	if r.Container != e.Container {
		return fmt.Errorf("%s is a container in only some versions", e.Name)
	}
	if e.Arity != r.Arity {
		r.note = fmt.Sprintf("arity %d in %s", e.Arity, source)
		r.Arity = -min(abs(e.Arity), abs(r.Arity))
	}
	if len(r.Keys) != len(e.Keys) {
		return fmt.Errorf("%s has key specifications that differ between versions", e.Name)
	}
	for i, k := range e.Keys {
		mine := &r.Keys[i]
		a, b := *mine, k
		a.Flags, b.Flags = nil, nil
		if fmt.Sprint(a) != fmt.Sprint(b) && a.Keynum == nil {
			return fmt.Errorf("%s has keys in other places in %s", e.Name, source)
		}
		for _, f := range k.Flags {
			if !slices.Contains(mine.Flags, f) {
				mine.Flags = append(mine.Flags, f)
			}
		}
	}
	return nil
}

func abs(n int) int { return max(n, -n) }

// expand calls f with the index of each row that names means.
func expand(rows []row, names string, f func(i int, exact bool)) error {
	var errs []error
	for _, name := range strings.Fields(names) {
		container, wild := strings.CutSuffix(name, "|*")
		found := false
		for i := range rows {
			n := rows[i].Name
			switch {
			case n == name:
				f(i, true)
			case wild && (n == container || strings.HasPrefix(n, container+"|")):
				f(i, false)
			default:
				continue
			}
			found = true
		}
		if !found {
			errs = append(errs, fmt.Errorf("classify.go names %q, which no server has", name))
		}
	}
	return errors.Join(errs...)
}

func classify(rows []row) error {
	exactly := map[int]bool{}
	var errs []error
	for _, c := range classes {
		errs = append(errs, expand(rows, c.names, func(i int, exact bool) {
			switch {
			case rows[i].route == "" || exact && !exactly[i]:
				rows[i].route = c.route
				exactly[i] = exact
			case exact == exactly[i]:
				errs = append(errs, fmt.Errorf("%s is classified twice", rows[i].Name))
			}
		}))
	}
	for i := range rows {
		if rows[i].route == "" {
			rows[i].route = "RouteRefused"
		}
	}
	return errors.Join(errs...)
}

func mark(rows []row) error {
	var errs []error
	for _, m := range marks {
		errs = append(errs, expand(rows, m.names, func(i int, _ bool) { rows[i].marks = append(rows[i].marks, m.flag) }))
	}
	for i := range rows {
		if rows[i].route == "RouteReserved" {
			rows[i].marks = append(rows[i].marks, "Reserved")
		}
		if rows[i].Container {
			rows[i].marks = append(rows[i].marks, "Container")
		}
	}
	return errors.Join(errs...)
}

// position turns key specifications into fixed ranges, and insists on a parser where they are not enough.
func position(rows []row) error {
	var errs []error
	for i := range rows {
		r := &rows[i]
		r.syntax = syntaxes[r.Name]
		for _, k := range r.Keys {
			if slices.Contains(k.Flags, "not_key") {
				continue
			}
			fixed := k.Keyword == "" && k.Keynum == nil && !k.Unknown && k.Limit == 0 && !slices.Contains(k.Flags, "variable_flags")
			if !fixed && r.syntax == "" {
				errs = append(errs, fmt.Errorf("%s has keys that need a parser of their own", r.Name))
			}
			kr := keyRange{first: k.Index, last: k.Last, step: k.Step, need: need(k.Flags)}
			if k.Last >= 0 {
				kr.last = k.Index + k.Last
			}
			switch {
			case k.Keynum != nil: // the parser counts on from the index of the number of keys
				kr = keyRange{first: k.Index + *k.Keynum, last: 0, step: k.Step, need: kr.need}
			case k.Keyword != "" || k.Unknown || k.Limit != 0:
				kr = keyRange{step: 1, need: kr.need}
			}
			r.ranges = append(r.ranges, kr)
		}
		r.stream = streamFrom(r)
	}
	return errors.Join(errs...)
}

// need maps a specification's flags to what a rule must allow: access is reading, changes are writing.
func need(flags []string) string {
	var bits []string
	if slices.Contains(flags, "access") {
		bits = append(bits, "Read")
	}
	if slices.ContainsFunc(flags, func(f string) bool { return f == "insert" || f == "delete" || f == "update" }) {
		bits = append(bits, "Write")
	}
	if bits == nil {
		return "Any"
	}
	return strings.Join(bits, "|")
}

// streamFrom is the argument after the last key, if all keys stand at fixed places and nothing else matters.
func streamFrom(r *row) int {
	if n, ok := streams[r.Name]; ok {
		return n
	}
	if r.route != "RouteShared" || r.syntax != "" {
		return 0
	}
	from := 0
	for _, k := range r.ranges {
		if k.last < 0 {
			return 0
		}
		from = max(from, k.last+1)
	}
	return from
}
