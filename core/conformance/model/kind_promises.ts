/** What a family of models promises of the configurations that it reads. */

import assert from "node:assert/strict";
import { type ModelKind } from "../../contracts/mod.ts";
import { type PluginPromise } from "../promise.ts";
import { isRefusal } from "../refusal.ts";

/** Where a configuration is from, for messages. */
const SOURCE = "a/config.json";

/** Promises about reading configurations. @param config one that it reads */
export function kindPromises(
  kind: ModelKind,
  config: Readonly<Record<string, unknown>>,
): PluginPromise[] {
  return [
    {
      name: "its configuration is read",
      lookAt: "ModelKind.fromConfig, and ModelKind.architectures",
      check() {
        const named = config["architectures"];
        const known = Array.isArray(named) &&
          named.some((name) => kind.architectures.includes(name));
        assert.ok(known, `it names ${JSON.stringify(named)}, not ${kind.architectures.join(", ")}`);
        const { name, dims } = kind.fromConfig(config, SOURCE);
        return `${name}: ${dims.numLayers} layers, ${dims.hiddenSize} wide, ${dims.vocabSize} tokens`;
      },
    },
    {
      name: "a configuration without its sizes is refused by name",
      needs: "its configuration is read",
      lookAt: "ModelKind.fromConfig throws a UserError that names the file and the field",
      check() {
        const said = refusal(() => kind.fromConfig({}, SOURCE));
        assert.ok(said.includes(SOURCE), `the file is not named: ${said}`);
        return said;
      },
    },
    {
      name: "a size that is none is refused",
      needs: "its configuration is read",
      lookAt: "ModelKind.fromConfig throws a UserError that names the file and the field",
      check() {
        const sizes = Object.entries(config)
          .filter(([name, value]) => /layer|vocab/.test(name) && Number.isInteger(value));
        let refused = 0;
        for (const [name] of sizes) {
          for (const wrong of [-1, "many"]) {
            try {
              kind.fromConfig({ ...config, [name]: wrong }, SOURCE);
            } catch (error) {
              assert.ok(isRefusal(error), `${name} ${wrong}: it throws ${error}`);
              assert.ok(error.message.includes(name), `${name} is not named: ${error.message}`);
              refused++;
            }
          }
        }
        assert.ok(refused > 0, `of ${sizes.map(([name]) => name).join(", ")} any value is taken`);
        return `${refused} values of ${sizes.length} fields`;
      },
    },
  ];
}

function refusal(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.ok(isRefusal(error), `it throws ${error} instead of a UserError`);
    return error.message;
  }
  assert.fail("it is taken");
}
