package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// An answer is what a query took, and what the same statement took that the DuckDB library ran over the same data files.
type answer struct{ ours, library sample }

// query measures a grouped sum over a lake that has just been loaded, as often as there are rounds, by turns.
func (b *bench) query(ctx context.Context, l lake) (answer, error) {
	if l.steps != "" {
		return answer{}, nil
	}
	files, err := dataFiles(l.folder)
	if err != nil {
		return answer{}, err
	}
	program, err := os.Executable()
	if err != nil {
		return answer{}, err
	}
	statement := fmt.Sprintf("SELECT %[1]s, SUM(%[2]s) FROM %%s GROUP BY %[1]s ORDER BY 1", b.table.group, b.table.sum)
	var ours, library []sample
	for range b.rounds {
		cmd := command(ctx, b.tidemark, "query", "-c", b.configPath(l), fmt.Sprintf(statement, "bench."+b.table.name))
		cmd.Env = append(os.Environ(), "MYSQL_PWD="+b.db.password, "XDG_CACHE_HOME="+filepath.Join(b.dir, "cache"))
		s, err := measure(cmd)
		if err != nil {
			return answer{}, fmt.Errorf("query of %s in %s: %w", b.table.name, l.name, err)
		}
		progress("%-28s %s", b.table.name+" "+l.name+" query", s)
		ours = append(ours, s)
		if s, err = measure(command(ctx, program, "-library", fmt.Sprintf(statement, "read_parquet(["+files+"])"))); err != nil {
			return answer{}, err
		}
		progress("%-28s %s", b.table.name+" "+l.name+" library", s)
		library = append(library, s)
	}
	return answer{median(ours), median(library)}, nil
}

// dataFiles returns the Parquet files below a folder as a list of SQL.
func dataFiles(folder string) (string, error) {
	var list []string
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ".parquet") {
			list = append(list, duckdb.Literal(path))
		}
		return err
	})
	return strings.Join(list, ", "), err
}

// ask answers a statement with the library as it is, and prints the rows.
func ask(ctx context.Context, statement string) error {
	db, err := duckdb.Open(ctx, duckdb.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(ctx, &duckdb.Statement{SQL: statement})
	if err != nil {
		return err
	}
	defer rows.Close()
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		fmt.Println(row)
	}
	return nil
}
