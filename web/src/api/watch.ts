// What pages that watch and govern ask the server for.
import { useQuery } from "@tanstack/react-query";

import { type Schemas, answer, api } from "./client";

export type Recent = Schemas["Recent"];
export type Result = Schemas["RunResult"];
export type Change = Schemas["Change"];
export type Plan = Schemas["Plan"];

// useRecent is what pipelines have done of late; rows count since that time, in milliseconds.
export const useRecent = (since: number) =>
  useQuery({
    queryKey: ["recent", since],
    queryFn: () => answer(api.GET("/api/v1/recent", { params: { query: { since: new Date(since).toISOString() } } })),
    refetchInterval: 5000,
    placeholderData: (before) => before,
  });

// useOneRun is a run as it is now; it is asked for again until it has ended.
export const useOneRun = (id: string) =>
  useQuery({
    queryKey: ["run", id],
    queryFn: () => answer(api.GET("/api/v1/runs/{id}", { params: { path: { id } } })),
    enabled: id !== "",
    refetchInterval: (q) => (q.state.data && !isOver(q.state.data) ? 2000 : false),
  });

export const isOver = (run: { state: string }) => run.state !== "queued" && run.state !== "running";

// useRunBefore is the run of the same pipeline that was queued before this one.
export const useRunBefore = (pipeline: string, id: string) =>
  useQuery({
    queryKey: ["run-before", pipeline, id],
    queryFn: () => answer(api.GET("/api/v1/runs", { params: { query: { pipeline: [pipeline], before: id, limit: 1 } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const useHistory = (name: string) =>
  useQuery({
    queryKey: ["history", name],
    queryFn: () => answer(api.GET("/api/v1/pipelines/{name}/history", { params: { path: { name }, query: { limit: 500 } } })),
    refetchInterval: 30_000,
  });

// usePlan asks the source and the lake, so only once until somebody wants it anew.
export const usePlan = (name: string) =>
  useQuery({
    queryKey: ["plan", name],
    queryFn: () => answer(api.GET("/api/v1/pipelines/{name}/plan", { params: { path: { name } } })),
    staleTime: 60_000,
    refetchOnWindowFocus: false,
  });
