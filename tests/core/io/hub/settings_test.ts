import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { hubSettings } from "../../../../core/io/hub/mod.ts";
import { inFolder, userError } from "../support.ts";

Deno.test("without any variable the hub is Hugging Face's and the cache is Python's", () => {
  assert.deepEqual(hubSettings({ HOME: "/home/ann" }), {
    endpoint: "https://huggingface.co",
    cache: "/home/ann/.cache/huggingface/hub",
    offline: false,
  });
  assert.equal(hubSettings({}).cache, join(os.homedir(), ".cache/huggingface/hub"));
});

Deno.test("the variable that says most about the cache counts", () => {
  const cache = (environment: Record<string, string>) =>
    hubSettings({ HOME: "/home/ann", ...environment }).cache;
  const all = {
    "HF_HUB_CACHE": "/a",
    "HUGGINGFACE_HUB_CACHE": "/b",
    "HF_HOME": "/c",
    "XDG_CACHE_HOME": "/d",
  };
  assert.equal(cache(all), "/a");
  assert.equal(cache({ ...all, "HF_HUB_CACHE": "" }), "/b");
  assert.equal(cache({ "HF_HOME": "/c", "XDG_CACHE_HOME": "/d" }), "/c/hub");
  assert.equal(cache({ "XDG_CACHE_HOME": "/d" }), "/d/huggingface/hub");
  assert.equal(cache({ "HF_HOME": "~/hf" }), "/home/ann/hf/hub");
  assert.equal(
    cache({ "HF_HUB_CACHE": "$SCRATCH/${USER}/x$", USER: "ann", SCRATCH: "/s" }),
    "/s/ann/x$",
  );
  assert.equal(cache({ "HF_HUB_CACHE": "/s/$NOWHERE/~" }), "/s/$NOWHERE/~");
  assert.equal(cache({ "HF_HUB_CACHE": "here" }), join(Deno.cwd(), "here"));
});

Deno.test("offline is 1, ON, YES or TRUE in any case, and nothing else", () => {
  for (const value of ["1", "on", "Yes", "TRUE"]) {
    assert.ok(hubSettings({ "HF_HUB_OFFLINE": value }).offline, value);
  }
  for (const value of ["0", "", "no", "2", "enabled"]) {
    assert.ok(!hubSettings({ "HF_HUB_OFFLINE": value }).offline, value);
  }
  assert.ok(hubSettings({ "TRANSFORMERS_OFFLINE": "1" }).offline);
  assert.ok(!hubSettings({ "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1" }).offline);
});

Deno.test("the token is HF_TOKEN, or what hf auth login wrote", () =>
  inFolder(async (folder) => {
    const environment = { "HF_HOME": folder };
    assert.equal(hubSettings(environment).token, undefined);
    const file = join(folder, "token");
    fs.writeFileSync(file, "hf_file\n");
    assert.deepEqual(hubSettings(environment).token, { value: "hf_file", source: file });
    assert.deepEqual(hubSettings({ ...environment, "HF_TOKEN": " hf_variable\r\n" }).token, {
      value: "hf_variable",
      source: "HF_TOKEN",
    });
    const other = join(folder, "other");
    fs.writeFileSync(other, "\n");
    assert.equal(hubSettings({ "HF_TOKEN_PATH": other }).token, undefined);
    await userError(
      () => hubSettings({ "HF_TOKEN_PATH": folder }),
      `Cannot read the token ${folder}: it is a folder, not a file; name a file`,
    );
    await userError(
      () => hubSettings({ "HF_TOKEN": "hf_a b" }),
      /^Cannot use the token in HF_TOKEN: it holds characters that no token has; copy it again$/,
    );
  }));

Deno.test("an endpoint is an address; slashes at its end do not count", async () => {
  const endpoint = (value: string) => hubSettings({ "HF_ENDPOINT": value }).endpoint;
  assert.equal(endpoint("http://127.0.0.1:8080//"), "http://127.0.0.1:8080");
  assert.equal(endpoint("https://mirror.org/hf/"), "https://mirror.org/hf");
  for (const value of ["mirror.org", "ftp://mirror.org", "https:", "/mirror"]) {
    await userError(
      () => endpoint(value),
      `Cannot use HF_ENDPOINT "${value}": it is no address; write it like https://huggingface.co`,
    );
  }
});

Deno.test("any values of the variables give settings or one line", () => {
  const names = ["HF_ENDPOINT", "HF_TOKEN", "HF_HUB_CACHE", "HF_HOME", "HF_HUB_OFFLINE", "HOME"];
  const variables = fc.record(
    Object.fromEntries(names.map((name) => [name, fc.string({ unit: "binary" })])),
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(variables, (environment) => {
      try {
        const { cache, token } = hubSettings({ "HF_TOKEN_PATH": "/nowhere", ...environment });
        assert.ok(cache.startsWith("/"));
        assert.doesNotThrow(() => new Headers({ authorization: token?.value ?? "" }));
      } catch (error) {
        assert.equal((error as Error).name, "UserError");
        assert.ok(!(error as Error).message.includes("\n"));
      }
    }),
    { seed: 7 },
  );
});
