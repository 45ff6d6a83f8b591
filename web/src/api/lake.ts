// What pages ask of the lakes: which there are, their tables, and SELECTs over them.
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { type Schemas, answer, api } from "./client";

export type Table = Schemas["Description"];
export type LakeTable = Schemas["LakeTable"];
export type Change = Schemas["Change"];
export type Column = Schemas["Column"];
export type Answered = Schemas["QueryAnswerBody"];

const calm = 30_000; // milliseconds; a table changes when a run has ended

// useLakes are the connections that hold tables.
export const useLakes = () =>
  useQuery({
    queryKey: ["lakes"],
    queryFn: async () => ((await answer(api.GET("/api/v1/connections"))).connections ?? []).filter((c) => c.lake),
    staleTime: calm,
  });

// useNames are the tables of a lake by name alone: a list of thousands is there at once.
export const useNames = (lake: string | undefined) =>
  useQuery({
    queryKey: ["names", lake],
    enabled: lake !== undefined,
    queryFn: async () => {
      const list = await answer(api.GET("/api/v1/catalog/{lake}/tables", { params: { path: { lake: lake ?? "" }, query: { brief: true } } }));
      return (list.tables ?? []).map((t) => t.table);
    },
    refetchInterval: calm,
  });

// useSummaries tell more of some tables, by their names.
export const useSummaries = (lake: string | undefined, names: string[]) =>
  useQuery({
    queryKey: ["summaries", lake, names],
    enabled: lake !== undefined && names.length > 0,
    queryFn: async () => {
      const list = await answer(api.GET("/api/v1/catalog/{lake}/tables", { params: { path: { lake: lake ?? "" }, query: { table: names } } }));
      return new Map((list.tables ?? []).map((t) => [tableName(t.table), t]));
    },
    placeholderData: keepPreviousData,
    staleTime: calm,
  });

export const tableQuery = (lake: string, table: string) => ({
  queryKey: ["table", lake, table],
  queryFn: () => answer(api.GET("/api/v1/catalog/{lake}/tables/{table}", { params: { path: { lake, table } } })),
  staleTime: calm,
});

export const useTable = (lake: string, table: string) => useQuery(tableQuery(lake, table));

export const useHistory = (lake: string, table: string, limit: number) =>
  useQuery({
    queryKey: ["table history", lake, table, limit],
    queryFn: () => answer(api.GET("/api/v1/catalog/{lake}/tables/{table}/history", { params: { path: { lake, table }, query: { limit } } })),
    placeholderData: keepPreviousData,
  });

export const useFiles = (lake: string, table: string, limit: number) =>
  useQuery({
    queryKey: ["table files", lake, table, limit],
    queryFn: () => answer(api.GET("/api/v1/catalog/{lake}/tables/{table}/files", { params: { path: { lake, table }, query: { limit } } })),
    placeholderData: keepPreviousData,
  });

export const useRecipes = (lake: string, table: string) =>
  useQuery({
    queryKey: ["recipes", lake, table],
    queryFn: () => answer(api.GET("/api/v1/catalog/{lake}/tables/{table}/recipes", { params: { path: { lake, table } } })),
  });

export const comment = (a: { lake: string; table: string; column?: string; comment: string }) =>
  answer(
    api.PUT("/api/v1/catalog/{lake}/tables/{table}/comment", {
      params: { path: { lake: a.lake, table: a.table } },
      body: { column: a.column, comment: a.comment },
    }),
  );

const seconds = 1800; // that a query may take

// ask answers a SELECT. All values are texts: a browser's numbers have 53 bits, those of a lake 64 and more.
export const ask = (sql: string, lake: string, limit: number, signal?: AbortSignal): Promise<Answered> =>
  answer(api.POST("/api/v1/query", { body: { sql, lake, limit, as_text: true, timeout_seconds: seconds }, signal }));

// askParquet answers a SELECT with a Parquet file.
export const askParquet = (sql: string, lake: string, limit: number): Promise<Blob> =>
  answer(api.POST("/api/v1/query/parquet", { body: { sql, lake, limit, timeout_seconds: seconds }, parseAs: "blob" })) as Promise<Blob>;

export const tableName = (t: Schemas["TableID"]) => `${t.namespace}.${t.name}`;
