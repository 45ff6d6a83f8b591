package main

import (
	"context"
	"net"
	"strconv"
	"testing"

	"github.com/dolthub/vitess/go/mysql"
)

func TestServer(t *testing.T) {
	s, err := start(t.Context(), "127.0.0.1:0", "demo", "secret")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Start() }()
	defer func() {
		s.Listener.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	if _, err := connect(t.Context(), s.Listener.Addr(), "wrong"); err == nil {
		t.Error("a wrong password was accepted")
	}
	conn, err := connect(t.Context(), s.Listener.Addr(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	for _, c := range []struct{ query, want string }{
		{"SELECT COUNT(*) FROM orders", "68883"},
		{"SELECT CAST(SUM(order_id) AS UNSIGNED) FROM orders", "2372468286"},
		{"SELECT COUNT(DISTINCT order_last_updated) FROM orders", "364"},
		{"SELECT MIN(order_last_updated) FROM orders", "2013-07-25 00:00:00"},
		{"SELECT MAX(order_last_updated) FROM orders", "2014-07-24 00:00:00"},
		{"SELECT COUNT(DISTINCT order_status) FROM orders", "9"},
		{"SELECT COUNT(*) FROM orders WHERE order_id IS NULL OR customer_id NOT BETWEEN 1 AND 12435", "0"},
		{"SELECT customer_id FROM orders WHERE order_id = 1", "5722"}, // the same rows each time
	} {
		result, err := conn.ExecuteFetch(c.query, 1, false)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := result.Rows[0][0].ToString(); got != c.want {
			t.Errorf("%s = %s, want %s", c.query, got, c.want)
		}
	}
}

func connect(ctx context.Context, addr net.Addr, password string) (*mysql.Conn, error) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	return mysql.Connect(ctx, &mysql.ConnParams{Host: host, Port: number, Uname: "demo", Pass: password, DbName: database})
}
