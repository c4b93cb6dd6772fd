// Builds the dashboard into the Python package, with a compressed copy of each file beside it.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { defineConfig, type Plugin } from "vite";
import { PAGES, pathOf } from "./src/pure/view.ts";

const OUT = process.env.LAPWING_DASHBOARD_OUT ?? "../src/lapwing/serving/dashboard";

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const path of files(OUT).filter((each) => !/\.(br|gz)$/.test(each))) {
        const bytes = readFileSync(path);
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, quality));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

/** The page begins with a small file that asks the first questions; the large one and its style are loaded beside it. */
function ahead(): Plugin {
  return {
    name: "ahead",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(_, { bundle }) {
        const main = Object.values(bundle ?? {}).find((each) => each.type === "chunk" && each.moduleIds.some((id) => id.endsWith("/src/main.tsx")));
        if (main?.type !== "chunk") throw new Error("there is no file of main.tsx");
        const styles = [...(main.viteMetadata?.importedCss ?? [])];
        return [
          { tag: "link", injectTo: "head", attrs: { rel: "modulepreload", crossorigin: true, href: `/${main.fileName}` } },
          ...styles.map((each) => ({ tag: "link", injectTo: "head" as const, attrs: { rel: "stylesheet", crossorigin: true, href: `/${each}` } })),
        ];
      },
    },
  };
}

/** One name for everything that the page is made of. */
function buildOf(files: string[]): string {
  return createHash("sha256").update([...files].sort().join("\n")).digest("hex").slice(0, 16);
}

/** The page says which build it is, and its service worker, one file without imports, knows that and what belongs to the page. */
function worker(): Plugin {
  return {
    name: "worker",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle }) => [{ tag: "meta", injectTo: "head", attrs: { name: "lapwing-build", content: buildOf(Object.keys(bundle ?? {}).filter((each) => each.startsWith("assets/"))) } }],
    },
    async writeBundle(_, bundle) {
      const assets = Object.keys(bundle).filter((each) => each.startsWith("assets/"));
      const shell = ["/", "/icon.svg", "/icon-192.png", "/badge-96.png", "/manifest.webmanifest", ...assets.filter((each) => /\.(js|css)$/.test(each)).map((each) => `/${each}`)];
      await build({
        entryPoints: ["src/worker/sw.ts"], outfile: join(OUT, "sw.js"), bundle: true, minify: true, format: "iife", target: "es2022", logLevel: "warning",
        define: { __BUILD__: JSON.stringify(buildOf(assets)), __SHELL__: JSON.stringify(shell), __PAGES__: JSON.stringify(PAGES.map(pathOf)) },
      });
    },
  };
}

export default defineConfig({
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  // Nothing stands inline in a page: its content security policy runs no such script and applies no such style.
  build: {
    outDir: OUT, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: "es2022",
    reportCompressedSize: false,
  },
  plugins: [ahead(), worker(), compressed()],
});
