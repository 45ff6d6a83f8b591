package duckdb

/*
#include <stdint.h>
#include <stdlib.h>

void tidemark_scan_bind(void *);
void tidemark_scan_init(void *);
void tidemark_scan_fill(void *, void *);
void tidemark_scan_forget(void *);
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// What DuckDB calls while it binds and runs a statement, on its own threads. A scan is known to it by the handle in a
// few bytes of C memory, since C must not keep a pointer into Go's.

// export makes a function of DuckDB that yields the rows of a feed, in the order in which they come.
func (f *feed) export(conn bindings.Connection) error {
	handle := (*cgo.Handle)(C.malloc(C.size_t(unsafe.Sizeof(cgo.Handle(0)))))
	*handle = cgo.NewHandle(f)
	function := bindings.CreateTableFunction()
	defer bindings.DestroyTableFunction(&function)
	bindings.TableFunctionSetName(function, f.function)
	bindings.TableFunctionSetExtraInfo(function, unsafe.Pointer(handle), C.tidemark_scan_forget)
	bindings.TableFunctionSetBind(function, C.tidemark_scan_bind)
	bindings.TableFunctionSetInit(function, C.tidemark_scan_init)
	bindings.TableFunctionSetFunction(function, C.tidemark_scan_fill)
	bindings.TableFunctionSupportsProjectionPushdown(function, true)
	if bindings.RegisterTableFunction(conn, function) == bindings.StateError {
		return errNoFunction
	}
	return nil
}

func feedOf(extra unsafe.Pointer) *feed {
	return (*(*cgo.Handle)(extra)).Value().(*feed)
}

//export tidemark_scan_forget
func tidemark_scan_forget(extra unsafe.Pointer) {
	(*(*cgo.Handle)(extra)).Delete()
	C.free(extra)
}

//export tidemark_scan_bind
func tidemark_scan_bind(p unsafe.Pointer) {
	info := bindings.BindInfo{Ptr: p}
	f := feedOf(bindings.BindGetExtraInfo(info))
	for i, c := range f.columns {
		typ := c.logical()
		bindings.BindAddResultColumn(info, f.schema.Field(i).Name, typ)
		bindings.DestroyLogicalType(&typ)
	}
	// More than any table beside it has, so that a join builds its hash table of the other and lets these rows pass.
	bindings.BindSetCardinality(info, 1<<40, false)
}

//export tidemark_scan_init
func tidemark_scan_init(p unsafe.Pointer) {
	info := bindings.InitInfo{Ptr: p}
	f := feedOf(bindings.InitGetExtraInfo(info))
	wanted := make([]int, bindings.InitGetColumnCount(info))
	for i := range wanted {
		wanted[i] = -1
		// COUNT(*) asks for a column that is none.
		if c := bindings.InitGetColumnIndex(info, bindings.IdxT(i)); c < bindings.IdxT(len(f.columns)) {
			wanted[i] = int(c)
		}
	}
	if err := f.open(wanted); err != nil {
		bindings.InitSetError(info, err.Error())
	}
	bindings.InitSetMaxThreads(info, 1) // the order of the rows is kept
}

//export tidemark_scan_fill
func tidemark_scan_fill(p, out unsafe.Pointer) {
	info := bindings.FunctionInfo{Ptr: p}
	chunk := bindings.DataChunk{Ptr: out}
	n, err := feedOf(bindings.FunctionGetExtraInfo(info)).fill(chunk)
	if err != nil {
		bindings.FunctionSetError(info, err.Error())
		n = 0
	}
	bindings.DataChunkSetSize(chunk, bindings.IdxT(n))
}
