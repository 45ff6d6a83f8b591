// What is asked for beside a watermark: its history, and what the next run would read. Of the many pipelines of a group only
// when somebody wants to see it, since it asks the source and the lake.
import { useState } from "react";

import { usePipelines } from "../../api/queries";
import { Button } from "../../ui/parts";
import { History } from "./history";
import { NextRun } from "./next";
import "./watermark.css";

export function More({ pipeline, loaded }: { pipeline: string; loaded: boolean }) {
  const pipelines = usePipelines();
  const [open, setOpen] = useState(false);
  const alone = pipelines.data?.pipelines?.some((p) => p.name === pipeline);
  if (!pipelines.data) return null;
  if (!alone && !open) {
    return (
      <p>
        <Button label={`Show the history of ${pipeline} and its next run`} onClick={() => setOpen(true)}>
          History and next run
        </Button>
      </p>
    );
  }
  return (
    <>
      <NextRun pipeline={pipeline} />
      {loaded && <History pipeline={pipeline} />}
    </>
  );
}
