package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"redisgate/audit"
	"redisgate/metrics"
	"redisgate/proxy"
)

// auditEnd is how long the end of the process waits for the audit log to be written.
const auditEnd = 5 * time.Second

// audit compiles [audit]. It opens nothing.
func (c *compiler) audit() {
	a := c.cfg.Audit
	o := audit.Options{
		Path: a.Path, Stdout: os.Stdout, MaxSize: int64(a.MaxSize), Keep: a.Keep, Queue: a.Queue, Refuse: a.OnFull == "refuse",
		Keys: map[string]audit.Keys{"hash": audit.KeysHash, "plain": audit.KeysPlain}[a.Keys], // others: none
	}
	for _, name := range a.Events {
		if class, ok := audit.ClassByName(name); ok {
			o.Events |= 1 << class
		}
	}
	secret, err := a.ReadSecret()
	if err != nil {
		c.problems = append(c.problems, c.cfg.SecretProblem(err))
	}
	o.Secret = []byte(secret)
	if a.ToFile() {
		c.auditFile(a.Path)
	}
	c.built.audit = o
	if strings.HasPrefix(a.Path, "syslog") && !a.ToFile() {
		c.auditSyslog()
	}
}

// auditFile looks whether the file can be there, without making it.
func (c *compiler) auditFile(path string) {
	dir, err := os.Stat(filepath.Dir(path))
	switch {
	case err != nil:
		c.add("audit.path", pathText(err), "make its directory; the user that redisgate runs as must be able to write there")
		return
	case !dir.IsDir():
		c.add("audit.path", filepath.Dir(path)+" is not a directory", "name a file in a directory that exists")
		return
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		c.add("audit.path", path+" is not a regular file", `name a file, or write "-" for standard output`)
	case err == nil:
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			c.add("audit.path", pathText(err), auditOwner)
			return
		}
		f.Close()
	case syscall.Access(filepath.Dir(path), mayWrite) != nil:
		c.add("audit.path", filepath.Dir(path)+" cannot be written to", auditOwner)
	}
}

const mayWrite = 2 // W_OK of access(2)

const auditOwner = "the user that redisgate runs as must be able to write there"

// auditSyslog looks whether there is a syslog.
func (c *compiler) auditSyslog() {
	if err := audit.Try(c.built.audit); err != nil {
		c.add("audit.path", err.Error(), `is there a syslog? Name its socket as "syslog:///PATH", or a file`)
	}
}

// pathText is an error of a file without the name of the call.
func pathText(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Path + ": " + pe.Err.Error()
	}
	return err.Error()
}

// auditor gives the server the audit log.
type auditor struct{ *audit.Trail }

func (a auditor) Recorder() proxy.AuditRecorder { return auditRecorder{a.Trail.Recorder()} }

type auditRecorder struct{ *audit.Recorder }

// Record hands an event on; both types are the same, field by field.
func (r auditRecorder) Record(e *proxy.AuditEvent) bool { return r.Recorder.Record((*audit.Event)(e)) }

// auditLog is the audit log of a gate, and what the gate itself has to tell there.
type auditLog struct {
	*audit.Trail
	own *audit.Recorder
}

func newAuditLog(o audit.Options, log *slog.Logger) (*auditLog, error) {
	o.Log = log
	t, err := audit.New(o)
	if err != nil {
		return nil, err
	}
	return &auditLog{t, t.Recorder()}, nil
}

// config records what has become of the configuration: "started", "stopped", "reloaded"
// or "failed". reason may be empty and must not hold secrets; generation counts the
// configurations that were in force, from 1.
func (a *auditLog) config(verdict, reason string, generation uint64) {
	if a.Wants()&(1<<audit.Config) != 0 {
		a.own.Record(&audit.Event{Class: audit.Config, Verdict: verdict, Reason: reason, Generation: generation, Duration: -1})
	}
}

// reconfigureAudit puts the [audit] of another configuration in force, or leaves all as
// it is.
func (g *gate) reconfigureAudit(o audit.Options) error {
	o.Log = g.log
	if err := g.audit.Reconfigure(o); err != nil {
		return err
	}
	g.server.AuditChanged()
	return nil
}

// auditDrops shows what the audit log has lost. Each class has a series from the start:
// increase() does not see the step from no series to 1.
func auditDrops(dropped [audit.Classes]uint64) []metrics.AuditDrop {
	var out []metrics.AuditDrop
	for class, n := range dropped {
		out = append(out, metrics.AuditDrop{Class: audit.ClassName(uint8(class)), Count: n})
	}
	return out
}
