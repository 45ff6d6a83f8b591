import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app";
import { Problem } from "./api/client";
import "./style.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server has refused is refused the next time too; what did not reach it may.
      retry: (failures, error) => (error instanceof Problem && error.status > 0 && error.status < 500 ? false : failures < 2),
      refetchOnWindowFocus: true,
    },
  },
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
