/*
 * The last step of the package's build. TypeScript writes types as the sources import each other, without an ending;
 * a shop that resolves modules as Node.js does needs one. And a package carries its licence.
 */
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = new URL("./", import.meta.url);
const types = fileURLToPath(new URL("dist/types/", here));

for (const name of await readdir(types, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const path = types + name;
  const text = await readFile(path, "utf8");
  const full = text
    .replace(/^import "[^"]*\.css";\n/gm, "")
    .replace(/((?:from|import\()\s*")(\.\.?\/[^"]*)"/g, '$1$2.js"');
  await writeFile(path, full);
}

await copyFile(new URL("../../LICENSE", here), new URL("LICENSE", here));
