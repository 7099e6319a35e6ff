/*
 * A shop that uses @stoa/react, made anew outside this tree: the package is packed as for a registry and installed
 * from its tarball, everything else is what web/ has installed. Nothing comes from the network.
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const here = path.dirname(new URL(import.meta.url).pathname);
const web = path.resolve(here, "../../../web");
const LINKED = ["react", "react-dom", "hls.js", "lucide-react", "vite", "@types/react", "@types/react-dom"];

/* The last two are for npm 9.2, Debian's: it would copy the folders and fetch what they depend on, and it runs the
   prepare of what it links in spite of --ignore-scripts. */
const OPTIONS = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-install-links", "--script-shell=/bin/true"];

const execute = promisify(execFile);

/* Runs a program to its end; what it said against it is the message of the error. */
async function run(folder, program, ...args) {
  try {
    const { stdout } = await execute(program, args, { cwd: folder, timeout: 120_000 });
    return stdout;
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")}\n${error.stdout}${error.stderr}`);
  }
}

export async function createConsumer() {
  const folder = await mkdtemp(path.join(tmpdir(), "stoa-shop-"));
  const tool = (name) => path.join(web, "node_modules", ".bin", name);
  return {
    folder,
    install: async () => {
      await cp(path.join(here, "../consumer"), folder, { recursive: true });
      await run(path.join(web, "package"), "npm", "pack", "--pack-destination", folder);
      const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
      const linked = LINKED.map((name) => path.join(web, "node_modules", name));
      await run(folder, "npm", "install", ...OPTIONS, `./${tarball}`, ...linked);
      return tarball;
    },
    typecheck: (config) => run(folder, tool("tsc"), "-p", config),
    build: () => run(folder, tool("vite"), "build"),
    renderOnServer: () => run(folder, "node", "src/server.mjs"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
