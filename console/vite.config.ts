import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const path = (relative: string) => new URL(relative, import.meta.url).pathname;

export default defineConfig({
  base: "./",
  plugins: [react()],
  resolve: { alias: { "ecommerce-client": path("../clients/typescript/src/index.ts") } },
  build: {
    outDir: path("../static/console"),
    emptyOutDir: true,
    license: { fileName: "LICENSES.md" },
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
        // Libraries change less often than the console, so browsers keep them.
        codeSplitting: { groups: [{ name: "libraries", test: /node_modules/ }] },
      },
    },
  },
  experimental: {
    // The page is /console, and its files are below /static/console: all addresses are relative to the page or the file.
    renderBuiltUrl: (file, { hostType }) => (hostType === "html" ? `static/console/${file}` : { relative: true }),
  },
  server: { fs: { allow: [".."] }, proxy: { "^/(?!src/|node_modules/|@)[a-z_]+": "http://127.0.0.1:8000" } },
});
