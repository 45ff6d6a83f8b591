// Package athena sends SQL to Amazon Athena and reads the answer. It only reads: a statement that would change something is
// refused before it is sent. What the tables are called, and which SQL is understood, is Athena's matter.
package athena

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/duckdb"
)

// Options say where and how a statement runs.
type Options struct {
	AWS       aws.Config // with region and credentials
	Workgroup string     // "" for Athena's own default, primary
	Output    string     // s3://BUCKET/PREFIX/ for the result; "" for the workgroup's
	Fallback  string     // the same, where neither Output nor the workgroup names one; ""

	// Pause waits before the state is asked for again; nil waits by the clock. It returns early, with the error, when ctx
	// ends.
	Pause func(ctx context.Context, d time.Duration) error
}

// A Result is the answer to a statement. Its rows are read once.
type Result struct {
	Columns []duckdb.Column // with Athena's names of the types
	ID      string          // of the execution, for Athena's history
	Scanned int64           // bytes that Athena has read, which is what it charges for

	client *athena.Client
	first  *athena.GetQueryResultsOutput
	header bool // the first row has the names of the columns
}

const (
	firstPause = 100 * time.Millisecond // before the state is asked for again; doubled up to
	maxPause   = 2 * time.Second

	stopTimeout = 10 * time.Second // to stop a statement that nobody waits for any more
)

// Run sends one statement and waits until its result is there. When ctx ends first, Athena is told to stop it. A statement
// that is wrong, or more than reading, is tidemark.ErrInvalid, with the place where Athena tells it.
func Run(ctx context.Context, o Options, statement string) (*Result, error) {
	if err := readOnly(statement); err != nil {
		return nil, err
	}
	r := &Result{client: athena.NewFromConfig(o.AWS)}
	if err := r.start(ctx, o, statement); err != nil {
		return nil, err
	}
	if err := r.wait(ctx, o); err != nil {
		r.stop(ctx) // whatever it was: what runs on is charged for
		return nil, err
	}
	var err error
	if r.first, err = r.page(ctx, nil); err != nil {
		return nil, err
	}
	for _, c := range r.first.ResultSet.ResultSetMetadata.ColumnInfo {
		r.Columns = append(r.Columns, duckdb.Column{Name: aws.ToString(c.Name), Type: typeName(c)})
	}
	return r, nil
}

func (r *Result) start(ctx context.Context, o Options, statement string) error {
	request := &athena.StartQueryExecutionInput{QueryString: &statement}
	if o.Workgroup != "" {
		request.WorkGroup = &o.Workgroup
	}
	if o.Output != "" {
		request.ResultConfiguration = &types.ResultConfiguration{OutputLocation: &o.Output}
	}
	answer, err := r.client.StartQueryExecution(ctx, request)
	if o.Output == "" && o.Fallback != "" && wantsOutput(err) {
		request.ResultConfiguration = &types.ResultConfiguration{OutputLocation: &o.Fallback}
		request.ClientRequestToken = nil // another request
		answer, err = r.client.StartQueryExecution(ctx, request)
	}
	if err != nil {
		return fail(ctx, "start the query", "athena:StartQueryExecution", err)
	}
	r.ID = aws.ToString(answer.QueryExecutionId)
	return nil
}

// wait returns when the statement has succeeded.
func (r *Result) wait(ctx context.Context, o Options) error {
	wait := o.Pause
	if wait == nil {
		wait = sleep
	}
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		answer, err := r.client.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: &r.ID})
		if err != nil {
			return fail(ctx, "look after query "+r.ID, "athena:GetQueryExecution", err)
		}
		e := answer.QueryExecution
		if e == nil || e.Status == nil {
			return fmt.Errorf("look after query %s: Athena tells no state: %w", r.ID, tidemark.ErrTransient)
		}
		switch e.Status.State {
		case types.QueryExecutionStateSucceeded:
			if e.Statistics != nil {
				r.Scanned = aws.ToInt64(e.Statistics.DataScannedInBytes)
			}
			r.header = e.StatementType != types.StatementTypeUtility && e.StatementType != types.StatementTypeDdl
			return nil
		case types.QueryExecutionStateFailed:
			return failed(r.ID, e.Status)
		case types.QueryExecutionStateCancelled:
			return fmt.Errorf("query %s was cancelled in Athena: %w", r.ID, tidemark.ErrTransient)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// stop tells Athena that nobody waits any more. Best effort: the statement ends by itself too.
func (r *Result) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_, _ = r.client.StopQueryExecution(ctx, &athena.StopQueryExecutionInput{QueryExecutionId: &r.ID})
}

func (r *Result) page(ctx context.Context, token *string) (*athena.GetQueryResultsOutput, error) {
	page, err := r.client.GetQueryResults(ctx, &athena.GetQueryResultsInput{QueryExecutionId: &r.ID, NextToken: token})
	if err != nil {
		return nil, fail(ctx, "read the result of query "+r.ID, "athena:GetQueryResults", err)
	}
	if page.ResultSet == nil || page.ResultSet.ResultSetMetadata == nil {
		return nil, fmt.Errorf("read the result of query %s: Athena tells no columns: %w", r.ID, tidemark.ErrTransient)
	}
	return page, nil
}

// Rows yields the rows in order, each with a value per column, page by page, until the first error.
func (r *Result) Rows(ctx context.Context) iter.Seq2[[]duckdb.Value, error] {
	return func(yield func([]duckdb.Value, error) bool) {
		page, header := r.first, r.header
		for {
			for _, row := range page.ResultSet.Rows {
				if header {
					header = false
					continue
				}
				if !yield(r.row(row), nil) {
					return
				}
			}
			if aws.ToString(page.NextToken) == "" {
				return
			}
			var err error
			if page, err = r.page(ctx, page.NextToken); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

func (r *Result) row(row types.Row) []duckdb.Value {
	values := make([]duckdb.Value, len(r.Columns))
	for i, d := range row.Data {
		if i < len(values) && d.VarCharValue != nil {
			values[i] = valueOf(*d.VarCharValue, r.Columns[i].Type)
		}
	}
	return values
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wantsOutput reports whether a statement was refused because nobody says where its result goes.
func wantsOutput(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid) && outputMissing.MatchString(aws.ToString(invalid.Message))
}
