import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { answer, api } from "../api/client";
import { Button, Failure } from "../ui/parts";

export function Login() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const client = useQueryClient();
  const login = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session", { body: { name, password } })),
    onSuccess: () => client.resetQueries(),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    login.mutate();
  };
  return (
    <main>
      <form className="login" onSubmit={submit}>
        <h1>Tidemark</h1>
        <Failure error={login.error} />
        <label>
          Name
          <input value={name} onChange={(e) => setName(e.target.value)} autoComplete="username" autoFocus required />
        </label>
        <label>
          Password
          <input type="password" value={password} onChange={(e) => setPassword(e.target.value)} autoComplete="current-password" required />
        </label>
        <Button type="submit" kind="main" busy={login.isPending}>
          Log in
        </Button>
      </form>
    </main>
  );
}
