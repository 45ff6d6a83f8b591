package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/mysql"
	"github.com/tidemark-data/tidemark/run"
)

// status says in one word how a step of check went.
func status(f run.Finding) string {
	switch {
	case f.Err == nil:
		return "ok"
	case f.Optional:
		return "warning"
	default:
		return "failed"
	}
}

// findingText is a finding for people: one line, and one more for the hint.
func findingText(f run.Finding) string {
	detail := f.Detail
	var advice []string
	if f.Err != nil {
		detail, advice = message(f.Err), hints(f.Err)
	}
	line := fmt.Sprintf("%-7s  %s · %s", status(f), f.Subject, f.Step)
	if detail != "" {
		line += " · " + detail
	}
	for _, hint := range advice {
		line += "\n         " + hint
	}
	return line + "\n"
}

// findingJSON is a finding as JSON has it.
type findingJSON struct {
	Subject string `json:"subject"`
	Step    string `json:"step"`
	Status  string `json:"status"` // ok, warning or failed
	Detail  string `json:"detail,omitempty"`
	failure
}

// A grant is what the user of a connection must be allowed.
type grant struct {
	Connection string   `json:"connection"`
	Statements []string `json:"statements"`
}

// grants returns the statements for each MySQL connection that pipelines use. They need no server.
func grants(cfg *config.Config) []grant {
	users := map[string]*mysqlUse{}
	use := func(connection string) *mysqlUse {
		if users[connection] == nil {
			users[connection] = new(mysqlUse)
		}
		return users[connection]
	}
	for _, p := range cfg.Pipelines {
		u := use(p.Source)
		u.tables = append(u.tables, p.Table)
		if p.SettleOn != "" {
			use(p.SettleOn)
		}
		if p.Watermarks != nil {
			use(p.Watermarks.Connection).fetches(p.Watermarks)
		}
	}
	for _, g := range cfg.Groups {
		for _, pattern := range g.Tables {
			u := use(g.Source)
			u.databases = append(u.databases, pattern.Databases())
		}
		if w := g.Watermarks(); w != nil {
			use(w.Connection).fetches(w)
		}
	}
	var list []grant
	for name, u := range users {
		if m, ok := cfg.Connections[name].(*config.MySQL); ok {
			list = append(list, grant{name, u.statements(m)})
		}
	}
	slices.SortFunc(list, func(a, b grant) int { return strings.Compare(a.Connection, b.Connection) })
	return list
}

// mysqlUse is what pipelines read over a connection, and what they write.
type mysqlUse struct {
	tables    []tidemark.TableName
	databases []string // patterns, as GRANT has them
	written   []tidemark.TableName
}

// fetches notes a table of watermarks.
func (u *mysqlUse) fetches(w *config.WatermarkTable) {
	list := &u.tables
	if w.Inserts {
		list = &u.written
	}
	if !slices.Contains(*list, w.Table) {
		*list = append(*list, w.Table)
	}
}

func (u *mysqlUse) statements(m *config.MySQL) []string {
	user := "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(m.User) + "'@'%'"
	create := "CREATE USER " + user + " IDENTIFIED BY '…' REQUIRE SSL;"
	if m.Auth == config.AuthIAM {
		create = "CREATE USER " + user + " IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL;"
	}
	list := []string{create}
	slices.Sort(u.databases)
	for _, database := range slices.Compact(u.databases) {
		list = append(list, "GRANT SELECT ON `"+strings.ReplaceAll(database, "`", "``")+"`.* TO "+user+";")
	}
	for _, t := range u.written {
		list = append(list, "GRANT SELECT, INSERT ON `"+strings.ReplaceAll(t.Database, "`", "``")+"`.`"+strings.ReplaceAll(t.Name, "`", "``")+"` TO "+user+";")
	}
	if len(u.written) > 0 && len(u.tables)+len(u.databases) == 0 {
		return list // it reads no source
	}
	return append(list, mysql.Grants(m.User, u.tables)...)
}
