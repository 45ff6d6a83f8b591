package mysql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/tidemark-data/tidemark"
)

// A Step is one thing that had to work for a connection to be of use, in the order in which they build on each other.
type Step struct {
	Name     string // "dns", "tcp", "tls", "login", "session", "select shop.orders", "process", …
	Detail   string // what was found
	Err      error  // why it does not work, with a hint on what to do; nil when it does
	Optional bool   // the pipeline runs without it, with less comfort: Err says with which
}

// Diagnose tries one thing after the other and stops at the first that the rest cannot do without. tables are those that
// the pipelines of this connection read.
func Diagnose(ctx context.Context, config Config, tables []tidemark.TableName) []Step {
	var steps []Step
	if err := config.validate(); err != nil {
		return []Step{{Name: "config", Err: err}}
	}
	reach, ok := diagnoseReach(ctx, config)
	if steps = append(steps, reach...); !ok {
		return steps
	}
	c, err := connect(ctx, config)
	steps = append(steps, stepsOfLogin(config, c, err)...)
	if err != nil {
		return steps
	}
	defer c.close()
	for _, table := range tables {
		steps = append(steps, diagnoseTable(ctx, c, table))
	}
	if c.server.family == familyDolt {
		return steps
	}
	return append(steps, diagnoseProcess(ctx, c), diagnosePerformanceSchema(ctx, c))
}

// diagnoseReach looks the host up and opens a connection.
func diagnoseReach(ctx context.Context, config Config) ([]Step, bool) {
	ctx, cancel := context.WithTimeoutCause(ctx, config.timeout(), fmt.Errorf("no answer within %s: %w", config.timeout(), tidemark.ErrTransient))
	defer cancel()
	var steps []Step
	if config.Socket == "" && net.ParseIP(config.Host) == nil {
		addresses, err := net.DefaultResolver.LookupHost(ctx, config.Host)
		if err != nil {
			return append(steps, Step{Name: "dns", Err: config.explainDial(orCanceled(ctx, err))}), false
		}
		steps = append(steps, Step{Name: "dns", Detail: config.Host + " is " + strings.Join(addresses, ", ")})
	}
	raw, err := config.dial(ctx)
	if err != nil {
		return append(steps, Step{Name: "tcp", Err: config.explainDial(orCanceled(ctx, err))}), false
	}
	_ = raw.Close()
	return append(steps, Step{Name: "tcp", Detail: config.Address() + " listens"}), true
}

// stepsOfLogin tells from the outcome of connect how far it came.
func stepsOfLogin(config Config, c *conn, err error) []Step {
	encryption := Step{Name: "tls", Detail: string(config.tlsMode())}
	var failed *tlsFailure
	if errors.As(err, &failed) {
		encryption.Err = err
		return []Step{encryption}
	}
	login := Step{Name: "login", Detail: "as " + config.User}
	var session *sessionFailure
	switch {
	case errors.As(err, &session):
		return []Step{encryption, login, {Name: "session", Err: err}}
	case err != nil:
		login.Err = err
		return []Step{encryption, login}
	}
	return []Step{encryption, login, {Name: "session", Detail: fmt.Sprintf("%s %s, %d variables set and read back",
		c.server.family, c.server.version, len(c.server.settings(false)))}}
}

func diagnoseTable(ctx context.Context, c *conn, table tidemark.TableName) Step {
	step := Step{Name: "select " + table.String()}
	if _, err := c.query(ctx, "SELECT 1 FROM "+identTable(table)+" LIMIT 0"); err != nil {
		step.Err = missingTable(ctx, c, table)
		if step.Err == nil {
			step.Err = err
		}
		return step
	}
	step.Detail = "granted"
	return step
}

func diagnoseProcess(ctx context.Context, c *conn) Step {
	step := Step{Name: "process", Detail: "granted: open transactions of others are seen", Optional: true}
	if _, err := c.query(ctx, "SELECT COUNT(*) FROM information_schema.INNODB_TRX"); err != nil {
		step.Err = tidemark.WithHint(fmt.Errorf("open transactions of others cannot be seen, so that only rows older than the configured lateness are settled: %w", err),
			"GRANT PROCESS ON *.* TO the connection's user")
	}
	return step
}

func diagnosePerformanceSchema(ctx context.Context, c *conn) Step {
	step := Step{Name: "performance_schema", Detail: "readable: the start of each open transaction is seen", Optional: true}
	row, err := c.queryRow(ctx, "SELECT @@performance_schema")
	switch {
	case err != nil:
		step.Err = err
	case row[0].text != "1" && row[0].text != "ON":
		step.Err = tidemark.WithHint(fmt.Errorf("performance_schema is off, so that a long transaction holds the settled bound back until it ends: %w", tidemark.ErrNotFound),
			"set performance_schema = ON in the server's configuration (RDS: in the parameter group) and restart it")
	default:
		if _, err := c.query(ctx, "SELECT COUNT(*) FROM performance_schema.events_statements_current"); err != nil {
			step.Err = tidemark.WithHint(err, "GRANT SELECT ON performance_schema.* TO the connection's user")
		}
	}
	return step
}

// Grants returns the statements that give a user all that the source makes use of, and nothing that writes. The
// user is named for any host.
func Grants(user string, tables []tidemark.TableName) []string {
	name := "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(user) + "'@'%'"
	var grants []string
	for _, t := range tables {
		grants = append(grants, "GRANT SELECT ON "+identTable(t)+" TO "+name+";")
	}
	return append(grants,
		"GRANT PROCESS ON *.* TO "+name+"; -- to see open transactions; it also shows the statements of others",
		"GRANT SELECT ON performance_schema.* TO "+name+"; -- to see when they began",
		"GRANT REPLICATION CLIENT ON *.* TO "+name+"; -- to see whether a server is a replica",
	)
}
