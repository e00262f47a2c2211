package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
)

// openMetrics opens the file for metrics. A run that is resumed after a step, which is then not
// negative, adds to what is there. Lines about later steps, which a killed run has written, are
// removed, and so is an unfinished line. last is the last line that stays, or nil.
func openMetrics(path string, step int) (f *os.File, last []byte, err error) {
	if info, err := os.Stat(path); step < 0 || err == nil && !info.Mode().IsRegular() {
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		return f, nil, err
	}
	if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, nil, err
	}
	end, last, err := endOf(f, step)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, last, nil
}

// endOf is the length of the metrics up to a step, and their last line.
func endOf(metrics io.Reader, step int) (length int64, last []byte, err error) {
	for r := bufio.NewReader(metrics); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // the text before the end is an unfinished line
			return length, last, nil
		}
		if err != nil {
			return 0, nil, err
		}
		var object struct{ Step int }
		if err := json.Unmarshal(line, &object); err == nil && object.Step > step {
			return length, last, nil
		}
		length, last = length+int64(len(line)), line
	}
}
