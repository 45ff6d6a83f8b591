package main

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

var errCut = errors.New("cut")

// rowsOf yields rows, and then errCut if the last is nil.
func rowsOf(rows ...[]duckdb.Value) iter.Seq2[[]duckdb.Value, error] {
	return func(yield func([]duckdb.Value, error) bool) {
		for _, row := range rows {
			if row == nil {
				yield(nil, errCut)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

var threeColumns = []duckdb.Column{{Name: "status"}, {Name: "n"}, {Name: "n"}}

func TestPrintTable(t *testing.T) {
	var b strings.Builder
	err := printTable(&b, threeColumns, rowsOf(
		[]duckdb.Value{"NEW", duckdb.Number("12345"), nil},
		[]duckdb.Value{"größer\n\x1b[31m", duckdb.Number("7"), "x"},
		[]duckdb.Value{nil, nil, []duckdb.Value{duckdb.Number("1")}},
	))
	want := "status            n  n\n" +
		"NEW           12345  NULL\n" +
		"größer␣␣[31m      7  x\n" +
		"NULL           NULL  [1]\n"
	if diff := cmp.Diff(want, b.String()); diff != "" || err != nil {
		t.Errorf("error %v, table (-want +got):\n%s", err, diff)
	}
}

func TestPrintLongTable(t *testing.T) {
	var rows [][]duckdb.Value
	for i := range 3 * widthRows {
		rows = append(rows, []duckdb.Value{duckdb.Number(fmt.Sprint(i))})
	}
	var b strings.Builder
	if err := printTable(&b, threeColumns[1:2], rowsOf(rows...)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 3*widthRows+2 || lines[0] != "  n" || lines[1] != "  0" || lines[widthRows] != "999" || lines[2*widthRows+1] != "2000" {
		t.Errorf("%d lines, from %q", len(lines), lines[:2])
	}
	b.Reset()
	if err := printTable(&b, threeColumns, rowsOf()); err != nil || b.String() != "status  n  n\n" {
		t.Errorf("no rows: %q, %v", b.String(), err)
	}
	if err := printTable(&b, threeColumns, rowsOf(nil)); !errors.Is(err, errCut) {
		t.Errorf("a cut result: %v", err)
	}
}

func TestPrintObjects(t *testing.T) {
	var b strings.Builder
	err := printObjects(&b, threeColumns, rowsOf([]duckdb.Value{"a\"b", duckdb.Number("1.50"), nil}, nil))
	want := `{"status":"a\"b","n":1.50,"n_2":null}` + "\n"
	if b.String() != want || !errors.Is(err, errCut) {
		t.Errorf("got %q, %v", b.String(), err)
	}
}
