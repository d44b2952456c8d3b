/** A router on the kits' small site, held against the reference backend. */

import { RouterSetup } from "../../core/conformance/router/setup.ts";
import { type Router } from "../../core/contracts/mod.ts";
import { evaluate } from "../../plugins/backends/reference/mod.ts";

export { normal, uniform } from "../../core/conformance/drawn.ts";
export * from "../../core/conformance/router/setup.ts";

/** A router's decision in both modes, and values. */
export class Setup extends RouterSetup {
  constructor(router: Router) {
    super(router, evaluate);
  }
}
