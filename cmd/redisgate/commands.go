package main

import (
	"context"
	"log/slog"
	"slices"

	"redisgate/policy/command"
)

// commandLister is Redis's own list of its commands; *upstream.Control is one.
type commandLister interface {
	Commands(ctx context.Context) ([]string, error)
}

// compareCommands logs which of Redis's commands the compiled table lacks. The
// table decides all the same: what it lacks is for users who may do everything.
func compareCommands(redis commandLister, log *slog.Logger) {
	theirs, err := redis.Commands(context.Background())
	if err != nil {
		log.Info("Redis does not list its commands; they are not compared with redisgate's", "error", err)
		return
	}
	if unknown := unknownCommands(theirs); len(unknown) > 0 {
		log.Info("Redis has commands that this redisgate does not know; only users with all commands, keys, channels and databases may use them",
			"commands", unknown)
	}
}

// unknownCommands returns the names that the table lacks, sorted.
func unknownCommands(names []string) []string {
	var unknown []string
	for _, name := range names {
		if command.ByName(name) == nil {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}
