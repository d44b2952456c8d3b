/** Finding the commit without running git. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { gitCommit } from "../../../core/run/provenance.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

function withFiles(files: Readonly<Record<string, string>>, test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [path, text] of Object.entries(files)) {
      const whole = join(folder, path);
      Deno.mkdirSync(join(whole, ".."), { recursive: true });
      Deno.writeTextFileSync(whole, text.replaceAll("FOLDER", folder));
    }
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("the commit of a branch is found, from folders below as well", () => {
  const files = {
    ".git/HEAD": "ref: refs/heads/main\n",
    ".git/refs/heads/main": `${COMMIT}\n`,
    "core/run/x.ts": "",
  };
  withFiles(files, (folder) => {
    assert.equal(gitCommit(folder), COMMIT);
    assert.equal(gitCommit(join(folder, "core", "run")), COMMIT);
  });
});

Deno.test("a detached head, packed branches and worktrees are understood", () => {
  withFiles({ ".git/HEAD": COMMIT }, (folder) => assert.equal(gitCommit(folder), COMMIT));
  const packed = `# pack-refs with: peeled\n${COMMIT.replace("0", "f")} refs/heads/other\n` +
    `${COMMIT} refs/heads/main\n`;
  withFiles(
    { ".git/HEAD": "ref: refs/heads/main", ".git/packed-refs": packed },
    (folder) => assert.equal(gitCommit(folder), COMMIT),
  );
  withFiles({
    "tree/.git": "gitdir: FOLDER/main/.git/worktrees/tree\n",
    "main/.git/worktrees/tree/HEAD": "ref: refs/heads/topic\n",
    "main/.git/worktrees/tree/commondir": "../..\n",
    "main/.git/refs/heads/topic": COMMIT,
  }, (folder) => assert.equal(gitCommit(join(folder, "tree")), COMMIT));
});

Deno.test("a repository without a commit, or a damaged one, has none", () => {
  withFiles({ ".git/HEAD": "ref: refs/heads/main" }, (folder) => {
    assert.equal(gitCommit(folder), null);
  });
  withFiles({ ".git/HEAD": "nonsense" }, (folder) => assert.equal(gitCommit(folder), null));
  withFiles({ ".git/description": "" }, (folder) => assert.equal(gitCommit(folder), null));
});
