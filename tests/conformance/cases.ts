/** Cases of operations, as the kits have them. */
export * from "../../core/conformance/operations/cases.ts";
