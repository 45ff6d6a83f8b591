// The YAML of the pipeline, its plan, and what to do with it.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";

import { startRun } from "../../api/queries";
import { Button, Failure, Loading, pipelinePath, runPath } from "../../ui/parts";
import { planOf, savePipeline } from "./draft";
import { PlanView } from "./plan";
import { useSettled } from "../../ui/settled";

const pause = 400; // milliseconds, in which somebody may type on

// usePlan asks for the plan of what the form says, once nobody types any more.
export function usePlan(name: string, yaml: string, right: boolean) {
  const asked = useSettled(`${name}\n${yaml}`, pause);
  const current = asked === `${name}\n${yaml}`;
  const plan = useQuery({
    queryKey: ["draft-plan", asked],
    queryFn: ({ signal }) => planOf(name, yaml, signal),
    enabled: right && current,
    retry: false,
    staleTime: Infinity,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
  return { data: plan.data, error: current ? plan.error : null, busy: plan.isFetching, old: !current || plan.isPlaceholderData };
}

type Props = { name: string; yaml: string; right: boolean; plan: ReturnType<typeof usePlan> };

export function Finish({ name, yaml, right, plan }: Props) {
  return (
    <>
      <div className="outcome">
        <section aria-label="YAML">
          <h3>As it will stand in the config</h3>
          <pre className="text" tabIndex={0} aria-label="YAML of the pipeline">
            {yaml}
          </pre>
        </section>
        <section aria-label="Plan" aria-busy={plan.busy}>
          <h3>What the first run will do</h3>
          {!right && <p className="soft">There is a plan once nothing above is wrong.</p>}
          {right && <Failure error={plan.error} />}
          {right && !plan.error && plan.data?.plans?.map((p) => <PlanView key={p.pipeline} plan={p} old={plan.old} />)}
          {right && plan.busy && !plan.data && <Loading />}
        </section>
      </div>
      <Save name={name} yaml={yaml} right={right} />
    </>
  );
}

function Save({ name, yaml, right }: { name: string; yaml: string; right: boolean }) {
  const [, go] = useLocation();
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: async (run: boolean) => {
      await savePipeline(name, yaml);
      if (!run) return pipelinePath(name);
      try {
        const begun = (await startRun(name)) as { runs: { id: string }[] | null };
        const first = begun.runs?.[0];
        return first ? runPath(first.id) : pipelinePath(name);
      } catch {
        return pipelinePath(name); // it is saved, and its page can start it
      }
    },
    onSuccess: async (path) => {
      sessionStorage.removeItem(`draft:${name}`);
      go(path); // before the name is known to be taken
      await client.invalidateQueries();
    },
  });
  const canvas = () => {
    sessionStorage.setItem(`draft:${name}`, yaml);
    go(`${pipelinePath(name)}/visual`);
  };
  return (
    <>
      <Failure error={save.error} />
      <div className="actions">
        <Button kind="main" busy={!right || save.isPending} onClick={() => save.mutate(true)}>
          Save and run
        </Button>
        <Button busy={!right || save.isPending} onClick={() => save.mutate(false)}>
          Save
        </Button>
        <Button busy={!right || save.isPending} onClick={canvas}>
          Open on the canvas
        </Button>
      </div>
    </>
  );
}

