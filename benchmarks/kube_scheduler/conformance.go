package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

const longestLine = 1 << 28

// conformance answers each case on standard input with a line on standard output.
func conformance([]string) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), longestLine)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		if err := out.Encode(answer(lines.Bytes())); err != nil {
			return err
		}
	}
	return lines.Err()
}

// answer decides a case; what is wrong with it, or panics, becomes its answer's error.
func answer(line []byte) (found Answer) {
	var question struct {
		Case Case `json:"case"`
	}
	defer func() {
		if reason := recover(); reason != nil {
			found = Answer{ID: question.Case.ID, Error: fmt.Sprintf("panic: %v", reason)}
		}
	}()
	if err := json.Unmarshal(line, &question); err != nil {
		return Answer{ID: question.Case.ID, Error: err.Error()}
	}
	found, err := decide(&question.Case)
	if err != nil {
		return Answer{ID: question.Case.ID, Error: err.Error()}
	}
	return found
}
