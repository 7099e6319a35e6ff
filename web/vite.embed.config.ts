import { defineConfig } from "vite";

/*
 * What shops without React load: dist/embed/stoa-player.js, one script that fetches hls.js when there is something
 * to play, and the script of the page for iframes. Built after the pages, into their folder, from the same
 * components: Preact stands in for React, because a shop's visitors should not load 60 kB for a play button.
 */
export default defineConfig({
  publicDir: false,
  resolve: {
    alias: {
      "react-dom/client": "preact/compat/client",
      "react/jsx-runtime": "preact/jsx-runtime",
      react: "preact/compat",
    },
  },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    modulePreload: false,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      /* "use client" is for servers that render React. */
      onLog: (level, log, tell) => {
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") tell(level, log);
      },
      input: { "stoa-player": "src/embed/stoa-player.ts", page: "src/embed/page.ts" },
      output: {
        /* These names are written into the pages of shops and never change. */
        entryFileNames: "embed/[name].js",
        chunkFileNames: "assets/[name]-[hash].js",
      },
    },
  },
});
