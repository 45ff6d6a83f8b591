package run

import (
	"context"
	"fmt"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/mysql"
)

// source opens the source of a pipeline. The caller closes it.
func (r *Runner) source(ctx context.Context, p config.Pipeline) (*mysql.Source, error) {
	connection, err := r.mysqlConfig(p.Source)
	if err != nil {
		return nil, err
	}
	connection.ZeroDates, connection.Pause = mysql.ZeroDates(p.ZeroDates), r.paceOf(p.Source)
	if p.SettleOn != "" {
		primary, err := r.mysqlConfig(p.SettleOn)
		if err != nil {
			return nil, err
		}
		connection.Primary = &primary
	}
	s, err := mysql.Open(ctx, connection, r.atSource(p), r.log)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", p.Source, err)
	}
	return s, nil
}

// mysqlConfig translates a connection of the config. Its password is looked up for each connection to the server.
func (r *Runner) mysqlConfig(name string) (mysql.Config, error) {
	c, ok := r.cfg.Connections[name].(*config.MySQL)
	if !ok {
		return mysql.Config{}, fmt.Errorf("connection %q is no MySQL server: %w", name, tidemark.ErrInvalid)
	}
	return mysql.Config{
		Host: c.Host, Port: c.Port, Socket: c.Socket, User: c.User, Database: c.Database,
		Password: c.Password.Resolve, Auth: mysql.Auth(c.Auth), Region: c.Region,
		TLS: mysql.TLS{Mode: mysql.TLSMode(c.TLS.Mode), CAFile: c.TLS.CA, ServerName: c.TLS.ServerName},
	}, nil
}

// SourceTables lists the tables of a MySQL connection that match any of the patterns, DATABASE.TABLE with * and ?, or all
// that its user may see. A connection that is not there is ErrNotFound, and one to a lake ErrInvalid.
func (r *Runner) SourceTables(ctx context.Context, connection string, patterns []string) ([]tidemark.TableName, error) {
	if _, ok := r.cfg.Connections[connection]; !ok {
		return nil, fmt.Errorf("connection %q: %w", connection, tidemark.ErrNotFound)
	}
	c, err := r.mysqlConfig(connection)
	if err != nil {
		return nil, err
	}
	if len(patterns) == 0 {
		patterns = []string{"*.*"}
	}
	tables, err := mysql.ListTables(ctx, c, patterns, nil)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", connection, err)
	}
	return tables, nil
}
