import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const FONTS = ["inter", "jetbrains-mono"];

/** The fonts' licence (OFL) asks to travel with them. */
const fontLicences: Plugin = {
  name: "font-licences",
  generateBundle() {
    for (const font of FONTS) {
      const source = readFileSync(new URL(`node_modules/@fontsource-variable/${font}/LICENSE`, import.meta.url));
      this.emitFile({ type: "asset", fileName: `licences/${font}.txt`, source });
    }
  },
};

export default defineConfig({
  // Deep links such as /traces/<id> are answered with index.html, so that assets must be absolute.
  base: "/",
  plugins: [fontLicences],
  build: {
    outDir: "../arc_core/web/dist",
    emptyOutDir: true,
    // light-dark() and nesting stay as written from here on.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // A data: URI would be refused by `Content-Security-Policy: default-src 'self'`.
    assetsInlineLimit: 0,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": process.env["ARC_CORE_URL"] ?? "http://127.0.0.1:4318" },
  },
  test: { include: ["src/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
