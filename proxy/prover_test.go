package proxy

import (
	"context"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"redisgate/auth"
	"redisgate/identity"
	"redisgate/policy"
	"redisgate/tlsfeed"
	"redisgate/users"
)

// slowOld is a small hash of "old", made by the argon2 of Debian.
const slowOld = "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQxMjM$3M0bT8RGtgeVHMCKBUpUBiKVnuHEdBRq7GRj4mffa/Q"

// slowUsers are ann, whose password is hashed slowly, and bob, whose is not; dan and eve
// are as these, and need a certificate of their name too.
func slowUsers(t testing.TB, slow string) *users.Set {
	t.Helper()
	h, err := auth.ParseSlow(slow)
	if err != nil {
		t.Fatal(err)
	}
	ann, err := policy.ParseUser("ann", "on ~* +@all", policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bob, err := policy.ParseUser("bob", "on >secret ~* +@all", policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dan, eve := definition(t, "dan", "on ~* +@all", nil, true, "CN:dan"), definition(t, "eve", "on >secret ~* +@all", nil, true, "CN:eve")
	dan.Slow = []auth.Slow{h}
	set, err := users.NewSet([]users.Definition{{User: ann, Slow: []auth.Slow{h}}, {User: bob}, dan, eve}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// certificateOf is one with a common name; nil for "".
func certificateOf(name string) *identity.Certificate {
	if name == "" {
		return nil
	}
	return &identity.Certificate{CommonName: name}
}

// provingServer is as much of a server as tries passwords.
func provingServer(t testing.TB) *Server {
	slots := tlsfeed.NewSlots(1)
	s := &Server{
		users:    users.NewStore(slowUsers(t, slowOld)),
		throttle: auth.NewThrottle(auth.ThrottleOptions{}), prover: newProver(slots, 1), born: time.Now(), failures: newFailures(),
	}
	s.settings.Store(&Settings{ProveTimeout: time.Minute, FailFloor: DefaultFailFloor})
	return s
}

func TestWrongPasswordsTakeTheSameFloor(t *testing.T) {
	for _, test := range []struct {
		cert           string // common name; "": none
		name, password string
		least          time.Duration
	}{
		{"", "ann", "wrong", DefaultFailFloor},
		{"", "bob", "wrong", DefaultFailFloor},
		{"", "nobody", "wrong", DefaultFailFloor},
		{"", "", "", DefaultFailFloor},
		{"", "ann", strings.Repeat("x", maxPassword+1), DefaultFailFloor},
		{"", strings.Repeat("n", 1000), "wrong", DefaultFailFloor},
		{"", "ann", "old", 0},
		{"", "bob", "secret", 0},
		// Without the certificate a right password is as wrong as another.
		{"", "dan", "old", DefaultFailFloor},
		{"", "eve", "secret", DefaultFailFloor},
		{"eve", "dan", "old", DefaultFailFloor},
		{"dan", "eve", "secret", DefaultFailFloor},
		{"dan", "dan", "wrong", DefaultFailFloor},
		{"dan", "dan", "old", 0},
		{"eve", "eve", "secret", 0},
	} {
		synctest.Test(t, func(t *testing.T) { // in which the work itself takes no time
			s := provingServer(t)
			began := time.Now()
			var found proof
			if do := s.trial(testAddr, certificateOf(test.cert), []byte(test.name), []byte(test.password)); do != nil {
				found = do()
			}
			if took := time.Since(began); took != test.least || found.counted != (test.least > 0) {
				t.Errorf("%s with %q and %q's certificate takes %v, a failure: %v; want %v", test.name, test.password, test.cert, took, found.counted, test.least)
			}
		})
	}
	if do := provingServer(t).trial(testAddr, nil, []byte("bob"), []byte("secret")); do != nil {
		t.Error("a right password with a fast hash has to wait")
	}
}

// Without slow hashes there is nothing to hide, but a wrong password takes as long: who
// guesses has to wait. It counts when it comes, and not after the wait.
func TestWrongPasswordsTakeTheSameFloorWithoutSlowHashes(t *testing.T) {
	for _, test := range []struct {
		name, password string
		failures       int // before
		want           proof
		least          time.Duration
	}{
		{"app", "secret", 0, proof{}, 0},
		{"app", "wrong", 0, proof{counted: true}, DefaultFailFloor},
		{"nobody", "wrong", 0, proof{counted: true}, DefaultFailFloor},
		{"app", "wrong", auth.DefaultFree, proof{refused: true}, DefaultFailFloor},
		{"app", "secret", auth.DefaultFree, proof{refused: true}, DefaultFailFloor},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := provingServer(t)
			s.users = users.NewStore(buildUsers(t, map[string]string{"app": "on >secret ~* +@all"}, nil))
			for range test.failures {
				s.throttle.Fail(testAddr, []byte(test.name), s.clock())
			}
			before := s.throttle.Len()
			began := time.Now()
			do := s.trial(testAddr, nil, []byte(test.name), []byte(test.password))
			if counted := s.throttle.Len() > before; counted != test.want.counted {
				t.Errorf("%s with %q is a failure at once: %v; want %v", test.name, test.password, counted, test.want.counted)
			}
			var found proof
			if do != nil {
				found = do()
			}
			if took := time.Since(began); took != test.least || found.refused != test.want.refused || found.counted != test.want.counted || found.busy {
				t.Errorf("%s with %q takes %v and is %+v; want %v and %+v", test.name, test.password, took, found, test.least, test.want)
			}
		})
	}
}

// Failures are told together, and none of them early.
func TestFailuresAreToldTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := provingServer(t)
		born := time.Now()
		told := map[time.Duration]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 100 { // one a millisecond
			do := s.trial(testAddr, nil, []byte("bob"), []byte("wrong"))
			all.Go(func() {
				do()
				mu.Lock()
				defer mu.Unlock()
				told[time.Since(born)]++
			})
			time.Sleep(time.Millisecond)
		}
		all.Wait()
		if want := map[time.Duration]int{300 * time.Millisecond: 1, 350 * time.Millisecond: 50, 400 * time.Millisecond: 49}; !maps.Equal(told, want) {
			t.Errorf("failures are told at %v; want %v", told, want)
		}
	})
}

