/** Every operation in use, as the kits have them. */
export { operations } from "../../core/conformance/operations/mod.ts";
