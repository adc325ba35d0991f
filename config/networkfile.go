package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

const (
	// maxNetworkFile holds some three million networks.
	maxNetworkFile = 64 << 20
	// maxFileProblems is how many are listed of one file: one that is no list at all
	// has one a line.
	maxFileProblems = 1000
)

// ReadNetworks reads the networks of files named at path: one a line, as in the
// configuration itself but without quotes. What follows a '#' or a ';' is a comment.
// The problems are those of all files and lines; then the list is not to be used.
// It may be called again, to see what the files have become.
func (c *Config) ReadNetworks(path string, files []string) (list []string, problems Problems) {
	for i, file := range files {
		data, err := readFile(file, maxNetworkFile)
		if err != nil {
			at := path
			if len(files) > 1 {
				at = fmt.Sprintf("%s[%d]", path, i)
			}
			problems = append(problems, c.NewProblem(at, withoutVerb(err).Error(), networkFileHint(err)))
			continue
		}
		var wrong Problems
		list, wrong = appendNetworks(list, file, data)
		problems = append(problems, wrong...)
	}
	return list, problems
}

func networkFileHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "write one network on each line of it; relative paths start from the configuration file's directory"
	case errors.Is(err, fs.ErrPermission):
		return "the user that redisgate runs as must be able to read it"
	}
	return "name a file with one network on each line"
}

// appendNetworks appends what a file holds.
func appendNetworks(list []string, file string, data []byte) ([]string, Problems) {
	var problems Problems
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if i := bytes.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		text := string(bytes.TrimSpace(line))
		if text == "" {
			continue
		}
		err := checkNetwork(text)
		if err == nil {
			list = append(list, text)
			continue
		}
		if len(problems) == maxFileProblems {
			problems = append(problems, Problem{File: file, Line: number, Text: "and more: these are the first problems of the file"})
			break
		}
		p := problemAt("", err)
		if strings.Trim(text, "0123456789abcdefABCDEF:./") != "" {
			// It is not repeated: the file may be another than was meant, with secrets in it.
			p.Text, p.Hint = "this is not a network", `write one on each line, such as 10.0.0.0/8 or fd00::/8; a comment begins with #`
		}
		p.File, p.Line = file, number
		problems = append(problems, p)
	}
	return list, problems
}