// Who guesses at a user with a fast hash, where others have slow ones, on many connections
// at once learns no more than on one: a right password has its turn behind the wrong ones.
func TestManyGuessesAtOnceAreNoMoreThanInTurn(t *testing.T) { synctest.Test(t, guessesAtOnce) }

func guessesAtOnce(t *testing.T) {
	s := provingServer(t)
	s.prover.turns <- struct{}{} // what comes waits
	bob := []byte("bob")
	var all sync.WaitGroup
	for range 3 * auth.DefaultFree {
		do := s.trial(testAddr, nil, bob, []byte("wrong"))
		all.Go(func() { do() })
		synctest.Wait()
	}
	if do := s.trial(netip.MustParseAddr("192.0.2.99"), nil, bob, []byte("secret")); do != nil {
		t.Error("a right password from elsewhere has to wait")
	}
	do := s.trial(testAddr, nil, bob, []byte("secret"))
	if do == nil {
		t.Fatal("a right password is answered before the wrong ones")
	}
	var found proof
	all.Go(func() { found = do() })
	synctest.Wait()
	<-s.prover.turns
	all.Wait()
	if !found.busy || s.throttle.Allow(testAddr, bob, s.clock()) || s.throttle.UnderWay(testAddr, bob) {
		t.Errorf("then it is %+v; want it not tried, the address waiting, and nothing under way", found)
	}
}

