package shell

// starters are the words that a statement begins with.
var starters = []string{"DESCRIBE", "FROM", "SELECT", "SUMMARIZE", "VALUES", "WITH"}

// keywords are the words that completion knows beside the starters.
var keywords = []string{
	"ALL", "AND", "ANTI", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "CROSS", "DESC", "DISTINCT", "ELSE", "END",
	"EXCEPT", "EXCLUDE", "EXISTS", "FALSE", "FILTER", "FIRST", "FOR", "FULL", "GROUP", "HAVING", "ILIKE", "IN", "INNER", "INTERSECT",
	"INTERVAL", "IS", "JOIN", "LAST", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "NULLS", "OF", "OFFSET", "ON", "OR", "ORDER",
	"OUTER", "OVER", "PARTITION", "QUALIFY", "RECURSIVE", "REPLACE", "RIGHT", "ROWS", "SEMI", "THEN", "TIMESTAMP", "TRUE",
	"UNION", "USING", "VERSION", "WHEN", "WHERE", "WINDOW",
}

// reserved are the words that are no names without quotes.
var reserved = []string{
	"ALL", "ANALYSE", "ANALYZE", "AND", "ANY", "ARRAY", "AS", "ASC", "ASYMMETRIC", "BOTH", "CASE", "CAST", "CHECK", "COLLATE",
	"COLUMN", "CONSTRAINT", "CREATE", "DEFAULT", "DEFERRABLE", "DESC", "DESCRIBE", "DISTINCT", "DO", "ELSE", "END", "EXCEPT",
	"FALSE", "FETCH", "FOR", "FOREIGN", "FROM", "GROUP", "HAVING", "IN", "INITIALLY", "INTERSECT", "INTO", "LAMBDA",
	"LATERAL", "LEADING", "LIMIT", "NOT", "NULL", "OFFSET", "ON", "ONLY", "OR", "ORDER", "PIVOT", "PLACING", "PRIMARY",
	"QUALIFY", "REFERENCES", "RETURNING", "SELECT", "SHOW", "SOME", "SUMMARIZE", "SYMMETRIC", "TABLE", "THEN", "TO",
	"TRAILING", "TRUE", "UNION", "UNIQUE", "UNPIVOT", "USING", "VARIADIC", "WHEN", "WHERE", "WINDOW", "WITH",
}

// functions are those that are called most.
var functions = []string{
	"abs", "any_value", "approx_count_distinct", "arg_max", "arg_min", "avg", "ceil", "coalesce", "concat", "contains", "count", "date_diff",
	"date_part", "date_trunc", "dense_rank", "epoch", "extract", "floor", "generate_series", "greatest", "lag", "lead", "least",
	"length", "list", "lower", "max", "median", "min", "nullif", "quantile_cont", "range", "rank", "regexp_extract",
	"regexp_matches", "regexp_replace", "replace", "round", "row_number", "split_part", "stddev", "strftime", "string_agg",
	"strptime", "substring", "sum", "trim", "try_cast", "unnest", "upper", "year",
}
