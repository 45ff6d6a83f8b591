// What pages ask the server for, and how often.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answer, api } from "./client";

const often = 3000; // milliseconds

export const useSession = () =>
  useQuery({ queryKey: ["session"], queryFn: () => answer(api.GET("/api/v1/session")), retry: false, staleTime: 60_000 });

export const usePipelines = () =>
  useQuery({ queryKey: ["pipelines"], queryFn: () => answer(api.GET("/api/v1/pipelines")), refetchInterval: often });

export const usePipeline = (name: string) =>
  useQuery({
    queryKey: ["pipelines", name],
    queryFn: () => answer(api.GET("/api/v1/pipelines/{name}", { params: { path: { name } } })),
    refetchInterval: often,
  });

export const useSpec = (name: string) =>
  useQuery({
    queryKey: ["spec", name],
    queryFn: () => answer(api.GET("/api/v1/pipelines/{name}/spec", { params: { path: { name } } })),
    retry: false,
  });

export const useConnections = () => useQuery({ queryKey: ["connections"], queryFn: () => answer(api.GET("/api/v1/connections")) });

export type RunFilter = { pipeline?: string; state?: string; before?: string; since?: string; limit?: number };

export const useRuns = (f: RunFilter) =>
  useQuery({
    queryKey: ["runs", f],
    queryFn: () =>
      answer(
        api.GET("/api/v1/runs", {
          params: {
            query: {
              limit: f.limit ?? 50,
              before: f.before,
              since: f.since,
              pipeline: f.pipeline ? [f.pipeline] : undefined,
              state: f.state ? [f.state as never] : undefined,
            },
          },
        }),
      ),
    refetchInterval: often,
    placeholderData: (before) => before,
  });

export const useTriggers = () =>
  useQuery({ queryKey: ["triggers"], queryFn: () => answer(api.GET("/api/v1/triggers")), refetchInterval: often });

export const useWatermarks = () =>
  useQuery({ queryKey: ["watermarks"], queryFn: () => answer(api.GET("/api/v1/watermarks")), refetchInterval: 15_000 });

// useAct makes a change and reads again what it may have changed.
export function useAct<A>(act: (args: A) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: act, onSettled: () => client.invalidateQueries() });
}

export const startRun = (name: string) =>
  answer(api.POST("/api/v1/pipelines/{name}/runs", { params: { path: { name } } }));

export const cancelRun = (id: string) => answer(api.POST("/api/v1/runs/{id}/cancel", { params: { path: { id } } }));

export const fireTrigger = (pipeline: string, name: string) =>
  answer(api.POST("/api/v1/triggers/{pipeline}/{name}/fire", { params: { path: { pipeline, name } } }));

export const enableTrigger = (pipeline: string, name: string, enabled: boolean | null) =>
  answer(api.PATCH("/api/v1/triggers/{pipeline}/{name}", { params: { path: { pipeline, name } }, body: { enabled } }));
