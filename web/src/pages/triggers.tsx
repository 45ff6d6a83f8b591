import { Suspense, lazy } from "react";
import { Link } from "wouter";

import type { Trigger } from "../api/client";
import { enableTrigger, fireTrigger, useAct, usePipelines, useTriggers } from "../api/queries";
import { Only } from "../app";
import { Answer, Button, Empty, Failure, Loading, Page, State, Table, When, pipelinePath, runPath, useNow } from "../ui/parts";

const Graph = lazy(() => import("./triggers/graph"));

const drawn = 400; // triggers: a picture of more tells nothing

export function Triggers() {
  const triggers = useTriggers();
  const pipelines = usePipelines();
  return (
    <Page title="Triggers">
      <Answer of={triggers}>
        {(data) => {
          const all = data.triggers ?? [];
          return (
            <>
              {all.length > 0 && all.length <= drawn && pipelines.data && (
                <Suspense fallback={<Loading />}>
                  <Graph triggers={all} pipelines={pipelines.data.pipelines ?? []} />
                </Suspense>
              )}
              <TriggerTable triggers={all} />
            </>
          );
        }}
      </Answer>
    </Page>
  );
}

export function TriggerTable({ triggers }: { triggers: Trigger[] }) {
  const now = useNow();
  const enable = useAct((t: Trigger) => enableTrigger(t.pipeline, nameOf(t), !t.enabled));
  const fire = useAct((t: Trigger) => fireTrigger(t.pipeline, nameOf(t)));
  if (triggers.length === 0) return <Empty>No trigger starts anything: add triggers to pipelines in the config.</Empty>;
  return (
    <>
      <Failure error={enable.error ?? fire.error} />
      <Table label="Triggers" head={["Trigger", "Waits for", "Next", "Fired", "Last result", ""]}>
        {triggers.map((t) => (
          <tr key={t.id}>
            <td>
              <Link href={pipelinePath(t.pipeline)}>{t.id}</Link>
              {!t.enabled && <span className="soft"> off</span>}
            </td>
            <td>
              {t.says}
              {t.error && <div className="problem">{t.error}</div>}
            </td>
            <td className="nowrap">{t.enabled && t.next ? <When at={t.next} now={now} /> : <span className="soft">–</span>}</td>
            <td className="nowrap">
              <When at={t.fired} now={now} />
            </td>
            <td>
              {t.last ? (
                <Link href={runPath(t.last.run)}>
                  <State state={t.last.state} />
                </Link>
              ) : (
                <span className="soft">–</span>
              )}
            </td>
            <td className="nowrap">
              <Only role="operator">
                <span className="actions">
                  <Button label={`${t.enabled ? "Turn off" : "Turn on"} ${t.id}`} busy={enable.isPending} onClick={() => enable.mutate(t)}>
                    {t.enabled ? "Turn off" : "Turn on"}
                  </Button>
                  {t.enabled && (
                    <Button label={`Fire ${t.id} now`} busy={fire.isPending} onClick={() => fire.mutate(t)}>
                      Fire now
                    </Button>
                  )}
                </span>
              </Only>
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

const nameOf = (t: Trigger) => t.id.slice(t.pipeline.length + 1);
