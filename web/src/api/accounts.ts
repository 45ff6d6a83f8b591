// Who may come to the server, and what was asked of it.
import { useQuery } from "@tanstack/react-query";

import { type Schemas, answer, api } from "./client";

export type User = Schemas["User"];
export type Token = Schemas["Token"];
export type Act = Schemas["Act"];
export type Role = "viewer" | "operator" | "admin";
export const roles: Role[] = ["viewer", "operator", "admin"];

export const useUsers = () => useQuery({ queryKey: ["users"], queryFn: () => answer(api.GET("/api/v1/users")) });

export const addUser = (body: { name: string; role: Role; password: string }) => answer(api.POST("/api/v1/users", { body }));

export const changeUser = (change: { name: string; role?: Role; disabled?: boolean; password?: string }) => {
  const { name, ...body } = change;
  return answer(api.PATCH("/api/v1/users/{name}", { params: { path: { name } }, body }));
};

export const removeUser = (name: string) => answer(api.DELETE("/api/v1/users/{name}", { params: { path: { name } } }));

export const useTokens = () => useQuery({ queryKey: ["tokens"], queryFn: () => answer(api.GET("/api/v1/tokens")) });

export const addToken = (body: { name: string; role: Role; expires?: string }) => answer(api.POST("/api/v1/tokens", { body }));

export const removeToken = (name: string) => answer(api.DELETE("/api/v1/tokens/{name}", { params: { path: { name } } }));

export type ActFilter = { who?: string; action?: string; object?: string; refused?: boolean; before?: number };

export const useAudit = (query: ActFilter) =>
  useQuery({
    queryKey: ["audit", query],
    queryFn: () => answer(api.GET("/api/v1/audit", { params: { query: { ...query, limit: 50 } } })),
    placeholderData: (before) => before,
  });

export const changePassword = (body: { old: string; new: string }) => answer(api.PUT("/api/v1/session/password", { body }));
