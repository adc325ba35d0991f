package users

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

func TestStore(t *testing.T) {
	first, second := testSet(t), newSet(t)
	st := NewStore(first)
	if got := st.Load(); got != first {
		t.Error("Load() is not what the store was made with")
	}
	if old := st.Swap(second); old != first || st.Load() != second {
		t.Error("Swap() did not exchange the sets")
	}
	st.Swap(nil)
	if _, _, ok := st.Load().Authenticate(inside, nil, []byte("app"), []byte("new")); ok {
		t.Error("after Swap(nil) a user can log in; want nobody")
	}
}

func TestUpdateKeepsTheOldSetOnError(t *testing.T) {
	first := testSet(t)
	st := NewStore(first)
	want := errors.New("no")
	if err := st.Update(func(old *Set) (*Set, error) { return newSet(t), want }); err != want || st.Load() != first {
		t.Errorf("Update() = %v; want %v and the old set", err, want)
	}
}

func TestUpdatesDoNotLoseEachOther(t *testing.T) {
	st := NewStore(nil)
	var wg sync.WaitGroup
	for i := range 50 {
		d := define(t, fmt.Sprintf("user%d", i), "on")
		wg.Go(func() {
			if err := st.Update(func(old *Set) (*Set, error) {
				var ds []Definition
				for _, u := range old.All() {
					ds = append(ds, Definition{User: u.User, Allow: u.Allow})
				}
				return NewSet(append(ds, d), old)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(st.Load().All()); n != 51 {
		t.Errorf("%d users; want 50 and default", n)
	}
}

// Readers see the old set or the new one, never something between: in each of them
// both users have the same password.
func TestSwapWhileOthersAuthenticate(t *testing.T) {
	const sets = 20
	var all []*Set
	for i := range sets {
		rules := fmt.Sprintf("on >pw%d ~* +@all", i)
		all = append(all, newSet(t, define(t, "a", rules), define(t, "b", rules)))
	}
	st := NewStore(all[0])
	stop := make(chan bool)
	var readers, writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				st.Swap(all[i%sets])
			}
		}
	})
	for range 4 {
		readers.Go(func() {
			for i := range 500 {
				s, password := st.Load(), fmt.Appendf(nil, "pw%d", i%sets)
				_, _, a := s.Authenticate(inside, nil, []byte("a"), password)
				_, _, b := s.Authenticate(inside, nil, []byte("b"), password)
				if a != b {
					t.Errorf("with %s a may log in: %v, b: %v; want the same", password, a, b)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}
