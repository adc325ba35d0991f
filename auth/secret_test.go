package auth

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretDoesNotPrint(t *testing.T) {
	const text = "hunter2"
	s := NewSecret(text)
	type visible struct{ Password Secret }
	type hidden struct{ password Secret }
	values := []any{s, &s, visible{s}, &visible{s}, hidden{s}, &hidden{s}, []Secret{s}, map[string]Secret{"p": s}, errors.Join(fmt.Errorf("with %v", s))}
	var printed []string
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%T"} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
		printed = append(printed, fmt.Sprint(v), fmt.Sprintln(v))
		if b, err := json.Marshal(v); err == nil {
			printed = append(printed, string(b))
		}
		if b, err := xml.Marshal(v); err == nil {
			printed = append(printed, string(b))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v, "s", s)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v, "s", s)
		printed = append(printed, log.String())
	}
	hexed := fmt.Sprintf("%x", text)
	for _, p := range printed {
		if strings.Contains(p, text) || strings.Contains(strings.ToLower(p), hexed) {
			t.Errorf("printed %q; want no secret in it", p)
		}
	}
	for _, p := range []string{s.String(), s.GoString(), fmt.Sprint(s), s.LogValue().String()} {
		if p != "[redacted]" {
			t.Errorf("printed %q; want [redacted]", p)
		}
	}
	if b, err := json.Marshal(visible{s}); err != nil || string(b) != `{"Password":"[redacted]"}` {
		t.Errorf("json.Marshal() = %s, %v; want it redacted", b, err)
	}
	if b, err := s.MarshalText(); err != nil || string(b) != "[redacted]" {
		t.Errorf("MarshalText() = %q, %v; want it redacted", b, err)
	}
}

func TestSecretReveals(t *testing.T) {
	var zero Secret
	for _, test := range []struct {
		s     Secret
		want  string
		empty bool
	}{
		{NewSecret("hunter2"), "hunter2", false},
		{NewSecret(""), "", true},
		{zero, "", true},
	} {
		if got, empty := test.s.Reveal(), test.s.Empty(); got != test.want || empty != test.empty {
			t.Errorf("Reveal() = %q, Empty() = %v; want %q, %v", got, empty, test.want, test.empty)
		}
	}
	if got := zero.String(); got != "[redacted]" {
		t.Errorf("String() of an empty secret = %q; want [redacted], which does not tell", got)
	}
}
