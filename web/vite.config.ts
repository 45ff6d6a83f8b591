import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The files have names without hashes: they are committed, and the server tells by an ETag whether they have changed.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../internal/web/console",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
});
