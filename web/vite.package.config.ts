import { defineConfig } from "vite";

/*
 * The package for shops built with React: package/dist/index.js and style.css; the types come from
 * tsconfig.package.json. React is the shop's; hls.js and the icons are dependencies, so that its bundler takes
 * one copy and loads hls.js when it is needed.
 */
export default defineConfig({
  publicDir: false,
  build: {
    target: "es2022",
    outDir: "package/dist",
    minify: false,
    lib: {
      entry: "src/package/index.ts",
      formats: ["es"],
      fileName: "index",
      cssFileName: "style",
    },
    rolldownOptions: {
      external: /^(react|react-dom|react\/jsx-runtime|hls\.js|lucide-react)$/,
      /* Hooks run in the browser: frameworks that render on a server are told so. */
      output: { banner: '"use client";' },
    },
  },
});
