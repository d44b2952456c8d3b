import { openWebgpuBackend } from "../../../plugins/backends/webgpu/mod.ts";
import { testBackend } from "../../conformance/backend.ts";
import { CLOSE } from "../../conformance/close.ts";

testBackend("webgpu", () => openWebgpuBackend(), CLOSE.float32);
