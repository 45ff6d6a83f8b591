package duckdb

import (
	"errors"
	"reflect"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// vectorSize is the number of rows that DuckDB works on at once.
var vectorSize = int(bindings.VectorSize())

// handleOf returns DuckDB's own handle of a connection. The driver keeps it to itself and has, without a build tag, no
// function that gives a result before all of it is there; docs/decisions/0014-arrow-without-a-tag.md has the choices.
func handleOf(driverConn any) (bindings.Connection, error) {
	if c, ok := driverConn.(*duckdb.Conn); ok {
		if field := reflect.ValueOf(c).Elem().FieldByName("conn"); field.IsValid() && field.Type() == reflect.TypeFor[bindings.Connection]() {
			return bindings.Connection{Ptr: field.FieldByName("Ptr").UnsafePointer()}, nil
		}
	}
	return bindings.Connection{}, errors.New("this version of the driver keeps its connection elsewhere")
}

// severe are the kinds of error for which a statement is not to blame, as DuckDB begins their messages.
var severe = map[string]duckdb.ErrorType{
	"IO Error": duckdb.ErrorTypeIO, "Out of Memory Error": duckdb.ErrorTypeOutOfMemory, "INTERRUPT Error": duckdb.ErrorTypeInterrupt,
	"INTERNAL Error": duckdb.ErrorTypeInternal, "FATAL Error": duckdb.ErrorTypeFatal,
}

// nativeError returns a message of DuckDB as the driver does.
func nativeError(message string) error {
	kind, _, _ := strings.Cut(message, ": ")
	return &duckdb.Error{Type: severe[kind], Msg: message}
}
