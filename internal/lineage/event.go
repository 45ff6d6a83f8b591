package lineage

import (
	"encoding/base32"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tidemark-data/tidemark"
)

// Producer is who says so, in events and in their facets.
const Producer = "https://github.com/tidemark-data/tidemark"

// The versions of the specification that the shapes below have.
const (
	spec       = "https://openlineage.io/spec/"
	runEvent   = spec + "2-0-2/OpenLineage.json#/$defs/RunEvent"
	jobTypeOf  = spec + "facets/2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"
	engineOf   = spec + "facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet"
	nominalOf  = spec + "facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet"
	errorOf    = spec + "facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
	schemaOf   = spec + "facets/1-1-1/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
	readOf     = spec + "facets/1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet"
	writtenOf  = spec + "facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
	maxMessage = 4000 // bytes of an error
)

// An eventType is a moment of a run.
type eventType string

const (
	start    eventType = "START"
	complete eventType = "COMPLETE"
	fail     eventType = "FAIL"
	abort    eventType = "ABORT"
)

type event struct {
	Type     eventType `json:"eventType"`
	Time     time.Time `json:"eventTime"`
	Run      run       `json:"run"`
	Job      job       `json:"job"`
	Inputs   []input   `json:"inputs"`
	Outputs  []output  `json:"outputs"`
	Producer string    `json:"producer"`
	Schema   string    `json:"schemaURL"`
}

type run struct {
	ID     uuid.UUID `json:"runId"`
	Facets runFacets `json:"facets"`
}

type job struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Facets    jobFacets `json:"facets"`
}

// A facet is what all facets begin with.
type facet struct {
	Producer string `json:"_producer"`
	Schema   string `json:"_schemaURL"`
}

func facetOf(schema string) facet { return facet{Producer, schema} }

type runFacets struct {
	Engine  *engineFacet  `json:"processing_engine,omitempty"`
	Nominal *nominalFacet `json:"nominalTime,omitempty"`
	Error   *errorFacet   `json:"errorMessage,omitempty"`
}

type engineFacet struct {
	facet
	Version string `json:"version"`
	Name    string `json:"name"`
}

type nominalFacet struct {
	facet
	Start time.Time `json:"nominalStartTime"`
}

type errorFacet struct {
	facet
	Message  string `json:"message"`
	Language string `json:"programmingLanguage"`
}

type jobFacets struct {
	Type jobTypeFacet `json:"jobType"`
}

type jobTypeFacet struct {
	facet
	Processing  string `json:"processingType"`
	Integration string `json:"integration"`
	Type        string `json:"jobType"`
}

type input struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Facets    datasetFacets `json:"facets"`
	Read      *struct {
		Statistics readFacet `json:"inputStatistics"`
	} `json:"inputFacets,omitempty"`
}

type output struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Facets    datasetFacets `json:"facets"`
	Written   *struct {
		Statistics writtenFacet `json:"outputStatistics"`
	} `json:"outputFacets,omitempty"`
}

type datasetFacets struct {
	Schema *schemaFacet `json:"schema,omitempty"`
}

type schemaFacet struct {
	facet
	Fields []Field `json:"fields"`
}

type readFacet struct {
	facet
	Rows int64 `json:"rowCount"`
}

type writtenFacet struct {
	facet
	Rows  int64 `json:"rowCount"`
	Bytes int64 `json:"size"`
	Files int   `json:"fileCount"`
}

// newEvent returns what is told of a run at a moment of it.
func newEvent(t eventType, at time.Time, r tidemark.Run, j Job, namespace, version string) event {
	e := event{
		Type: t, Time: at.UTC(), Producer: Producer, Schema: runEvent,
		Run: run{ID: runUUID(r.ID)},
		Job: job{
			Namespace: namespace, Name: string(r.Pipeline),
			Facets: jobFacets{jobTypeFacet{facetOf(jobTypeOf), "BATCH", "TIDEMARK", "PIPELINE"}},
		},
		Inputs:  []input{{Namespace: j.Source.Namespace, Name: j.Source.Name, Facets: j.Source.facets()}},
		Outputs: []output{{Namespace: j.Target.Namespace, Name: j.Target.Name, Facets: j.Target.facets()}},
	}
	if version != "" {
		e.Run.Facets.Engine = &engineFacet{facetOf(engineOf), version, "Tidemark"}
	}
	if due, ok := nominal(r.Causes); ok {
		e.Run.Facets.Nominal = &nominalFacet{facetOf(nominalOf), due.UTC()}
	}
	if t == fail {
		e.Run.Facets.Error = &errorFacet{facetOf(errorOf), cut(r.Error), "Go"}
	}
	if t != start && r.Result != nil {
		e.count(*r.Result)
	}
	return e
}

// count fills in what a run has read, and what it has written if that was committed.
func (e *event) count(r tidemark.RunResult) {
	e.Inputs[0].Read = &struct {
		Statistics readFacet `json:"inputStatistics"`
	}{readFacet{facetOf(readOf), r.Read}}
	written := writtenFacet{facet: facetOf(writtenOf)}
	if r.Committed {
		written.Rows, written.Bytes, written.Files = r.New, r.Bytes, r.Files
	}
	e.Outputs[0].Written = &struct {
		Statistics writtenFacet `json:"outputStatistics"`
	}{written}
}

// nominal returns the time of the calendar for which a run is, if it was such a time that wanted it first.
func nominal(causes []tidemark.Cause) (time.Time, bool) {
	for _, c := range causes {
		if c.Kind != tidemark.TriggerCron {
			continue
		}
		text, _ := strings.CutPrefix(c.ID, string(c.Trigger)+"@")
		if due, err := time.Parse(time.RFC3339Nano, text); err == nil { // another was fired by hand
			return due, true
		}
	}
	return time.Time{}, false
}

func cut(text string) string {
	if len(text) > maxMessage {
		text = text[:maxMessage]
	}
	return strings.ToValidUTF8(text, "")
}

// runUUID returns the id of a run as the UUID that events know it by: always the same one. Ours are a time in milliseconds
// and random bits, which is what a UUID of version 7 is; six of the bits give way to version and variant.
func runUUID(id tidemark.RunID) uuid.UUID {
	crockford := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	bits, err := crockford.DecodeString(string(id))
	if err != nil || len(bits) != len(uuid.UUID{}) {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte(Producer+"/runs/"+string(id)))
	}
	u := uuid.UUID(bits)
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u
}
