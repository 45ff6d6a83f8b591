package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-data/tidemark/internal/testenv"
)

const exportedPipelines = `
defaults:
  source: {connection: shop, cursor: [nosuch, seen]}
  target: {connection: lake, deletes: keep}
pipelines:
  whole:
    source: {table: DB.items, where: "note <> 'never'", columns: [id, customer, price, note, seen], splits: 2}
    transforms:
      - change_schema: {price: {type: double}, note: {drop: true}, id: {rename: item_id}}
        order: [item_id]
      - name: country
        sql: |
          SELECT *, (SELECT "country" FROM customers c WHERE c.id = r.customer) AS country,
            seen >= watermark() AS fresh FROM rows r
        lookups: {customers: {connection: shop, table: DB.customers}}
    checks:
      - {not_null: [item_id]}
      - {accepted_values: {column: country, values: [DE, FR]}, on_fail: warn}
      - {range: {column: price, min: 0, max: 1000}}
      - {row_count: {max: 100}}
    target: {table: shop.whole, mode: merge, key: [item_id], partition_by: [month(seen), "bucket(2, item_id)"]}
  folder:
    source: {table: DB.items}
    target: {table: shop.folder, format: parquet, partition_by: customer, file_size: 1MiB}
  shop:
    source: {tables: ["DB.it*"]}
    target: {table: "lake.{table}"}
  called:
    source: {table: DB.items}
    transforms: [{go: mask}]
    target: {table: shop.called}
`

// TestExportedPrograms builds the programs that export prints, as another module does, and runs them in turns with the binary:
// they go on from the same watermark, and what they load is the same.
func TestExportedPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("links several programs")
	}
	server := testenv.MySQL(t)
	database := server.NewDatabase(t)
	server.Exec(t, "USE "+database,
		"CREATE TABLE customers (id INT PRIMARY KEY, country VARCHAR(2))",
		"CREATE TABLE items (id INT PRIMARY KEY, customer INT NOT NULL, price DECIMAL(8,2) NOT NULL, note VARCHAR(20) NOT NULL, seen DATETIME(6) NOT NULL, KEY (seen))",
		"INSERT INTO customers VALUES (1, 'DE'), (2, 'FR')",
		"INSERT INTO items VALUES (1, 1, 1.5, 'a', '2024-01-01'), (2, 2, 2.5, 'b', '2024-02-01'), (3, 1, 3.5, 'c', '2024-02-02')")
	user := strings.Replace(database, "tide_", "export_", 1) // whose password is in no other word
	server.Exec(t, "CREATE USER "+user+"@'%' IDENTIFIED BY '"+canary+"'", "GRANT SELECT ON "+database+".* TO "+user+"@'%'")
	t.Cleanup(func() { server.Exec(t, "DROP USER "+user+"@'%'") })
	dir := t.TempDir()
	writeText(t, filepath.Join(dir, "tidemark.yaml"), fmt.Sprintf(`connections:
  shop: {type: mysql, url: "mysql://%s@%s/%s", password: "${env:EXPORT_PASSWORD}"}
  lake: {type: file, path: lake}
`, user, server.Addr(), database)+strings.ReplaceAll(exportedPipelines, "DB", database))
	binary := buildBinary(t)
	start := func(command string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), command, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "EXPORT_PASSWORD="+canary)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", command, args, err, out)
		}
		return string(out)
	}
	programs := map[string]string{"whole": "shop.whole", "folder": "shop.folder", "shop.items": "lake.items"}
	module := otherModule(t)
	for name := range programs {
		text := start(binary, "export", "--go", name)
		if strings.Contains(text, canary) {
			t.Fatal("the program holds the password")
		}
		if err := os.Mkdir(filepath.Join(module, name), 0o700); err != nil {
			t.Fatal(err)
		}
		writeText(t, filepath.Join(module, name, "main.go"), text)
	}
	if err := os.Mkdir(filepath.Join(module, "load"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(binary, "export", "--go", "called", "--package", "load", "-o", filepath.Join(module, "load", "load.go"))
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", filepath.Join(module, "bin")+"/", "./...")
	build.Dir = module
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the printed programs do not build: %v\n%s", err, out)
	}
	for name, table := range programs {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(module, "bin", name)
			turn := func(who, want string, command string, args ...string) {
				t.Helper()
				if out := start(command, args...); !strings.Contains(out, want) {
					t.Errorf("%s prints %q and not %q", who, out, want)
				}
			}
			turn("the program", name+": 3 new rows, commit 1", program)
			turn("the binary", "0 new rows", binary, "run", name)
			server.Exec(t, "USE "+database, "INSERT INTO items SELECT MAX(id) + 1, 2, 9, 'd', MAX(seen) + INTERVAL 1 DAY FROM items")
			turn("the binary", "1 new", binary, "run", name)
			turn("the program", name+": 0 new rows, commit 2", program)
			count := fmt.Sprintf("SELECT count(*) AS n, max(seen) AS newest FROM %s", table)
			turn("the lake", "4,2024-02-03 00:00:00", binary, "query", "--format", "csv", count)
			server.Exec(t, "USE "+database, "DELETE FROM items WHERE id > 3")
		})
	}
}

// otherModule makes a module that uses this one, with the same versions of everything.
func otherModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n")
	if !found {
		t.Fatal("go.mod has one line")
	}
	writeText(t, filepath.Join(dir, "go.mod"), "module example.com/load\n"+rest+`
require github.com/tidemark-data/tidemark v0.0.0

replace github.com/tidemark-data/tidemark => `+root+"\n")
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, filepath.Join(dir, "go.sum"), string(sums))
	return dir
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
