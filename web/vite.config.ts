import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/* `npm run dev` serves the pages with hot reload and passes everything else to a running server. */
const server = process.env.STOA_URL ?? "http://127.0.0.1:8080";
const passed = ["/api", "/whip", "/whep", "/hls", "/trpc"];

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    /* Every asset is a file of its own: the server's content security policy knows no data: URLs. */
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    /* hls.js is one library in one lazily loaded file of about 560 kB (175 kB on the wire). */
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: Object.fromEntries(passed.map((path) => [path, server])) },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
