package athena

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// typeName is Athena's name of a column's type.
func typeName(c types.ColumnInfo) string {
	name := aws.ToString(c.Type)
	if name == "decimal" {
		return fmt.Sprintf("decimal(%d,%d)", c.Precision, c.Scale)
	}
	return name
}

// valueOf returns a value as a query over the same column has it. Athena sends all of them as text.
func valueOf(text, typ string) duckdb.Value {
	base, _, _ := strings.Cut(typ, "(")
	switch base {
	case "boolean":
		return text == "true"
	case "tinyint", "smallint", "integer", "bigint", "decimal", "float", "real", "double":
		if number := json.Number(text); json.Valid([]byte(text)) {
			return number
		}
		return strings.ToLower(text) // NaN, Infinity
	case "timestamp":
		return strings.TrimSuffix(text, ".000")
	case "varbinary":
		return strings.ReplaceAll(text, " ", "")
	}
	return text
}
