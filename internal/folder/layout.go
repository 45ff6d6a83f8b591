package folder

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidemark-data/tidemark"
)

const (
	logRoot = "_tidemark"

	// tableRoot begins with an underscore, as no name of a pipeline does.
	tableRoot = logRoot + "/_tables"
)

// logPrefix is where a pipeline's log lies.
func logPrefix(p tidemark.PipelineID) string { return logRoot + "/" + string(p) + "/" }

// recordKey is the key of a commit. Its first put is the commit.
func recordKey(p tidemark.PipelineID, seq int64) string {
	return fmt.Sprintf("%s%020d.json", logPrefix(p), seq)
}

// newestKey is the key of the hint.
func newestKey(p tidemark.PipelineID) string { return logPrefix(p) + "newest" }

var recordForm = regexp.MustCompile(`^[0-9]{20}\.json$`)

// recordSeq returns the number of the commit that lies under key; false for other objects.
func recordSeq(key string) (int64, bool) {
	name := path.Base(key)
	if !recordForm.MatchString(name) {
		return 0, false
	}
	seq, err := strconv.ParseInt(strings.TrimSuffix(name, ".json"), 10, 64)
	return seq, err == nil
}

// dataPrefix is the folder of a table.
func dataPrefix(t tidemark.TableID) string { return t.Namespace + "/" + t.Name + "/" }

// dataKey is the key of the n-th file of a run. The run makes it unique.
func dataKey(t tidemark.TableID, partition string, seq int64, run tidemark.RunID, n int64) string {
	return path.Join(dataPrefix(t), partition, fmt.Sprintf("%08d-%s-%d.parquet", seq, run, n))
}

// visible reports whether readers that list a folder read an object. Names that begin with '_' or '.' are hidden.
func visible(t tidemark.TableID, key string) bool {
	for name := range strings.SplitSeq(strings.TrimPrefix(key, dataPrefix(t)), "/") {
		if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
			return false
		}
	}
	return true
}

func tablePrefix(t tidemark.TableID) string {
	return tableRoot + "/" + t.Namespace + "/" + t.Name + "/"
}

func tableKey(t tidemark.TableID, version int) string {
	return fmt.Sprintf("%s%06d.json", tablePrefix(t), version)
}
