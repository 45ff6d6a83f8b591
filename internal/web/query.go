package web

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/run"
)

// A column is one of a result.
type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// A queryBody is a query, with its limits.
type queryBody struct {
	SQL     string `json:"sql" minLength:"1" maxLength:"1000000" doc:"one SELECT over the tables of the lake, as the command query takes it"`
	Lake    string `json:"lake,omitempty" maxLength:"300" doc:"the connection to ask; none: the only lake that there is"`
	Limit   int    `json:"limit,omitempty" minimum:"1" maximum:"1000000" default:"10000" doc:"rows at most"`
	Seconds int    `json:"timeout_seconds,omitempty" minimum:"1" maximum:"3600" default:"60" doc:"until the last row"`
	Text    bool   `json:"as_text,omitempty" doc:"all values as texts, so that a client without 64-bit numbers and decimals loses no digits"`
}

type queryRequest struct{ Body queryBody }

type queryAnswer struct {
	Body struct {
		Columns   []column `json:"columns"`
		Rows      [][]any  `json:"rows"`
		Truncated bool     `json:"truncated" doc:"there are more rows"`
		Took      int64    `json:"took_ns"`
		Files     int      `json:"files_read"`
		Of        int      `json:"files" doc:"of the tables that the statement names"`
		Bytes     int64    `json:"bytes_read"`
		OfBytes   int64    `json:"bytes"`
		Fetched   int64    `json:"bytes_fetched" doc:"from a bucket, and not from the cache"`
	}
}

const (
	// queryMemory is what one query of the API may take.
	queryMemory = 512 << 20

	// answerBytes bounds an answer in JSON, which is made whole before it is sent.
	answerBytes = 32 << 20
)

const (
	arrowStream = "application/vnd.apache.arrow.stream"
	parquetFile = "application/vnd.apache.parquet"
)

func (a *answers) query(api huma.API) {
	huma.Register(api, quiet(operation(tidemark.RoleViewer, http.MethodPost, "/query", "query", "query", "Answer a SELECT over the lake")), a.answerQuery)
	stream := quiet(operation(tidemark.RoleViewer, http.MethodPost, "/query/arrow", "query-arrow", "query", "Answer a SELECT over the lake as a stream of Arrow's IPC format"))
	stream.Responses = map[string]*huma.Response{"200": {Description: "the rows; a stream that ends without its end mark is not whole", Content: map[string]*huma.MediaType{arrowStream: {}}}}
	huma.Register(api, stream, a.streamQuery)
	file := quiet(operation(tidemark.RoleViewer, http.MethodPost, "/query/parquet", "query-parquet", "query", "Answer a SELECT over the lake as a Parquet file"))
	file.Responses = map[string]*huma.Response{"200": {Description: "the rows; a file that is cut off has no footer, and is refused by whoever reads it", Content: map[string]*huma.MediaType{parquetFile: {}}}}
	huma.Register(api, file, a.parquetQuery)
}

func (b queryBody) options() run.QueryOptions {
	return run.QueryOptions{Lake: b.Lake, Memory: queryMemory, Timeout: time.Duration(b.Seconds) * time.Second}
}

func (a *answers) answerQuery(ctx context.Context, q *queryRequest) (*queryAnswer, error) {
	began := time.Now()
	return using(ctx, a, a.queries, func(r *run.Runner) (*queryAnswer, error) {
		result, err := r.QueryWith(ctx, q.Body.SQL, q.Body.options())
		if err != nil {
			return nil, err
		}
		defer result.Close()
		answer := new(queryAnswer)
		body := &answer.Body
		body.Columns, body.Rows = []column{}, [][]any{}
		for _, c := range result.Columns {
			body.Columns = append(body.Columns, column(c))
		}
		bytes := 0
		for row, err := range result.Rows() {
			if err != nil {
				return nil, err
			}
			if len(body.Rows) == q.Body.Limit || bytes > answerBytes {
				body.Truncated = true
				break
			}
			cells := make([]any, len(row))
			for i, v := range row {
				text := run.Text(v)
				bytes += len(text) + 4
				if cells[i] = v; q.Body.Text && v != nil {
					cells[i] = text
				}
			}
			body.Rows = append(body.Rows, cells)
		}
		body.Took = time.Since(began).Nanoseconds()
		read := result.Read
		body.Files, body.Of, body.Bytes, body.OfBytes, body.Fetched = read.Files, read.Of, read.Bytes, read.OfBytes, read.FetchedBytes
		return answer, nil
	})
}

func (a *answers) streamQuery(ctx context.Context, q *queryRequest) (*huma.StreamResponse, error) {
	return a.stream(ctx, q.Body, arrowStream, writeArrow)
}

func (a *answers) parquetQuery(ctx context.Context, q *queryRequest) (*huma.StreamResponse, error) {
	return a.stream(ctx, q.Body, parquetFile, func(w io.Writer, b *run.QueryBatches, limit int64) error {
		_, err := b.WriteParquet(w, limit)
		return err
	})
}

// stream answers while it reads. What goes wrong before the first batch is a problem; behind it the stream ends without its
// end mark.
func (a *answers) stream(ctx context.Context, q queryBody, kind string, write func(io.Writer, *run.QueryBatches, int64) error) (*huma.StreamResponse, error) {
	leave, err := a.queries.enter(ctx)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	r, done := a.Use()
	batches, err := r.QueryArrow(ctx, q.SQL, q.options())
	if err != nil {
		done()
		leave()
		return nil, a.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(w huma.Context) {
		defer leave()
		defer done()
		defer batches.Close()
		w.SetHeader("Content-Type", kind)
		if err := write(w.BodyWriter(), batches, int64(q.Limit)); err != nil {
			if ctx.Err() == nil {
				a.Log.Warn("query was cut off", "err", err)
			}
			panic(http.ErrAbortHandler) // the client sees that it does not have all
		}
	}}, nil
}

// writeArrow writes batches as a stream of at most so many rows.
func writeArrow(w io.Writer, batches *run.QueryBatches, left int64) error {
	writer := ipc.NewWriter(w, ipc.WithSchema(batches.Schema))
	for batch, err := range batches.All() {
		if err != nil {
			return err
		}
		rows := min(left, batch.NumRows())
		part := batch.NewSlice(0, rows)
		err = writer.Write(part)
		part.Release()
		batch.Release()
		if err != nil {
			return err
		}
		if left -= rows; left == 0 {
			break
		}
	}
	return writer.Close()
}