func TestProvingIsBounded(t *testing.T) {
	s := provingServer(t)
	s.prover.turns <- struct{}{} // somebody's turn, which does not end
	ctx, cancel := context.WithCancel(context.Background())
	never := func() bool { return false }
	results := make(chan proof, maxProving)
	for range maxProving {
		go func() { results <- s.prover.prove(ctx, s.users.Load(), []byte("ann"), []byte("old"), never) }()
	}
	for s.prover.waiting.Load() < maxProving {
		time.Sleep(time.Millisecond)
	}
	if found := s.prover.prove(ctx, s.users.Load(), []byte("ann"), []byte("old"), never); !found.busy || s.prover.waiting.Load() != maxProving {
		t.Errorf("one more is %+v with %d waiting; want it refused", found, s.prover.waiting.Load())
	}
	cancel()
	for range maxProving {
		if found := <-results; !found.busy || !found.proved.Empty() {
			t.Errorf("one whose time was up is %+v; want it refused", found)
		}
	}
	<-s.prover.turns
	if found := s.prover.prove(context.Background(), s.users.Load(), []byte("ann"), []byte("old"), never); found.busy || found.proved.Empty() {
		t.Errorf("then one is %+v; want its password proved", found)
	}
}

// An address that has guessed too often by the time that its turn comes costs nothing
// more, and what was not tried is not wrong.
func TestProvingIsSkippedForWhoIsLockedOut(t *testing.T) {
	s := provingServer(t)
	do := s.trial(testAddr, nil, []byte("ann"), []byte("old"))
	for range auth.DefaultFree {
		s.throttle.Fail(testAddr, []byte("ann"), s.clock())
	}
	if found := do(); !found.busy || !found.proved.Empty() {
		t.Errorf("the trial is %+v; want it not made", found)
	}
}

// A client that leaves before it is answered has been wrong all the same.
func TestAFailureCountsForWhoHasLeft(t *testing.T) { synctest.Test(t, failuresOfWhoHasLeft) }

func failuresOfWhoHasLeft(t *testing.T) {
	s := provingServer(t)
	for range auth.DefaultFree {
		if found := s.trial(testAddr, nil, []byte("ann"), []byte("wrong"))(); !found.counted || found.busy {
			t.Fatalf("a wrong password is %+v; want it counted", found)
		}
	}
	if s.throttle.Allow(testAddr, []byte("ann"), s.clock()) {
		t.Error("failures of clients that have left are not counted")
	}
	if n := len(s.failures.queue); n != auth.DefaultFree {
		t.Errorf("%d failures are logged; want %d", n, auth.DefaultFree)
	}
	// One that was under way when it was locked out learns nothing, be it wrong or right.
	found := proof{}
	if s.countTrial(testAddr, []byte("ann"), &found); !found.busy || found.counted {
		t.Errorf("a wrong one that comes too late is %+v; want it not tried", found)
	}
}

func TestProvingFromManyGoroutines(t *testing.T) {
	s := provingServer(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			password := []byte("old")
			if i%2 == 1 {
				password = []byte("wrong")
			}
			found := s.trial(testAddr, nil, []byte("ann"), password)()
			if found.proved.Empty() != (i%2 == 1) || found.busy {
				t.Errorf("%q is %+v", password, found)
			}
		})
	}
	all.Wait()
}

func TestABusyLogInIsNoFailure(t *testing.T) {
	d := slowLogins(t)
	d.set = slowUsers(t, slowOld)
	d.p.crowded = true
	d.ask("AUTH", "ann", "wrong")
	d.settle()
	if got := string(d.p.got); got != "-"+textBusyLogin+"\r\n" || d.p.s.failed != 0 {
		t.Errorf("the client got %q, with %d failures; want %q and none", got, d.p.s.failed, textBusyLogin)
	}
	d.p.crowded = false
	d.ask("AUTH", "ann", "old")
	d.settle()
	if !d.p.s.known || d.p.s.user.Name != "ann" {
		t.Errorf("the client got %q; want to be ann", d.p.got)
	}
	d.end()
}
