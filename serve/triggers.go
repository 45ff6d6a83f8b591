package serve

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/config"
	"github.com/tidemark-data/tidemark/internal/web"
)

// Triggers implements web.Triggers.
func (b *backend) Triggers(ctx context.Context) ([]web.Trigger, error) {
	last, err := b.store.Fired(ctx)
	if err != nil {
		return nil, err
	}
	var all []web.Trigger
	for _, s := range b.scheduler.Triggers() {
		t := web.Trigger{
			ID: s.ID, Pipeline: s.ID.Pipeline(), Kind: s.Kind, Says: says(s.Trigger), After: s.After,
			Enabled: s.Enabled, ByHand: s.State.Enabled != nil, Error: s.State.Error, Next: orNil(s.Next), Fired: orNil(s.State.Fired),
		}
		if r, found := last[s.ID]; found {
			t.Last = &web.Started{Run: r.ID, State: r.State, Ended: orNil(r.Ended)}
		}
		all = append(all, t)
	}
	return all, nil
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// says tells what a trigger waits for.
func says(t tidemark.Trigger) string {
	switch t.Kind {
	case tidemark.TriggerCron:
		if t.Zone != "" {
			return fmt.Sprintf("cron %s in %s", t.Cron, t.Zone)
		}
		return fmt.Sprintf("cron %s in UTC", t.Cron)
	case tidemark.TriggerEvery:
		return "every " + config.Duration(t.Every).String()
	case tidemark.TriggerAfter:
		which := "any"
		if t.All {
			which = "all"
		}
		if len(t.After) == 1 {
			return fmt.Sprintf("%s of %s", t.On, t.After[0])
		}
		return fmt.Sprintf("%s of %s of %s", t.On, which, strings.Join(t.After, ", "))
	case tidemark.TriggerWebhook:
		return "a request to /api/v1/hooks/" + string(t.ID)
	case tidemark.TriggerObject:
		if t.Queue != "" {
			return fmt.Sprintf("new objects below %q, by the queue %s", t.Prefix, t.Queue)
		}
		if t.Queue != "" {
			where := ""
			if t.Connection != "" {
				where = " in " + t.Connection
			}
			return fmt.Sprintf("new objects%s below %q, told of by the queue %s", where, t.Prefix, t.Queue)
		}
		return fmt.Sprintf("new objects in %s below %q, looked for every %s", t.Connection, t.Prefix, config.Duration(t.Every))
	case tidemark.TriggerSource:
		return fmt.Sprintf("changes of the source, looked for every %s", config.Duration(t.Every))
	}
	return string(t.Kind)
}

// Enable implements web.Triggers.
func (b *backend) Enable(ctx context.Context, id tidemark.TriggerID, on *bool) error {
	return b.scheduler.Enable(ctx, id, on)
}

// Fire implements web.Triggers.
func (b *backend) Fire(ctx context.Context, id tidemark.TriggerID, by string) ([]tidemark.Run, error) {
	return b.scheduler.Fire(ctx, id, "", by, "")
}
