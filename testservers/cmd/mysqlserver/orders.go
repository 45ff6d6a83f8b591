package main

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"
)

// The orders table has the shape of a data set that many tutorials use: 68,883 orders of a shop, each dated with a
// day, from 2013-07-25 to 2014-07-24. One day in between has none, so there are 364 distinct dates. It has no
// primary key, as tables of imported data often have none.
const (
	database  = "retail_db"
	orders    = 68_883
	dates     = 364
	customers = 12_435
	perInsert = 1_000

	createOrders = `CREATE TABLE orders (
  order_id INT,
  order_last_updated DATETIME,
  customer_id INT,
  order_status VARCHAR(25)
)`
)

var (
	firstDay = time.Date(2013, 7, 25, 0, 0, 0, 0, time.UTC)
	emptyDay = time.Date(2014, 3, 9, 0, 0, 0, 0, time.UTC)
)

// statuses are how many of 1,000 orders are in each state; the others are complete.
var statuses = []struct {
	name  string
	share int
}{
	{"PENDING_PAYMENT", 218}, {"PROCESSING", 120}, {"PENDING", 110}, {"CLOSED", 110},
	{"ON_HOLD", 55}, {"SUSPECTED_FRAUD", 23}, {"CANCELED", 21}, {"PAYMENT_REVIEW", 11},
}

// statements yields what makes the table and fills it: always the same rows.
func statements() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(createOrders) {
			return
		}
		random := rand.New(rand.NewPCG(2013, 2014))
		for from := 1; from <= orders; from += perInsert {
			if !yield(insertOrders(random, from, min(from+perInsert, orders+1))) {
				return
			}
		}
	}
}

// insertOrders returns one INSERT of the orders with from <= order_id < end.
func insertOrders(random *rand.Rand, from, end int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO orders VALUES ")
	for id := from; id < end; id++ {
		if id > from {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%d,'%s',%d,'%s')", id, day(id).Format(time.DateTime), 1+random.IntN(customers), status(random.IntN(1000)))
	}
	return b.String()
}

// day returns the date of an order: they are spread evenly, the next order never before the last.
func day(id int) time.Time {
	at := firstDay.AddDate(0, 0, (id-1)*dates/orders)
	if !at.Before(emptyDay) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

// status returns the state that number n of 1,000 orders is in.
func status(n int) string {
	for _, s := range statuses {
		if n -= s.share; n < 0 {
			return s.name
		}
	}
	return "COMPLETE"
}
